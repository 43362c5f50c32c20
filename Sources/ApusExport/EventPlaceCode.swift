// Where an event lies, in one word: which run of its view version, which block of that, which row, and whether it is a delete. Zero is nowhere.

struct EventPlaceCode: Equatable, Sendable {
  let word: UInt64

  static let none = EventPlaceCode(word: 0)

  @inline(__always)
  init(word: UInt64) { self.word = word }

  /// `runs` and blocks are fewer than their bits can count; a block has at most `RunFormat.blockRowsLimit` rows.
  @inline(__always)
  init(run: Int, block: Int, row: Int, isDelete: Bool) {
    word =
      (isDelete ? Self.deleteBit : 0) | UInt64(truncatingIfNeeded: run &+ 1) &<< Self.runShift
      | UInt64(truncatingIfNeeded: block) &<< Self.blockShift | UInt64(truncatingIfNeeded: row)
  }

  @inline(__always) var isNone: Bool { word == 0 }
  @inline(__always) var isDelete: Bool { word & Self.deleteBit != 0 }
  @inline(__always) var run: Int {
    Int(truncatingIfNeeded: (word & ~Self.deleteBit) &>> Self.runShift) &- 1
  }
  @inline(__always) var block: Int {
    Int(truncatingIfNeeded: (word &>> Self.blockShift) & ((1 &<< (Self.runShift &- Self.blockShift)) &- 1))
  }
  @inline(__always) var row: Int { Int(truncatingIfNeeded: word & ((1 &<< Self.blockShift) &- 1)) }

  private static let blockShift: UInt64 = 14
  private static let runShift: UInt64 = 48
  private static let deleteBit: UInt64 = 1 << 63

  /// What a run may have of each for its places to be told apart.
  static let rowCountMax = 1 << 14
  static let blockCountMax = 1 << 34
  static let runCountMax = (1 << 15) - 2
}
