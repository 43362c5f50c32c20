// The entries of a ledger's sections: each in its place behind the one before, inside of the ledger's range, and as many as
// the section's head says. `after` is the last LSN of the sections before, and of this one when it was read.

import ApusBytes

enum LedgerEntries {
  /// False when `body` wants no more.
  static func letters(
    _ raw: [UInt8], _ section: LedgerSection, _ lsns: LSNRange, _ path: String, after last: inout LSN,
    _ body: (LSN, Int64, RawSpan) -> Bool
  ) throws(HistoryError) -> Bool {
    var reader = HistoryFieldReader(unsafe raw.span.bytes, path: path, at: section.at, "the letters")
    var left = section.entries
    while left > 0 {
      left &-= 1
      let lsn = LSN(try reader.read())
      let nanoseconds: Int64 = try reader.read()
      let letter = try reader.span(Int(clamping: try reader.varint()))
      guard lsn > last, lsns.contains(lsn) else { throw reader.fault("LSN \(lsn) follows LSN \(last)") }
      last = lsn
      guard body(lsn, nanoseconds, letter) else { return false }
    }
    try reader.finish()
    return true
  }

  /// False when `body` wants no more.
  static func frames(
    _ raw: [UInt8], _ section: LedgerSection, _ lsns: LSNRange, _ path: String, after last: inout LSN,
    _ body: (LSNRange, Int64) -> Bool
  ) throws(HistoryError) -> Bool {
    var reader = HistoryFieldReader(unsafe raw.span.bytes, path: path, at: section.at, "the frames")
    var next = lsns.first.rawValue
    var nanoseconds: Int64 = 0
    var left = section.entries
    while left > 0 {
      left &-= 1
      let gap = try reader.varint()
      let count = try reader.varint()
      nanoseconds = nanoseconds &+ (try reader.signedVarint())
      let (first, isFar) = next.addingReportingOverflow(gap)
      let (end, isLong) = first.addingReportingOverflow(count)
      guard !isFar, !isLong, count > 0, LSN(first) > last, lsns.contains(LSN(end &- 1)) else {
        throw reader.fault("the frame behind LSN \(last) is not in its place")
      }
      last = LSN(end &- 1)
      next = end
      guard body(LSNRange(LSN(first), through: last), nanoseconds) else { return false }
    }
    try reader.finish()
    return true
  }
}
