// The root: which generations there are, newest first. A root never changes; another takes its place.

import ApusBytes

/// A list of generations, wherever it lies. It owns nothing: whoever holds one sees to it that the list stays.
@safe
struct OverlayRoot {
  struct Item {
    /// Holds the word of the generation's table, which changes while the generation is active.
    let cell: OverlayWord
    /// The active generation's range has no end yet.
    let range: LSNRange
  }

  let items: UnsafePointer<Item>
  let count: Int

  static let countMask = UInt(OverlayLimits.wordAlignment - 1)

  /// The root whose address and length are in one word.
  @inline(__always)
  init(word: UInt) {
    unsafe items = unsafe UnsafePointer(
      OverlayAllocation.place(word & ~Self.countMask).assumingMemoryBound(to: Item.self))
    count = Int(truncatingIfNeeded: word & Self.countMask)
  }

  /// The version of a key in the generation at a place, as a read at `limit` sees it.
  @inline(__always)
  func newest(of key: RawSpan, hash: UInt64, at place: Int, through limit: UInt64) -> OverlayVersion? {
    let item = unsafe items + place
    guard unsafe item.pointee.range.first.rawValue <= limit else { return nil }
    // In the order of all, as the store in `OverlayGeneration.grow`.
    let word = unsafe item.pointee.cell.ordered
    if word == 0 { return nil }
    return OverlayTable(word: word).find(key, hash: hash)?.newest(through: limit)
  }

  /// Lends every key of the generation at a place that a read at `limit` sees, in no order.
  func forEachKey(at place: Int, through limit: UInt64, _ body: (RawSpan) -> Void) {
    let item = unsafe items + place
    guard unsafe item.pointee.range.first.rawValue <= limit else { return }
    let word = unsafe item.pointee.cell.ordered
    if word == 0 { return }
    OverlayTable(word: word).forEach { entry in
      if entry.newest(through: limit) != nil { body(entry.key) }
    }
  }

  /// Whether any generation has a key. What a caller who loaded L before may see is not in one that has none.
  @inline(__always)
  var hasKeys: Bool {
    for place in 0..<count where unsafe items[place].cell.ordered != 0 { return true }
    return false
  }

  @inline(__always)
  func range(at place: Int) -> LSNRange { unsafe items[place].range }

  /// A root in memory of its own, and its word.
  static func make(_ list: [Item]) -> (UInt, OverlayAllocation) {
    precondition(
      !list.isEmpty && list.count <= OverlayLimits.generationsMax
        && OverlayLimits.generationsMax < OverlayLimits.wordAlignment, "a root has its length in its word")
    let memory = OverlayAllocation(
      byteCount: list.count * MemoryLayout<Item>.stride, alignment: OverlayLimits.wordAlignment)
    let items = unsafe memory.start.bindMemory(to: Item.self, capacity: list.count)
    for at in list.indices { unsafe (items + at).initialize(to: list[at]) }
    return (UInt(bitPattern: items) | UInt(truncatingIfNeeded: list.count), memory)
  }
}
