// How a GET is answered, and what a cell of the answer is. The numbers go over the wire.

package import ApusContracts

package enum ReplyLayout: UInt8, CaseIterable, Sendable {
  case columns = 1
  case row = 2
  case denseFloat32 = 3
  case denseFloat64 = 4

  /// Whether a column of this type can be answered so.
  package func takes(_ type: FeatureType) -> Bool {
    switch self {
    case .columns, .row: return true
    case .denseFloat32, .denseFloat64:
      guard type.shape == .scalar else { return false }
      return switch type.element {
      case .bool, .int32, .float32, .float64: true
      case .int64, .timestamp: self == .denseFloat64
      case .string, .bytes: false
      }
    }
  }
}

package struct GetOptions: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let minimum = GetOptions(rawValue: 1)
  package static let exact = GetOptions(rawValue: 2)
  /// Values out of age are sent, too.
  package static let stale = GetOptions(rawValue: 4)
  package static let eventTimes = GetOptions(rawValue: 8)
  package static let lsns = GetOptions(rawValue: 16)
  package static let all = GetOptions(rawValue: 31)

  // In bits: the set's own words for these are looked up when they are called, and these are asked for every GET.

  /// Whether cells are sent with their event times or their LSNs.
  package var haveStamps: Bool { rawValue & (GetOptions.eventTimes.rawValue | GetOptions.lsns.rawValue) != 0 }
  var areKnown: Bool { rawValue & ~GetOptions.all.rawValue == 0 }
  func has(_ option: GetOptions) -> Bool { rawValue & option.rawValue != 0 }
}

/// A cell's status and, for a blank, its reason.
@usableFromInline
package enum CellCode: UInt8, CaseIterable, Sendable {
  case invalid = 0
  case present = 1
  case null = 2
  case neverSeen = 3
  case outsideMaxAge = 4
  case notYetKnown = 5
  case deleted = 6
  case erased = 7
  case beyondHistory = 8
  /// Only when values out of age are asked for: the winner is a null.
  case nullOutsideMaxAge = 9

  package var status: CellStatus {
    switch self {
    case .invalid: .invalid
    case .present: .present
    case .null: .nullValue
    case .neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory: .notFound
    case .outsideMaxAge, .nullOutsideMaxAge: .outsideMaxAge
    }
  }

  package var reason: BlankReason? {
    switch self {
    case .neverSeen: .neverSeen
    case .notYetKnown: .notYetKnown
    case .deleted: .deleted
    case .erased: .erased
    case .beyondHistory: .beyondHistory
    case .invalid, .present, .null, .outsideMaxAge, .nullOutsideMaxAge: nil
    }
  }

  /// The code of a cell that is not found.
  package init(_ reason: BlankReason) {
    switch reason {
    case .neverSeen: self = .neverSeen
    case .notYetKnown: self = .notYetKnown
    case .deleted: self = .deleted
    case .erased: self = .erased
    case .beyondHistory: self = .beyondHistory
    }
  }

  /// Whether a value stands in the cell: its own, or the column's default.
  package func hasValue(default hasDefault: Bool, stale: Bool) -> Bool {
    switch self {
    case .present: true
    case .outsideMaxAge: stale || hasDefault
    case .neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory: hasDefault
    case .invalid, .null, .nullOutsideMaxAge: false
    }
  }
}
