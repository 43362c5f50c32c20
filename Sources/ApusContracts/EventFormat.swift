/// The constants of `EventFormat.md`. A test compares the two.
package enum EventFormat {
  package static let recordHeaderByteCount = 8
  static let lengthAt = 4

  static let keyByteCountAt = 2
  static let viewVersionAt = keyByteCountAt + 2
  static let eventTimeAt = viewVersionAt + 4
  static let fixedByteCount = eventTimeAt + 8

  static let assumedFlag: UInt8 = 1
  static let createdAtFlag: UInt8 = 2
  static let knownAtFlag: UInt8 = 4
}

/// What a record of a frame is. The raw value is what disks hold; only events are specified in this room.
package enum RecordKind: UInt8, Sendable {
  case event = 1
  case deadLetter = 2
  case definitions = 3
  case erase = 4
  case producer = 5
  case horizon = 6
  case pin = 7
  case receipt = 8
}

package enum EventOperation: UInt8, Sendable {
  /// Says something of features.
  case upsert = 1
  /// Ends the entity's row at the event's stamp.
  case delete = 2
}

/// The interned id of a view version; never reused.
package struct ViewVersionID: RawRepresentable, Comparable, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package init(_ rawValue: UInt32) { self.rawValue = rawValue }
  package static func < (a: ViewVersionID, b: ViewVersionID) -> Bool { a.rawValue < b.rawValue }
}

/// Why bytes are no list of records, or no event.
package enum EventError: Error, Equatable, Sendable {
  /// A part that takes `needed` bytes has only `available`; `at` is its offset.
  case truncated(at: Int, needed: Int, available: Int)
  case unknownKind(at: Int, UInt8)
  case notZero(at: Int)
  case unknownOperation(UInt8)
  case unknownFlags(UInt8)
  case keyTooLong(byteCount: Int, limit: Int)
  /// This many bytes follow the key of a delete.
  case cellsOfDelete(byteCount: Int)
  /// The event would have been known before it became true.
  case knownBeforeEvent(EventTime, KnownAt)
  case row(RowError)
}
