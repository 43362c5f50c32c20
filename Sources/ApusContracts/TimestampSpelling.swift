// How a moment is spelled in definitions. What is written reads back as the same nanosecond.

/// RFC 3339 in the proleptic Gregorian calendar: `2026-11-19T14:03:22Z`, with up to nine digits of a second and with `Z`
/// or an offset. A day alone is its midnight UTC. There are no leap seconds.
package enum TimestampSpelling {
  package static func nanoseconds(_ text: String) -> Int64? {
    var rest = text.utf8[...]
    func number(_ count: Int) -> Int64? {
      let digits = rest.prefix(count)
      guard digits.count == count else { return nil }
      var value: Int64 = 0
      for byte in digits {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int64(byte - 0x30)
      }
      rest = rest.dropFirst(count)
      return value
    }
    func skip(_ bytes: UInt8...) -> Bool {
      guard let first = rest.first, bytes.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }

    guard let year = number(4), skip(0x2D), let month = number(2), skip(0x2D), let day = number(2),
      (1...12).contains(month), day >= 1, day <= days(inMonth: month, of: year)
    else { return nil }
    var seconds = dayNumber(year, month, day) * 86_400
    var fraction: Int64 = 0
    if !rest.isEmpty {
      guard skip(0x54, 0x74, 0x20), let hour = number(2), skip(0x3A), let minute = number(2), skip(0x3A),
        let second = number(2), hour < 24, minute < 60, second < 60
      else { return nil }
      seconds += hour * 3_600 + minute * 60 + second
      if skip(0x2E) {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
        guard (1...9).contains(digits), let value = number(digits) else { return nil }
        fraction = (digits..<9).reduce(value) { scaled, _ in scaled * 10 }
      }
      if !skip(0x5A, 0x7A) {
        let isBehind = rest.first == 0x2D
        guard skip(0x2B, 0x2D), let hours = number(2), skip(0x3A), let minutes = number(2), hours < 24,
          minutes < 60
        else { return nil }
        seconds += (isBehind ? 1 : -1) * (hours * 3_600 + minutes * 60)
      }
      guard rest.isEmpty else { return nil }
    }
    // Before 1970 from the second's end, so that the first moment of all, in a second that began too early, is read too.
    if seconds < 0, fraction > 0 {
      seconds += 1
      fraction -= 1_000_000_000
    }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = whole.addingReportingOverflow(fraction)
    return overflow || carry ? nil : sum
  }

  package static func text(_ nanoseconds: Int64) -> String {
    let (seconds, fraction) = floored(nanoseconds, 1_000_000_000)
    let (day, second) = floored(seconds, 86_400)
    // Howard Hinnant's `civil_from_days`: an era is 400 years, and years begin in March.
    let shifted = day + 719_468
    let (era, dayOfEra) = floored(shifted, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date =
      "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * marchMonth + 2) / 5 + 1, 2))"
    let time = "\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    return fraction == 0 ? "\(date)T\(time)Z" : "\(date)T\(time).\(padded(fraction, 9))Z"
  }

  private static func floored(_ value: Int64, _ by: Int64) -> (quotient: Int64, rest: Int64) {
    let rest = value % by
    return rest < 0 ? (value / by - 1, rest + by) : (value / by, rest)
  }

  private static func padded(_ value: Int64, _ count: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  package static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01, by Hinnant's `days_from_civil`.
  package static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floored(shifted, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
