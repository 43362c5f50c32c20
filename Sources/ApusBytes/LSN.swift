/// A record's place in the one total order of the log.
///
/// The first record has LSN 1; 0 is *none*, which sorts before every record. In a manifest's frames the
/// same type counts edits.
@usableFromInline
package struct LSN: RawRepresentable, Comparable, Hashable, Sendable {
  @usableFromInline package let rawValue: UInt64

  @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static let none = LSN(0)
  package static let first = LSN(1)

  @inlinable package static func < (a: LSN, b: LSN) -> Bool { a.rawValue < b.rawValue }

  /// The LSN after this one. At a million records a second, 64 bits last for 584,000 years.
  @inlinable package var next: LSN { LSN(rawValue + 1) }

  /// The LSN before this one; of *none*, *none*.
  package var previous: LSN { LSN(rawValue == 0 ? 0 : rawValue - 1) }

  package func advanced(by count: Int) -> LSN { LSN(rawValue + UInt64(count)) }
}

extension LSN: CustomStringConvertible {
  @usableFromInline package var description: String { String(rawValue) }
}

/// LSNs from `first` to `last`, both included; empty when `first > last`.
package struct LSNRange: Hashable, Sendable, CustomStringConvertible {
  package let first: LSN
  package let last: LSN

  package init(_ first: LSN, through last: LSN) {
    self.first = first
    self.last = last
  }

  package var isEmpty: Bool { first > last }
  package var count: UInt64 { isEmpty ? 0 : last.rawValue - first.rawValue + 1 }
  package func contains(_ lsn: LSN) -> Bool { first <= lsn && lsn <= last }

  /// What goes before *lost* in a sentence about it.
  package var verb: String { count == 1 ? "is" : "are" }

  package var description: String {
    if isEmpty { return "no LSN" }
    return first == last ? "LSN \(first)" : "LSNs \(first)–\(last)"
  }
}
