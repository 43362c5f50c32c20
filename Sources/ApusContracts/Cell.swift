// One cell of an answer: the winner of a feature, and what its age makes of it. "The winner is picked first and only
// then judged by its age"; nothing older is taken in its place. Online reads and training sets both end here.

import ApusBytes

/// The winner among what was said of a feature.
@usableFromInline
package struct Cell: Equatable, Sendable {
  @usableFromInline
  package enum Content: UInt8, Sendable {
    /// No visible event speaks of the feature.
    case unseen
    case deleted
    case null
    case value
  }

  @usableFromInline package let content: Content
  /// The winner's; *least* when there is none.
  @usableFromInline package let stamp: Stamp

  @inlinable
  internal init(content: Content, stamp: Stamp) {
    self.content = content
    self.stamp = stamp
  }

  /// Of a feature that nobody may know anything of.
  @inlinable package static var unseen: Cell { Cell(content: .unseen, stamp: .least) }

  /// Whether this cell, from one part of an entity's events, wins against one from another part.
  ///
  /// It is the fold, for a single feature; a delete does not clear what has its own stamp.
  @inlinable
  package func wins(over other: Cell) -> Bool {
    if content == .unseen { return false }
    if other.content == .unseen { return true }
    if stamp != other.stamp { return stamp > other.stamp }
    return content != .deleted
  }
}

/// What a cell of a reply is. The numbers are Feast's, and go over the wire.
@usableFromInline
package enum CellStatus: UInt8, Sendable {
  case invalid = 0
  case present = 1
  case nullValue = 2
  case notFound = 3
  case outsideMaxAge = 4
}

extension CellStatus {
  /// Whether a service's default stands in for the value. A null is no blank: it was said.
  package var isBlank: Bool { self == .notFound || self == .outsideMaxAge }
}

/// Why a cell is blank.
@usableFromInline
package enum BlankReason: UInt8, Sendable {
  case neverSeen = 1
  /// There are events, and none of them was known at the moment that was asked for.
  case notYetKnown = 2
  case deleted = 3
  case erased = 4
  case beyondHistory = 5
}

/// The moment that a cell's age is judged at: the server's clock, a label's time, or the time that was asked for.
@usableFromInline
package struct ReadTime: Comparable, Hashable, Sendable {
  @usableFromInline package var nanoseconds: Int64
  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  @inlinable package static func < (a: ReadTime, b: ReadTime) -> Bool { a.nanoseconds < b.nanoseconds }

  /// The earliest event time that is not out of age, in nanoseconds: T - ttl, or the beginning of time if that was
  /// earlier.
  @inlinable
  package func oldestNanoseconds(ttlNanoseconds ttl: Int64) -> Int64 {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(ttl)
    return overflow ? (ttl < 0 ? .max : .min) : difference
  }

  /// Whether what happened at a stamp is too old now. A ttl of nil: never.
  @inlinable
  package func isOutOfAge(_ stamp: Stamp, ttlNanoseconds ttl: Int64?) -> Bool {
    guard let ttl else { return false }
    return stamp.eventNanoseconds < oldestNanoseconds(ttlNanoseconds: ttl)
  }
}

extension Cell {
  @usableFromInline
  package struct Judgement: Equatable, Sendable {
    @usableFromInline package let status: CellStatus
    /// Only of what is not found.
    @usableFromInline package let reason: BlankReason?

    @inlinable
    package init(status: CellStatus, reason: BlankReason?) {
      self.status = status
      self.reason = reason
    }
  }

  /// The status at a moment. `ttl` is nil for *never out of age*. `unseen` is what the caller knows of a feature that no
  /// visible event speaks of: the cell itself cannot tell what was hidden from it.
  @inlinable
  package func status(
    at moment: ReadTime, ttlNanoseconds ttl: Int64?, unseen: BlankReason = .neverSeen
  ) -> Judgement {
    switch content {
    case .unseen: return Judgement(status: .notFound, reason: unseen)
    case .deleted: return Judgement(status: .notFound, reason: .deleted)
    case .null, .value:
      if moment.isOutOfAge(stamp, ttlNanoseconds: ttl) {
        return Judgement(status: .outsideMaxAge, reason: nil)
      }
      return Judgement(status: content == .null ? .nullValue : .present, reason: nil)
    }
  }
}
