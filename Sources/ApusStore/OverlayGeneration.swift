// A generation: while it is active only the writer changes it, and when it is frozen nobody does.

package import ApusBytes

/// A generation that is being written. Every key in its table has an entry in its arena.
@safe
struct OverlayGeneration: ~Copyable {
  private(set) var keyCount = 0
  private var arena = OverlayArena()
  private var table: OverlayTable
  private var tableMemory: OverlayAllocation
  private let cellMemory: OverlayAllocation
  /// In the order in which they came, which is that of their memory: whoever wants all of them finds them faster here than in the table.
  private var entries: [OverlayEntry] = []
  /// What the table becomes when the first one is full: one that need not grow need not be copied.
  private let slotsExpected: Int
  /// Holds the table's word, or 0 while there is no key. It lies in a line of its own: readers load it at every lookup, and what the writer
  /// changes at every `apply` must not share that line.
  let cell: OverlayWord

  /// The first table is small, because readers look into it even while it holds little.
  init(slotsExpected: Int = OverlayLimits.tableSlotsMin) {
    self.slotsExpected = slotsExpected
    (table, tableMemory) = OverlayTable.make(slots: OverlayLimits.tableSlotsMin)
    cellMemory = OverlayAllocation(
      byteCount: OverlayLimits.lineByteCount, alignment: OverlayLimits.lineByteCount)
    cell = cellMemory.makeWords(count: 1)
    // 0, until there is a key.
  }

  var byteCount: Int {
    arena.byteCount + tableMemory.byteCount + cellMemory.byteCount
      + entries.capacity * MemoryLayout<OverlayEntry>.stride
  }
  var slotCount: Int { table.slotCount }

  func find(_ key: RawSpan, hash: UInt64) -> OverlayEntry? { table.find(key, hash: hash) }
  func touch(_ hashes: [UInt64]) { table.touch(hashes) }

  /// Puts a version before those that the key has.
  mutating func add(_ bytes: RawSpan, lsn: LSN, to entry: OverlayEntry) {
    let place = unsafe arena.allocate(OverlayVersion.byteCount(bytes: bytes))
    entry.setNewest(unsafe .write(bytes, lsn: lsn, older: entry.newest, at: place))
  }

  /// Takes in a key that is not there, with its first version right behind it: a lookup mostly needs both.
  /// Returns the entry, and the memory of the old table when that had become too full.
  mutating func insert(
    _ key: RawSpan, hash: UInt64, _ bytes: RawSpan, lsn: LSN
  ) -> (OverlayEntry, outgrown: OverlayAllocation?) {
    let entryByteCount = OverlayEntry.byteCount(key: key)
    let place = unsafe arena.allocate(entryByteCount + OverlayVersion.byteCount(bytes: bytes))
    let version = unsafe OverlayVersion.write(bytes, lsn: lsn, older: nil, at: place + entryByteCount)
    let entry = unsafe OverlayEntry.write(key: key, hash: hash, newest: version, at: place)
    let outgrown =
      (keyCount + 1) * OverlayLimits.slotsPerKeyMin > table.slotCount ? grow() : nil
    table.insert(entry, hash: hash)
    // In the order of all, as every table's word.
    if keyCount == 0 { cell.ordered = table.word }
    entries.append(entry)
    keyCount += 1
    return (entry, outgrown)
  }

  private mutating func grow() -> OverlayAllocation {
    let old = tableMemory
    let (larger, memory) = OverlayTable.make(slots: max(table.slotCount * 2, slotsExpected))
    larger.insertAll(of: table)
    table = larger
    tableMemory = memory
    // In the order of all: see "Reclamation" in Overlay.md.
    cell.ordered = larger.word
    return old
  }

  /// Everything this generation has, for those who read it when it is not written any more.
  func frozen(_ range: LSNRange) -> FrozenGeneration {
    FrozenGeneration(
      range: range, byteCount: byteCount, entries: entries, table: table, cell: cell, memory: memory)
  }

  var memory: [OverlayAllocation] { arena.chunks + [tableMemory, cellMemory] }
}

/// A generation that nobody writes any more. It keeps its memory for as long as somebody holds it.
///
/// Everything it leads to is immutable; that is why other threads may have it.
@safe
package struct FrozenGeneration: @unchecked Sendable {
  /// The LSNs whose events are folded in here, and in no other generation.
  package let range: LSNRange
  package let byteCount: Int
  /// In the order in which they came.
  let entries: [OverlayEntry]
  let table: OverlayTable
  let cell: OverlayWord
  let memory: [OverlayAllocation]

  package var keyCount: Int { entries.count }

  fileprivate init(
    range: LSNRange, byteCount: Int, entries: [OverlayEntry], table: OverlayTable, cell: OverlayWord,
    memory: [OverlayAllocation]
  ) {
    self.range = range
    self.byteCount = byteCount
    self.entries = entries
    self.table = table
    self.cell = cell
    self.memory = memory
  }
}
