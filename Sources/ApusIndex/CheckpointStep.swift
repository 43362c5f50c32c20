// What one transaction of a checkpoint does to the tree, and about how many pages it has dirtied by that.

import ApusBytes
import ApusSystem

/// Never copied: it is asked once for every row.
struct CheckpointStep: ~Copyable {
  private let seal: ValueSeal
  let judge: PageJudge
  private let pageByteCount: Int
  private let quota: UInt64
  private let pagesMax: Int
  private let appendRunMin: Int
  /// Pages that may still be taken from free ones or from the end of the file.
  private let pagesAvailable: Int
  private var leaves = 0
  private var largePages = 0
  private var insertedByteCount = 0
  /// Updates in a row that came behind all rows.
  private var behindRows = 0
  /// Not nil once rows are appended.
  private var lifted: LiftedRecords?
  /// Of the views that this transaction changed, but for the last.
  private var others: [UInt32: IndexTally] = [:]
  /// The one that was changed last, which mostly is the next, too.
  private var last: (view: UInt32, tally: IndexTally)?
  private let before: [UInt32: IndexTally]

  /// `pagesFree` are those that the list of free pages names.
  init(_ index: Index, _ tallies: [UInt32: IndexTally], pagesFree: Int) {
    seal = index.seal
    judge = PageJudge(index)
    pageByteCount = Int(truncatingIfNeeded: index.environment.pageByteCount)
    quota = index.options.quotaByteCount
    pagesMax = index.options.dirtyPagesMax
    appendRunMin = index.options.appendRunMin
    before = tallies
    let used = index.environment.usedByteCount
    let left = (quota > used ? quota - used : 0) / index.environment.pageByteCount
    pagesAvailable = pagesFree + Int(truncatingIfNeeded: left)
  }

  /// Of the views that this transaction changed.
  var tallies: [UInt32: IndexTally] {
    var all = others
    if let last { all[last.view] = last.tally }
    return all
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
    if lifted != nil { return try append(key, view, update, through: lsn, in: &transaction, &value, fold) }
    let (found, isThere, isClean) = try find(key, in: &transaction)
    seal.begin(&value)
    let outcome: IndexOutcome
    var hashBefore: UInt64 = 0
    if isThere {
      guard judge.isReadable(found.value) else { throw .damaged(.value(key: key.copied(), .place)) }
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
      tally(view) { $0.remove(hashBefore) }
    case .write(let newest):
      let hash = finish(&value, of: key, newest, through: lsn)
      if isThere {
        try transaction.replace(key, value.bytes)
        tally(view) { $0.replace(hashBefore, by: hash) }
      } else {
        try transaction.insert(key, value.bytes)
        insertedByteCount += key.byteCount + min(value.count, pageByteCount / 2) + 10
        tally(view) { $0.add(hash) }
      }
      countLarge(key, value)
    }
    if isClean { leaves += 1 }
    if behindRows >= appendRunMin {
      lifted = try LiftedRecords(from: &transaction, judge)
      leaves += 2
    }
    return outcome
  }

  /// A row behind all others, while the records are lifted: nothing is sought, and LMDB fills one page before it begins the next.
  private mutating func append(
    _ key: RawSpan, _ view: UInt32, _ update: RawSpan, through lsn: LSN,
    in transaction: inout WriteTransaction, _ value: inout ByteWriter,
    _ fold: (IndexRow?, RawSpan, inout ByteWriter) -> IndexOutcome
  ) throws(IndexError) -> IndexOutcome {
    seal.begin(&value)
    let outcome = fold(nil, update, &value)
    switch outcome {
    case .unchanged, .unreadable: return outcome
    case .remove: return .unchanged
    case .write(let newest):
      let hash = finish(&value, of: key, newest, through: lsn)
      try transaction.append(key, value.bytes)
      // Full pages, but for what one row more would have taken.
      let byteCount = key.byteCount + min(value.count, pageByteCount / 2) + 10
      insertedByteCount += byteCount > pageByteCount / 8 ? byteCount : byteCount / 2 + byteCount / 16
      tally(view) { $0.add(hash) }
      countLarge(key, value)
      return outcome
    }
  }

  /// Puts back what was lifted. To be called once, behind the last update of the transaction.
  mutating func finish(in transaction: inout WriteTransaction) throws(IndexError) {
    try lifted?.putBack(into: &transaction)
    lifted = nil
  }

  /// Signs a value, and says its hash.
  private func finish(_ value: inout ByteWriter, of key: RawSpan, _ newest: LSN, through lsn: LSN) -> UInt64 {
    precondition(newest <= lsn, "a checkpoint holds nothing later than its LSN")
    let rowByteCount = value.count - IndexFormat.valueHeaderByteCount
    precondition(rowByteCount <= IndexFormat.rowByteCountMax, "a row has its limit")
    seal.finish(&value, key: key, lsn: newest)
    return RowHash.of(key, value.bytes)
  }

  @inline(__always)
  private mutating func tally(_ view: UInt32, _ change: (inout IndexTally) -> Void) {
    var tally = last?.view == view ? last?.tally ?? IndexTally() : other(view)
    change(&tally)
    last = (view, tally)
  }

  private mutating func other(_ view: UInt32) -> IndexTally {
    if let last { others[last.view] = last.tally }
    if let known = others[view] { return known }
    if let known = before[view] { return known }
    return IndexTally()
  }

  /// What LMDB puts on pages of its own: a node that two of would not fit on a page.
  private mutating func countLarge(_ key: RawSpan, _ value: borrowing ByteWriter) {
    if 8 + key.byteCount + value.count > ((pageByteCount - 16) / 2 & ~1) - 2 {
      largePages += (value.count + 15) / pageByteCount + 1
    }
  }

  /// What stands at a key or behind it, and pages around it that may be written.
  private mutating func find(
    _ key: RawSpan, in transaction: inout WriteTransaction
  ) throws(IndexError) -> (Found, isThere: Bool, isClean: Bool) {
    let before = judge.region.enter()
    defer { judge.region.leave(before) }
    let found = transaction.seek(atOrAfter: key)
    guard found.code == LMDB.success || found.code == LMDB.notFound else {
      throw LMDB.error("mdb_cursor_get", found.code)
    }
    let isClean = found.code == LMDB.success && judge.isClean(found.key)
    let isThere = isFound(found, key, in: transaction)
    try judge.leaves(around: found, isThere: isThere, in: &transaction)
    behindRows = !isThere && isRecord(found, in: transaction) ? behindRows + 1 : 0
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

  private func isFound(_ found: Found, _ key: RawSpan, in transaction: borrowing WriteTransaction) -> Bool {
    guard found.code == LMDB.success, found.key.byteCount == key.byteCount else { return false }
    // LMDB has just compared these bytes itself.
    return found.key.span(in: transaction).isEqual(to: key)
  }

  /// Whether a record was found, on a leaf that was judged: all rows come before it.
  private func isRecord(_ found: Found, in transaction: borrowing WriteTransaction) -> Bool {
    guard found.code == LMDB.success, judge.isReadable(found.key) else { return false }
    return found.key.span(in: transaction).projectOfKey == IndexFormat.recordsProject
  }
}
