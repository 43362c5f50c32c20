// Sets of LSNs as the store writes them.

import ApusBytes

extension ByteWriter {
  /// The ranges as StoreFormat.md says: how many, then each as the distance from the end before, and its count.
  mutating func write(_ lsns: LSNRanges) {
    writeVarint(UInt64(lsns.ranges.count))
    var end: UInt64 = 0
    for range in lsns.ranges {
      writeVarint(range.first.rawValue - end)
      writeVarint(range.count)
      end = range.last.rawValue
    }
  }
}
