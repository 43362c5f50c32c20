/// The constants of `RowFormat.md`, and the sums that follow from them. A test compares the two.
package enum RowFormat {
  package static let featureCountMax = 2048
  package static let valueByteCountMax = 1_048_576
  package static let vectorCountMax = 65_535

  static let headerByteCount = 8
  static let stampByteCount = 24
  static let deleteFlag: UInt8 = 1
  static let stampCountAt = 2

  /// Of a row of one event that is no delete: one stamp, no flags.
  static let headerOfOneEvent: UInt64 = 1 << UInt64(8 * stampCountAt)
  static let cellsAtOfOneEvent = headerByteCount + stampByteCount

  static let statesAt = 2
  static let statesPerByte = 4
  static let endByteCount = 4
  static let narrowPlacesMax = 256

  /// Where the slots begin in cells of `count` features.
  static func slotsAt(count: Int) -> Int { (statesAt + (count + 3) / statesPerByte + 7) & ~7 }

  static func placeByteCount(stamps: Int) -> Int {
    if stamps <= 1 { return 0 }
    return stamps <= narrowPlacesMax ? 1 : 2
  }

  /// Where the cells of a row begin.
  static func cellsAt(stamps: Int, hasDelete: Bool) -> Int {
    headerByteCount + (stamps + (hasDelete ? 1 : 0)) * stampByteCount
  }
}
