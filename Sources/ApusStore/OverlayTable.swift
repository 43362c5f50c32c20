// Where a generation's keys are found: open addressing over words, one key to a word, a power of two of them.
//
//     word = 0                              nobody yet; a search ends here
//     word = tag << 48 | address of entry   the tag is the hash's highest 16 bits; the place comes from its lowest
//
// A word changes once, from 0. At least half of the words are 0, so every search ends. A table that gets too full is
// copied into one twice as large while readers go on in the old one, which stays as it was.

/// A table, wherever its words lie. It owns nothing: whoever holds one sees to it that the words stay.
@safe
struct OverlayTable {
  static let addressBitCount = 48
  static let addressMask: UInt = 1 << 48 - 1
  /// The part of a table's own word that is its size.
  static let sizeMask = UInt(OverlayLimits.wordAlignment - 1)

  let words: OverlayWord
  let mask: Int

  /// The table whose address and size are in one word, so that a reader always gets both of the same table.
  @inline(__always)
  init(word: UInt) {
    words = unsafe OverlayWord(madeAt: OverlayAllocation.place(word & ~Self.sizeMask))
    mask = 1 &<< Int(truncatingIfNeeded: word & Self.sizeMask) &- 1
  }

  @inline(__always)
  func find(_ key: RawSpan, hash: UInt64) -> OverlayEntry? {
    let tag = UInt(truncatingIfNeeded: hash &>> UInt64(Self.addressBitCount))
    var at = Int(truncatingIfNeeded: hash) & mask
    while true {
      // Acquire: pairs with the release in `insert`, so all of the entry is there.
      let word = words[at].published
      if word == 0 { return nil }
      if word &>> UInt(Self.addressBitCount) == tag {
        let entry = OverlayEntry(word: word & Self.addressMask)
        if entry.hasKey(key) { return entry }
      }
      at = (at &+ 1) & mask
    }
  }
}

extension OverlayTable {
  var slotCount: Int { mask + 1 }

  /// Both in one word; see `init(word:)`.
  var word: UInt { words.address | UInt(truncatingIfNeeded: slotCount.trailingZeroBitCount) }

  /// An empty table in memory of its own.
  static func make(slots: Int) -> (OverlayTable, OverlayAllocation) {
    precondition(slots > 0 && slots & (slots - 1) == 0, "a table's size is a power of two")
    let memory = OverlayAllocation(
      byteCount: slots * MemoryLayout<UInt>.stride, alignment: OverlayLimits.wordAlignment)
    let words = memory.makeWords(count: slots)
    return (
      OverlayTable(word: words.address | UInt(truncatingIfNeeded: slots.trailingZeroBitCount)),
      memory
    )
  }

  /// The least size that holds so many keys.
  static func slots(forKeys count: Int) -> Int {
    var slots = OverlayLimits.tableSlotsMin
    while slots / OverlayLimits.slotsPerKeyMin < count { slots *= 2 }
    return slots
  }

  /// Shows an entry to readers. Only the writer calls it, for a key that is not there, while there is room.
  func insert(_ entry: OverlayEntry, hash: UInt64) {
    var at = Int(truncatingIfNeeded: hash) & mask
    while words[at].relaxed != 0 { at = (at + 1) & mask }
    let tag = UInt(truncatingIfNeeded: hash >> UInt64(Self.addressBitCount)) << Self.addressBitCount
    words[at].published = tag | entry.word
  }

  /// Looks at where keys of these hashes are, or would be, and at their newest versions, each kind of place for all before the next: the processor
  /// waits for them together. A hash of 0 is passed over.
  func touch(_ hashes: [UInt64]) {
    for hash in hashes { _ = words[Int(truncatingIfNeeded: hash) & mask].relaxed }
    for hash in hashes { likely(hash)?.touch() }
    for hash in hashes { likely(hash)?.newest.touch(OverlayVersion.foldedByteCount) }
  }

  /// The entry at the first place of a hash, where its tag is the same. Nearly always it is the key's.
  @inline(__always)
  private func likely(_ hash: UInt64) -> OverlayEntry? {
    let word = words[Int(truncatingIfNeeded: hash) & mask].relaxed
    let tag = UInt(truncatingIfNeeded: hash &>> UInt64(Self.addressBitCount))
    return hash != 0 && word != 0 && word &>> UInt(Self.addressBitCount) == tag
      ? OverlayEntry(word: word & Self.addressMask) : nil
  }

  /// Copies every entry of a smaller table into this one, which nobody else knows yet.
  func insertAll(of other: OverlayTable) {
    other.forEach { entry in insert(entry, hash: entry.hash) }
  }

  /// Every entry, in no order.
  func forEach(_ body: (OverlayEntry) -> Void) {
    for at in 0..<slotCount {
      let word = words[at].published
      if word != 0 { body(OverlayEntry(word: word & Self.addressMask)) }
    }
  }
}
