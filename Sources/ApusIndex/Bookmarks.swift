// Where a snapshot has what was sought in it before, so that the next search goes straight there. A bookmark says where to look and never what is there: whoever
// follows one compares the whole key, or the child of the branch, at that place.
//
// A bookmark is followed only in the snapshot it was made in, whose pages nobody writes to: each line names the transaction of its bookmarks, and is empty for every other. So
// nothing is to be done when a snapshot ends.

import CLMDB
import Synchronization

/// A place in a tree: a node of a leaf, or of a branch.
struct Bookmark: Equatable {
  /// The page's number.
  var page: UInt64
  /// Which node of the page it is.
  var index: Int
  /// Where in the page the node begins; 0 when that is not noted.
  var offset: Int
}

/// The bookmarks of one reader. It grows while those that are made crowd each other out, until it may not.
///
/// The only owner of its memory, which no other thread knows.
@safe
struct Bookmarks: ~Copyable {
  // A line of the cache is the number of a transaction and seven words. A word, from its lowest bit on: half of the offset, the index, the page, and the highest
  // bits of the hash. It is 0 where there is no bookmark: no node is on page 0.
  private static let wordsPerLine = 8
  private static let lineByteCount = wordsPerLine * MemoryLayout<UInt64>.stride
  private static let offsetBits: UInt64 = 14
  private static let indexBits: UInt64 = 10
  private static let pageBits: UInt64 = 30
  private static let indexAt = offsetBits
  private static let pageAt = indexAt + indexBits
  private static let tagAt = pageAt + pageBits

  private var memory: UnsafeMutableRawPointer
  /// The first line, inside of `memory`.
  private var words: UnsafeMutablePointer<UInt64>
  private var lineCount: Int
  private let shelf: BookmarkShelf
  /// How many bookmarks had to make room in this transaction, since the table grew last.
  private var crowdedOut = 0
  private var crowdedIn: UInt64 = 0
  /// Takes turns among the bookmarks that may have to make room.
  private var turn = 0

  /// The table of one more reader, empty.
  init(_ shelf: BookmarkShelf) {
    self.shelf = shelf
    lineCount = IndexFormat.bookmarkLinesMin
    guard let memory = unsafe Self.zeroes(lineCount) else {
      preconditionFailure("there is memory for a reader")
    }
    shelf.take(lineCount * Self.lineByteCount)
    unsafe self.memory = memory
    unsafe words = Self.lines(in: memory)
  }

  deinit {
    unsafe apus_zeroes_free(memory)
    shelf.giveBack(lineCount * Self.lineByteCount)
  }

  private static func zeroes(_ lineCount: Int) -> UnsafeMutableRawPointer? {
    unsafe apus_zeroes((lineCount + 1) * lineByteCount)
  }

  /// Zeroes are words. They begin with the first whole line.
  private static func lines(in memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt64> {
    unsafe memory.alignedUp(toMultipleOf: lineByteCount).assumingMemoryBound(to: UInt64.self)
  }

  /// Of a whole key. Nothing rests on it but how often a bookmark is found: whoever finds keys of one hash makes their searches as slow as they are without.
  @inline(__always)
  static func hash(_ key: RawSpan) -> UInt64 {
    let count = key.byteCount
    var hash = mixed(UInt64(truncatingIfNeeded: count) ^ 0x9e37_79b9_7f4a_7c15)
    guard count >= 8 else {
      for at in 0..<count {
        hash = mixed(hash ^ UInt64(unsafe key.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)))
      }
      return hash
    }
    // No load passes the end; the last may overlap the one before.
    var at = 0
    while at &+ 8 < count {
      hash = mixed(hash ^ (unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)))
      at &+= 8
    }
    return mixed(
      hash ^ (unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)))
  }

  /// Of what leads to a leaf.
  @inline(__always)
  static func hash(ofLeaf page: UInt64) -> UInt64 { mixed(page ^ 0xe703_7ed1_a0b4_28db) }

  @inline(__always)
  private static func mixed(_ word: UInt64) -> UInt64 {
    let (high, low) = word.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    return high ^ low
  }

  @inline(__always)
  private func line(_ hash: UInt64) -> UnsafeMutablePointer<UInt64> {
    unsafe words + (Int(truncatingIfNeeded: hash) & (lineCount &- 1)) &* Self.wordsPerLine
  }

  /// Asks memory for the line of a hash.
  @inline(__always)
  func ask(_ hash: UInt64) { apus_prefetch(unsafe UInt(bitPattern: line(hash))) }

  /// What was noted in the transaction under a hash, or under another one that is like it.
  @inline(__always)
  func find(_ hash: UInt64, in transaction: UInt64) -> Bookmark? {
    let line = unsafe line(hash)
    guard unsafe line[0] == transaction else { return nil }
    let tag = hash &>> Self.tagAt
    for at in 1..<Self.wordsPerLine {
      let word = unsafe line[at]
      if word &>> Self.tagAt == tag, word != 0 { return Self.bookmark(word) }
    }
    return nil
  }

  /// Notes where something is; what cannot be said in a word is not noted.
  mutating func note(_ mark: Bookmark, _ hash: UInt64, in transaction: UInt64) {
    guard let word = Self.word(mark, hash) else { return }
    let line = unsafe line(hash)
    if unsafe line[0] != transaction {
      for at in 1..<Self.wordsPerLine { unsafe line[at] = 0 }
      unsafe line[0] = transaction
    }
    let tag = hash &>> Self.tagAt
    for at in 1..<Self.wordsPerLine {
      let other = unsafe line[at]
      if other == 0 || other &>> Self.tagAt == tag {
        unsafe line[at] = word
        return
      }
    }
    turn = turn &+ 1
    unsafe line[1 &+ Int(UInt(bitPattern: turn) % UInt(Self.wordsPerLine &- 1))] = word
    if crowdedIn != transaction { (crowdedIn, crowdedOut) = (transaction, 0) }
    crowdedOut += 1
    if crowdedOut >= lineCount { grow() }
  }

  /// Makes room for four times as many, or for twice as many, and begins anew.
  private mutating func grow() {
    crowdedOut = 0
    let byteCount = lineCount * Self.lineByteCount
    let more = shelf.takeIfThere(3 * byteCount) ? 3 : shelf.takeIfThere(byteCount) ? 1 : 0
    if more == 0 { return }
    let larger = lineCount * (1 + more)
    guard let memory = unsafe Self.zeroes(larger) else { return shelf.giveBack(more * byteCount) }
    unsafe apus_zeroes_free(self.memory)
    unsafe self.memory = memory
    unsafe words = Self.lines(in: memory)
    lineCount = larger
  }

  @inline(__always)
  private static func bookmark(_ word: UInt64) -> Bookmark {
    Bookmark(
      page: word &>> pageAt & (1 &<< pageBits &- 1),
      index: Int(truncatingIfNeeded: word &>> indexAt & (1 &<< indexBits &- 1)),
      offset: Int(truncatingIfNeeded: word & (1 &<< offsetBits &- 1)) &* 2)
  }

  /// Nil: it does not fit.
  private static func word(_ mark: Bookmark, _ hash: UInt64) -> UInt64? {
    guard mark.page > 0, mark.page < 1 << pageBits, let index = UInt64(exactly: mark.index),
      index < 1 << indexBits, let offset = UInt64(exactly: mark.offset), offset % 2 == 0,
      offset / 2 < 1 << offsetBits
    else { return nil }
    return (hash >> tagAt) << tagAt | mark.page << pageAt | index << indexAt | offset / 2
  }
}

/// Bytes that the bookmarks of all readers of an index may have together. May be used from any thread.
final class BookmarkShelf: Sendable {
  private let byteCountMax: Int
  private let taken = Atomic<Int>(0)

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  var byteCount: Int { taken.load(ordering: .relaxed) }

  func take(_ count: Int) { taken.wrappingAdd(count, ordering: .relaxed) }

  /// False, and nothing is taken, when that would be too much.
  func takeIfThere(_ count: Int) -> Bool {
    let (_, now) = taken.wrappingAdd(count, ordering: .relaxed)
    if now <= byteCountMax { return true }
    giveBack(count)
    return false
  }

  func giveBack(_ count: Int) { taken.wrappingSubtract(count, ordering: .relaxed) }
}
