// Times are shown in UTC to the nanosecond, so that two that differ look different.

extension WallTime: CustomStringConvertible {
  /// As in RFC 3339: `2026-02-03T04:05:06.000000007Z`.
  package var description: String {
    let (day, inDay) = nanoseconds.flooredDivision(by: 86_400 * 1_000_000_000)
    let (year, month, dayOfMonth) = Self.civil(day: day)
    let (second, fraction) = inDay.flooredDivision(by: 1_000_000_000)
    let date = "\(Self.pad(year, 4))-\(Self.pad(month, 2))-\(Self.pad(dayOfMonth, 2))"
    let time = "\(Self.pad(second / 3600, 2)):\(Self.pad(second / 60 % 60, 2)):\(Self.pad(second % 60, 2))"
    return "\(date)T\(time).\(Self.pad(fraction, 9))Z"
  }

  /// The date of a day counted from 1970-01-01, by eras of 400 years that begin on a first of March: there
  /// the leap day comes last, and months have a regular length.
  private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, inEra) = (day + 719_468).flooredDivision(by: 146_097)
    let yearInEra = (inEra - inEra / 1_460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * yearInEra + yearInEra / 4 - yearInEra / 100)
    let fromMarch = (5 * inYear + 2) / 153
    let dayOfMonth = inYear - (153 * fromMarch + 2) / 5 + 1
    let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    return (era * 400 + yearInEra + (month <= 2 ? 1 : 0), month, dayOfMonth)
  }

  private static func pad(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Int64 {
  /// Rounds down, so that moments before 1970 fall on the right day.
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
