import ApusBytes
import ApusSystem

/// What a scrub found.
package struct IndexScrubReport: Equatable, Sendable {
  package var rows: UInt64 = 0
  package var records: UInt64 = 0
  package var byteCount: UInt64 = 0
  /// The first of them; `damageCount` counts all.
  package var damages: [IndexDamage] = []
  package var damageCount: UInt64 = 0

  package var isSound: Bool { damageCount == 0 }

  mutating func add(_ damage: IndexDamage) {
    damageCount += 1
    if damages.count < IndexFormat.damagesMax { damages.append(damage) }
  }
}

/// Walks one snapshot from its first key to its last: order, place and checksum of each; whether it is found where it stands; at the end the tallies,
/// the entries and the list of free pages. Owned by one thread, which calls `step` when it has time.
package struct IndexScrub: ~Copyable {
  private let index: Index
  private var transaction: ReadTransaction
  private let bounds: FileBounds
  private var progress = IndexProgress()
  private var report = IndexScrubReport()
  private var found: [UInt32: IndexTally] = [:]
  private var expected: [UInt32: IndexTally] = [:]
  private var previous = ByteWriter(capacity: IndexFormat.keyByteCountMax)
  /// Pages that hold keys, and pages that hold one row each or a part of it.
  private var leaves: PageSet
  private var large: PageSet
  private var isAtStart = true
  private var isOver = false

  init(of index: Index) throws(IndexError) {
    var snapshot = try ReadTransaction(index.environment)
    try snapshot.renew()
    // What a commit in between took behind the snapshot's last page is in no tree and no list of the snapshot.
    var used = index.environment.usedByteCount(of: snapshot, mapStart: index.mapStart)
    while try !snapshot.isNewest() {
      snapshot.reset()
      try snapshot.renew()
      used = index.environment.usedByteCount(of: snapshot, mapStart: index.mapStart)
    }
    try snapshot.renewCursor()
    self.index = index
    transaction = snapshot
    bounds = FileBounds(
      start: index.mapStart, byteCount: UInt(truncatingIfNeeded: used ?? index.environment.usedByteCount))
    let pageCount = UInt64(bounds.byteCount) / index.environment.pageByteCount
    leaves = PageSet(pageCount)
    large = PageSet(pageCount)
    // No value can be later than what is touched; when that cannot be read, the walk says so.
    progress.touched = LSN(.max)
  }

  /// Looks at up to `count` more keys; nil while there are more. Not to be called again after it gave a report.
  package mutating func step(_ count: Int) -> IndexScrubReport? {
    precondition(!isOver, "a scrub is over once it gave its report")
    let before = index.environment.region.enter()
    defer { index.environment.region.leave(before) }
    for _ in 0..<count {
      let next = isAtStart ? transaction.first() : transaction.next()
      isAtStart = false
      guard next.code == LMDB.success else {
        if next.code != LMDB.notFound { report.add(.tree(LMDB.fault("mdb_cursor_get", next.code))) }
        finish()
        return report
      }
      look(at: next)
    }
    return nil
  }

  private var pages: Pages { Pages(bounds: bounds, pageByteCount: UInt(index.environment.pageByteCount)) }

  private mutating func look(at found: Found) {
    // The snapshot is held for longer than this call.
    let snapshot = bounds
    guard bounds.holds(found.key) else { return report.add(.key([])) }
    let page = pages.number(of: found.key)
    if leaves.insert(page), !pages.isSound(page) { report.add(.page(page)) }
    let key = found.key.span(in: snapshot)
    if !previous.isEmpty && previous.bytes.compare(to: key) >= 0 { report.add(.order(key: key.copied())) }
    previous.removeAll()
    previous.write(key)
    guard bounds.holds(found.value) else { return report.add(.value(key: key.copied(), .place)) }
    if let own = pages.pages(of: found.value, besideKey: found.key) {
      if !pages.isSound(large: own) { report.add(.page(own.lowerBound)) }
      for page in own { large.insert(page) }
    }
    let again = transaction.get(key)
    if again.code != LMDB.success || again.value != found.value { report.add(.lookup(key: key.copied())) }
    let value = found.value.span(in: snapshot)
    report.byteCount += UInt64(key.byteCount) + UInt64(value.byteCount)

    if key.projectOfKey == IndexFormat.recordsProject {
      report.records += 1
      read(record: key, value)
    } else if let view = key.viewOfKey {
      report.rows += 1
      self.found[view, default: IndexTally()].add(RowHash.of(key, value))
      _ = judged(value, of: key, index.seal)
    } else {
      report.add(.key(key.copied()))
    }
  }

  /// Whether a value is good; if not, that is told.
  private mutating func judged(_ value: RawSpan, of key: RawSpan, _ seal: ValueSeal) -> Bool {
    do throws(ValueFault) {
      _ = try seal.open(value, of: key, touched: LSN(.max))
      return true
    } catch {
      report.add(.value(key: key.copied(), error))
      return false
    }
  }

  private mutating func read(record key: RawSpan, _ value: RawSpan) {
    let isIdentity = key.isEqual(to: unsafe RecordKey.identity.span.bytes)
    guard judged(value, of: key, isIdentity ? .ofIdentity : index.seal) else { return }
    let record = value.extracting(droppingFirst: IndexFormat.valueHeaderByteCount)
    if isIdentity {
      let identity = IdentityRecord.decode(record)
      if identity?.storeID != index.storeID { report.add(.record(key: key.copied())) }
    } else if key.isEqual(to: unsafe RecordKey.progress.span.bytes) {
      if let progress = IndexProgress.decode(record) { self.progress = progress }
    } else if let view = RecordKey.view(ofTally: key) {
      if let tally = IndexTally.decode(record) {
        expected[view] = tally
      } else {
        report.add(.record(key: key.copied()))
      }
    } else if !key.isEqual(to: unsafe RecordKey.note.span.bytes) {
      report.add(.key(key.copied()))
    }
  }

  private mutating func finish() {
    isOver = true
    for view in Set(found.keys).union(expected.keys).sorted() {
      let (expected, found) = (expected[view] ?? IndexTally(), found[view] ?? IndexTally())
      if expected != found { report.add(.tally(view: view, expected: expected, found: found)) }
    }
    do throws(IndexError) {
      try progress.check(against: transaction)
      try lookAtPages()
    } catch {
      if case .damaged(let damage) = error { report.add(damage) }
      if case .lmdb(let fault) = error { report.add(.tree(fault)) }
    }
    transaction.reset()
  }

  /// A page that is used and called free would be overwritten by a later commit.
  private mutating func lookAtPages() throws(IndexError) {
    let pages = pages
    var wrong: [UInt64] = []
    var free = PageSet(pages.count)
    // Long lists have pages of their own, of which only the first begins with a head.
    var lists = PageSet(pages.count)
    var others: UInt64 = 0
    try transaction.forEachFreeRecord { place in
      let isList = FreePages.forEach(place, pages.bounds) { page in
        if page < 2 || !free.insert(page) { wrong.append(page) }
      }
      if !isList { return report.add(.freeRecord) }
      if let own = pages.pages(of: place, besideKey: nil) {
        let isSound = pages.isSound(large: own)
        // A short list may happen to lie where a long one would: then it is beside its key.
        guard isSound || own.count > 1 else { return }
        if !isSound { wrong.append(own.lowerBound) }
        for page in own where lists.insert(page) { others += 1 }
      }
    }
    // Every page but the two meta pages is in a tree or in the list, once.
    for page in 2..<max(2, pages.count) {
      let isUsed = leaves.contains(page) || large.contains(page) || lists.contains(page)
      if isUsed && free.contains(page) { wrong.append(page) }
      if isUsed || free.contains(page) { continue }
      others += 1
      if !pages.isSound(page) { report.add(.page(page)) }
    }
    let branches = transaction.branchPages(LMDB.main) &+ transaction.pages(LMDB.free)
    if wrong.isEmpty && others != branches { report.add(.pages(expected: branches, found: others)) }
    for page in wrong { report.add(.freePage(page)) }
  }
}

/// A scrub's snapshot belongs to its thread.
@available(*, unavailable)
extension IndexScrub: Sendable {}
