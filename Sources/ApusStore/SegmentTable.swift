// Where in a segment the frames lie that have an event of a key: hashes only, so a frame that is found may have none, and a frame that
// is not found has none. A table covers its segment from the first record through `through`.

import ApusBytes
import ApusContracts
import ApusLog

final class SegmentTable: Sendable {
  let through: LSN
  /// Ascending: the upper half of a hash, and the number of the frame below it.
  private let entries: [UInt64]
  /// Of each frame its first byte in the segment.
  private let offsets: [UInt64]

  fileprivate init(through: LSN, entries: [UInt64], offsets: [UInt64]) {
    self.through = through
    self.entries = entries
    self.offsets = offsets
  }

  var byteCount: Int { 8 * (entries.count + offsets.count) }

  /// The frames that may have an event of this hash, in order.
  func offsets(of hash: UInt64) -> [UInt64] {
    let wanted = hash >> 32
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle] >> 32 < wanted { low = middle + 1 } else { high = middle }
    }
    return entries[low...].prefix { $0 >> 32 == wanted }.map { offsets[Int($0 & 0xffff_ffff)] }
  }

  /// What is known of a segment so far, and what follows.
  struct Builder {
    private var entries: [UInt64] = []
    private var offsets: [UInt64] = []
    private(set) var through: LSN

    init(on table: SegmentTable?, before first: LSN) {
      entries = table?.entries ?? []
      offsets = table?.offsets ?? []
      through = table?.through ?? first.previous
    }

    mutating func begin(_ frame: FrameHeader) {
      offsets.append(frame.offset)
      through = frame.lsns.last
    }

    /// Of an event of the frame that was begun.
    mutating func add(_ hash: UInt64) {
      entries.append((hash >> 32) << 32 | UInt64(offsets.count - 1))
    }

    consuming func finish(through last: LSN? = nil) -> SegmentTable {
      entries.sort()
      var kept: [UInt64] = []
      kept.reserveCapacity(entries.count)
      for entry in entries where entry != kept.last { kept.append(entry) }
      return SegmentTable(through: last ?? through, entries: kept, offsets: offsets)
    }
  }
}

/// The hash of a key of a view version. It is kept nowhere but in this process.
struct ViewKeyHash {
  private let seed: UInt64

  init(seed: UInt64 = 0x6170_7573) { self.seed = seed }

  func hash(_ view: ViewVersionID, _ key: RawSpan) -> UInt64 {
    OverlayHash(seed: (seed, UInt64(view.rawValue))).hash(key)
  }
}
