// A length of time is a whole number and one unit: `30d`, `15m`, `500ms`. Never zero, never mixed, never negative, so
// that `0` cannot stand for both "at once" and "never". At most about 292 years, what 64 bits of nanoseconds hold.

/// A positive length of time in nanoseconds.
package struct Period: Hashable, Comparable, Sendable {
  package let nanoseconds: Int64

  /// Nil unless positive.
  package init?(nanoseconds: Int64) {
    guard nanoseconds > 0 else { return nil }
    self.nanoseconds = nanoseconds
  }

  private init(known nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static let minute = Period(known: 60_000_000_000)

  package static func < (a: Period, b: Period) -> Bool { a.nanoseconds < b.nanoseconds }

  package enum Fault: Error, Equatable, Sendable {
    case zero
    case tooLong
    /// Nothing that could be a period.
    case spelling
  }

  /// The largest first, so that a description takes the largest that divides.
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("w", 604_800_000_000_000), ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
    ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
  ]

  package init(spelling: String) throws(Fault) {
    let digits = spelling.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
    let unit = spelling.utf8.dropFirst(digits.count)
    guard !digits.isEmpty, let size = Self.units.first(where: { $0.name.utf8.elementsEqual(unit) }) else {
      throw spelling == "0" ? .zero : .spelling
    }
    guard let count = Int64(String(decoding: digits, as: UTF8.self)) else { throw .tooLong }
    let (product, overflow) = count.multipliedReportingOverflow(by: size.nanoseconds)
    guard !overflow else { throw .tooLong }
    guard product > 0 else { throw .zero }
    nanoseconds = product
  }
}

extension Period: CustomStringConvertible {
  package var description: String {
    // Weeks are read, but `30d` should not come back as `4w`-and-something: days are the largest that is written.
    for unit in Self.units.dropFirst() where nanoseconds % unit.nanoseconds == 0 {
      return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }
    return "\(nanoseconds)ns"
  }
}
