// The clock that label times are of, where they do not say. What it shows never, or twice, is no moment.

package struct LabelZone: Equatable, Sendable {
  /// As it was asked for, `Europe/Berlin`; a part of the set's identity.
  package let name: String
  private let universal: @Sendable (Int64) -> Int64?

  /// `universal`: from the seconds since 1970 that a clock there shows, counted as if it were UTC's, to those that are meant.
  package init(_ name: String, _ universal: @escaping @Sendable (Int64) -> Int64?) {
    self.name = name
    self.universal = universal
  }

  package static func == (a: LabelZone, b: LabelZone) -> Bool { a.name == b.name }

  /// The same of nanoseconds.
  func moment(local nanoseconds: Int64) -> Int64? {
    var (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if fraction < 0 {
      seconds -= 1
      fraction += 1_000_000_000
    }
    guard let meant = universal(seconds) else { return nil }
    let (product, over) = meant.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, beyond) = product.addingReportingOverflow(fraction)
    return over || beyond ? nil : sum
  }
}
