// The one thread that writes: events become versions, and a release store makes them visible.
//
// `visible ≤ lastApplied`, or both are the same; every version is after the end of the generation before its own. A
// version is never at or below `visible` when it is made: what a reader has seen at an LSN stays so.

package import ApusBytes

/// What `apply` is to do with the bytes that were written.
package enum OverlayOutcome: Sendable {
  /// They are the key's new version.
  case write
  /// The event changed nothing: the version before stays the newest.
  case unchanged
}

/// The writer of an overlay. It never waits for readers.
///
/// The only owner of what it writes, so it may move to another thread.
@safe
package struct OverlayWriter: ~Copyable, @unchecked Sendable {
  package let overlay: Overlay
  /// Everything up to here can be read.
  package private(set) var visible: LSN
  /// No later event was applied.
  package private(set) var lastApplied: LSN
  /// Those that are frozen and not dropped, oldest first. They end where `active` begins.
  package private(set) var frozen: [FrozenGeneration] = []
  private var activeFirst: LSN
  private var active: OverlayGeneration
  private var rootMemory: OverlayAllocation
  private var limbo = OverlayLimbo()
  private var scratch = ByteWriter()
  private var frozenByteCount = 0

  /// An empty overlay, for events after `checkpoint`: up to there the index is complete.
  package init(after checkpoint: LSN, byteCountBudget: Int, hash: OverlayHash = .random()) {
    overlay = Overlay(byteCountBudget: byteCountBudget, hash: hash, visible: checkpoint)
    visible = checkpoint
    lastApplied = checkpoint
    activeFirst = checkpoint.next
    active = OverlayGeneration()
    let word: UInt
    (word, rootMemory) = OverlayRoot.make([
      OverlayRoot.Item(cell: active.cell, range: LSNRange(activeFirst, through: .endless))
    ])
    overlay.root.published = word
    tell()
  }

  deinit {
    // Readers may outlive the writer: what they can reach goes with the last of them.
    overlay.estate = active.memory + frozen.flatMap(\.memory) + limbo.memory + [rootMemory]
  }

  /// What `apply` may be told of a key.
  @inline(__always)
  func hash(of key: RawSpan) -> UInt64 { overlay.hash.hash(key) }

  /// Looks at the places of keys that are about to be applied, so that each `apply` finds its own at hand. A hash of 0 is passed over.
  func touch(_ hashes: [UInt64]) { active.touch(hashes) }

  /// Folds one event into the active generation. `makeVersion` gets the key's newest version there, if any, and
  /// writes the whole new one. When it throws, nothing has happened.
  @inline(__always)
  package mutating func apply<E: Error>(
    key: RawSpan, lsn: LSN, makeVersion: (RawSpan?, inout ByteWriter) throws(E) -> OverlayOutcome
  ) throws(E) {
    try apply(key: key, hash: overlay.hash.hash(key), lsn: lsn, makeVersion: makeVersion)
  }

  /// The same with the key's hash.
  @inline(__always)
  mutating func apply<E: Error>(
    key: RawSpan, hash: UInt64, lsn: LSN,
    makeVersion: (RawSpan?, inout ByteWriter) throws(E) -> OverlayOutcome
  ) throws(E) {
    precondition(
      lsn.rawValue > visible.rawValue && lsn.rawValue >= lastApplied.rawValue,
      "events come in the order of LSNs")
    precondition(key.byteCount <= OverlayLimits.keyByteCountMax, "a key fits the index")
    assert(hash == overlay.hash.hash(key), "a key is applied by its own hash")
    let found = active.find(key, hash: hash)
    scratch.removeAll()
    let outcome = try makeVersion(found?.newest.bytes, &scratch)
    lastApplied = lsn
    if case .write = outcome { add(key, hash: hash, lsn: lsn, to: found) }
  }

  private mutating func add(_ key: RawSpan, hash: UInt64, lsn: LSN, to found: OverlayEntry?) {
    precondition(scratch.count <= OverlayLimits.versionByteCountMax, "a version has its limit")
    let before = active.byteCount
    let outgrown = Self.add(key, hash: hash, scratch, lsn: lsn, to: found, in: &active)
    if let outgrown { retire([outgrown]) }
    if active.byteCount != before { tell() }
  }

  private static func add(
    _ key: RawSpan, hash: UInt64, _ version: borrowing ByteWriter, lsn: LSN, to found: OverlayEntry?,
    in active: inout OverlayGeneration
  ) -> OverlayAllocation? {
    guard let found else { return active.insert(key, hash: hash, version.bytes, lsn: lsn).outgrown }
    active.add(version.bytes, lsn: lsn, to: found)
    return nil
  }

  /// Makes every event up to `lsn` visible, all at once.
  package mutating func publish(visible lsn: LSN) {
    precondition(lsn >= visible, "what was visible stays visible")
    visible = lsn
    if lastApplied < lsn { lastApplied = lsn }
    // Release: everything applied comes before, for whoever loads this LSN or a later one.
    overlay.visible.published = UInt(lsn.rawValue)
    reclaim()
  }

  /// Frees what no read needs any more. To be called when nothing else is; all other calls do it too.
  package mutating func reclaim() {
    if limbo.isEmpty { return }
    limbo.release(before: overlay.earliestEpoch)
    tell()
  }
}

// Generations.

extension OverlayWriter {
  package var generationCount: Int { frozen.count + 1 }
  package var byteCount: Int { active.byteCount + frozenByteCount + limbo.byteCount + rootMemory.byteCount }
  /// Of the generation that is being written.
  package var activeByteCount: Int { active.byteCount }
  package var isOverBudget: Bool { byteCount > overlay.byteCountBudget }

  /// Ends the active generation with the visible LSN and begins another. Everything applied must be visible.
  /// Returns nil, and does nothing, when not one LSN has become visible since the last time.
  package mutating func freeze() throws(OverlayError) -> FrozenGeneration? {
    precondition(lastApplied == visible, "a generation ends with what is visible")
    if activeFirst > visible { return nil }
    try makeSure(roomFor: 1)
    let generation = freezeActive()
    putRoot()
    return generation
  }

  /// Puts a batch after the active generation, which is frozen first, as a frozen generation of its own that ends
  /// with `last`. The batch's events are seen when `last` is published, all at once. The batch is empty afterwards;
  /// when this throws, it is as before.
  package mutating func insertFrozen(
    _ batch: inout OverlayBatch, through last: LSN
  ) throws(OverlayError) -> FrozenGeneration {
    precondition(lastApplied == visible && last > visible, "a batch comes after everything that is visible")
    precondition(
      batch.keyCount == 0 || batch.firstLSN > visible && batch.lastLSN <= last,
      "a batch's events are those between what is visible and its end")
    precondition(batch.hash == overlay.hash, "a batch is made for one overlay")
    let freezesActive = activeFirst <= visible
    try makeSure(roomFor: freezesActive ? 2 : 1)
    if freezesActive { _ = freezeActive() }
    let generation = batch.take(as: LSNRange(activeFirst, through: last))
    frozen.append(generation)
    frozenByteCount += generation.byteCount
    activeFirst = last.next
    lastApplied = last
    putRoot()
    return generation
  }

  /// Takes the oldest frozen generation out of the root: the index has all of it. Its memory goes as soon as no read
  /// can be looking at it.
  package mutating func drop(_ oldest: FrozenGeneration) {
    precondition(frozen.first?.range == oldest.range, "generations are dropped in the order of their LSNs")
    precondition(oldest.range.last <= visible, "only what was visible can be complete in the index")
    let generation = frozen.removeFirst()
    frozenByteCount -= generation.byteCount
    putRoot()
    retire(generation.memory)
    reclaim()
  }

  private func makeSure(roomFor more: Int) throws(OverlayError) {
    if generationCount + more > OverlayLimits.generationsMax {
      throw .generationsExhausted(limit: OverlayLimits.generationsMax)
    }
  }

  private mutating func freezeActive() -> FrozenGeneration {
    let generation = active.frozen(LSNRange(activeFirst, through: visible))
    frozen.append(generation)
    frozenByteCount += generation.byteCount
    // The next is likely to be as large; a table that need not grow need not be copied.
    active = OverlayGeneration(slotsExpected: OverlayTable.slots(forKeys: generation.keyCount / 2))
    activeFirst = visible.next
    return generation
  }

  private mutating func putRoot() {
    var items = [OverlayRoot.Item(cell: active.cell, range: LSNRange(activeFirst, through: .endless))]
    for one in frozen.reversed() { items.append(OverlayRoot.Item(cell: one.cell, range: one.range)) }
    let (word, memory) = OverlayRoot.make(items)
    let old = rootMemory
    rootMemory = memory
    // In the order of all: see "Reclamation" in Overlay.md.
    overlay.root.ordered = word
    retire([old])
    reclaim()
  }

  /// Takes memory that nothing leads to any more since the store just before.
  private mutating func retire(_ memory: [OverlayAllocation]) {
    let now = overlay.epoch.relaxed
    limbo.take(memory, at: now)
    // Release: whoever loads the next epoch finds what is in place now.
    overlay.epoch.published = now + 1
  }

  /// Says to everybody how much there is.
  private func tell() {
    overlay.byteCountWord.relaxed = UInt(bitPattern: byteCount)
    overlay.heldBackWord.relaxed = UInt(bitPattern: limbo.byteCount)
    overlay.generationCountWord.relaxed = UInt(bitPattern: generationCount)
  }
}

extension LSN {
  /// The end of a range that has none yet.
  static let endless = LSN(UInt64.max)
}
