// What one transaction of a checkpoint does to the tree, and about how many pages it has dirtied by that.

import ApusBytes
import ApusSystem

struct CheckpointStep {
  private let seal: ValueSeal
  let judge: PageJudge
  private let pageByteCount: Int
  private let quota: UInt64
  private let pagesMax: Int
  /// Pages that may still be taken from free ones or from the end of the file.
  private let pagesAvailable: Int
  private var leaves = 0
  private var largePages = 0
  private var insertedByteCount = 0
  /// Of the views that this transaction changed.
  private(set) var tallies: [UInt32: IndexTally] = [:]
  private let before: [UInt32: IndexTally]

  /// `pagesFree` are those that the list of free pages names.
  init(_ index: Index, _ tallies: [UInt32: IndexTally], pagesFree: Int) {
    seal = index.seal
    judge = PageJudge(index)
    pageByteCount = Int(truncatingIfNeeded: index.environment.pageByteCount)
    quota = index.options.quotaByteCount
    pagesMax = index.options.dirtyPagesMax
    before = tallies
    let used = index.environment.usedByteCount
    let left = (quota > used ? quota - used : 0) / index.environment.pageByteCount
    pagesAvailable = pagesFree + Int(truncatingIfNeeded: left)
  }

  /// About how many pages this transaction has dirtied: the leaves it met clean, what inserted rows split off (pages are at least half full),
  /// pages of long rows, and the branches above.
  private var pages: Int {
    let dirty = leaves + largePages + insertedByteCount / (pageByteCount / 2)
    return dirty + dirty / 16 + 16
  }

  /// About how many bytes the transaction writes.
  var byteCountMax: UInt64 { UInt64(pages) * UInt64(pageByteCount) }

  var isFull: Bool { pages >= pagesMax }

  mutating func apply(
    _ key: RawSpan, _ update: RawSpan, through lsn: LSN, in transaction: inout WriteTransaction,
    _ value: inout ByteWriter,
    _ fold: (IndexRow?, RawSpan, inout ByteWriter) -> IndexOutcome
  ) throws(IndexError) -> IndexOutcome {
    guard let view = key.viewOfKey else { preconditionFailure("an update has a row's whole key") }
    if pages > pagesAvailable { throw .full(.quota(byteCount: quota)) }
    let (found, isThere, isClean) = try find(key, in: &transaction)
    seal.begin(&value)
    let outcome: IndexOutcome
    var hashBefore: UInt64 = 0
    if isThere {
      guard isReadable(found.value) else { throw .damaged(.value(key: key.copied(), .place)) }
      let there = found.value.span(in: transaction)
      do throws(ValueFault) {
        let row = try open(there, of: key, touched: lsn, &hashBefore)
        // The fold is the store's: where it crashes, the index is not to blame.
        outcome = fold(row, update, &value)
      } catch {
        throw .damaged(.value(key: key.copied(), error))
      }
    } else {
      outcome = fold(nil, update, &value)
    }

    switch outcome {
    case .unchanged, .unreadable: return outcome
    case .remove:
      guard isThere else { return .unchanged }
      try transaction.removeCurrent()
      tallies[view, default: before[view] ?? IndexTally()].remove(hashBefore)
    case .write(let newest):
      precondition(newest <= lsn, "a checkpoint holds nothing later than its LSN")
      let rowByteCount = value.count - IndexFormat.valueHeaderByteCount
      precondition(rowByteCount <= IndexFormat.rowByteCountMax, "a row has its limit")
      seal.finish(&value, key: key, lsn: newest)
      let hash = RowHash.of(key, value.bytes)
      if isThere {
        try transaction.replace(key, value.bytes)
        tallies[view, default: before[view] ?? IndexTally()].replace(hashBefore, by: hash)
      } else {
        try transaction.insert(key, value.bytes)
        insertedByteCount += key.byteCount + min(value.count, pageByteCount / 2) + 10
        tallies[view, default: before[view] ?? IndexTally()].add(hash)
      }
      // What LMDB puts on pages of its own: a node that two of would not fit on a page.
      if 8 + key.byteCount + value.count > ((pageByteCount - 16) / 2 & ~1) - 2 {
        largePages += (value.count + 15) / pageByteCount + 1
      }
    }
    if isClean { leaves += 1 }
    return outcome
  }

  /// What stands at a key or behind it, and pages around it that may be written.
  private func find(
    _ key: RawSpan, in transaction: inout WriteTransaction
  ) throws(IndexError) -> (Found, isThere: Bool, isClean: Bool) {
    let before = judge.region.enter()
    defer { judge.region.leave(before) }
    let found = transaction.seek(atOrAfter: key)
    guard found.code == LMDB.success || found.code == LMDB.notFound else {
      throw LMDB.error("mdb_cursor_get", found.code)
    }
    let isClean = found.code == LMDB.success && judge.isClean(found.key)
    let isThere = isFound(found, key)
    try judge.leaves(around: found, isThere: isThere, in: &transaction)
    return (found, isThere, isClean)
  }

  @_lifetime(copy value)
  private func open(
    _ value: RawSpan, of key: RawSpan, touched: LSN, _ hash: inout UInt64
  ) throws(ValueFault) -> IndexRow {
    let before = judge.region.enter()
    defer { judge.region.leave(before) }
    let row = try seal.open(value, of: key, touched: touched)
    hash = RowHash.of(key, value)
    return row
  }

  private func isFound(_ found: Found, _ key: RawSpan) -> Bool {
    guard found.code == LMDB.success, found.key.byteCount == key.byteCount else { return false }
    // LMDB has just compared these bytes itself.
    return found.key.span(in: self).isEqual(to: key)
  }

  /// A value on a copied page lies in LMDB's own memory, inside of that page: rows on pages of their own are copied only when they are
  /// written, and no key comes twice.
  private func isReadable(_ place: Place) -> Bool {
    if judge.isClean(place) { return judge.bounds.holds(place) }
    return place.byteCount <= pageByteCount
  }
}
