package import ApusBytes
import ApusSystem

/// Updates of a checkpoint, one after another, in ascending order of their whole keys, each key once.
package protocol IndexUpdates: ~Copyable, ~Escapable {
  /// Goes to the next update, the first one at first; false at the end.
  @_lifetime(self: copy self)
  mutating func next() -> Bool
  /// The whole key of the update.
  var key: RawSpan { @_lifetime(borrow self) get }
  var row: RawSpan { @_lifetime(borrow self) get }
}

/// What a fold made of the row that is there and its update.
package enum IndexOutcome: Equatable, Sendable {
  /// The fold wrote the new row; the LSN is the greatest of what it came from.
  case write(LSN)
  /// The update wins nothing.
  case unchanged
  /// There is to be no row.
  case remove
  /// The row that is there cannot be read: the index is damaged.
  case unreadable
}

/// What a checkpoint did.
package struct IndexCheckpoint: Equatable, Sendable {
  package var transactions = 0
  package var written = 0
  package var unchanged = 0
  package var removed = 0
}

/// Folds checkpoints into the index. Owned by one thread, the only one that writes.
///
/// Of a checkpoint that throws, whole transactions may be in the index, which then says *touched* beyond *complete*; the same checkpoint, or a
/// later one that contains it, is folded in again. After `.abandoned` nothing is written any more.
package struct IndexWriter: ~Copyable {
  let index: Index
  /// What the index says as of the last commit.
  private var committed: IndexProgress
  private var tallies: [UInt32: IndexTally] = [:]
  /// To look at the list of free pages.
  private var snapshot: ReadTransaction
  private var value = ByteWriter(capacity: 4_096)
  private var previousKey = ByteWriter(capacity: IndexFormat.keyByteCountMax)

  init(of index: Index) throws(IndexError) {
    let state = try IndexWriter.state(of: index)
    let snapshot = try ReadTransaction(index.environment)
    self.index = index
    (committed, tallies) = state
    self.snapshot = snapshot
  }

  deinit { index.releaseWriter() }

  package var touched: LSN { committed.touched }
  package var complete: LSN { committed.complete }

  /// Folds `updates` into the rows and says *complete* up to `lsn`, with the store's `note`.
  package mutating func checkpoint(
    _ updates: inout some IndexUpdates & ~Copyable & ~Escapable, through lsn: LSN, note: RawSpan,
    fold: (_ row: IndexRow?, _ update: RawSpan, _ result: inout ByteWriter) -> IndexOutcome
  ) throws(IndexError) -> IndexCheckpoint {
    do throws(IndexError) { return try foldIn(&updates, through: lsn, note: note, fold) } catch {
      throw index.options.named(error)
    }
  }

  private mutating func foldIn(
    _ updates: inout some IndexUpdates & ~Copyable & ~Escapable, through lsn: LSN, note: RawSpan,
    _ fold: (_ row: IndexRow?, _ update: RawSpan, _ result: inout ByteWriter) -> IndexOutcome
  ) throws(IndexError) -> IndexCheckpoint {
    precondition(lsn >= committed.touched, "checkpoints are made in the order of their LSNs")
    if index.isSuspect { throw .abandoned(LMDB.fault("a commit before", LMDB.givenUp)) }
    var report = IndexCheckpoint()
    previousKey.removeAll()
    var step = CheckpointStep(index, tallies, pagesFree: try pagesFree())
    var transaction = try WriteTransaction(index.environment)
    while updates.next() {
      if step.isFull {
        try commit(transaction, &step, touched: lsn, complete: committed.complete, note: nil)
        report.transactions += 1
        step = CheckpointStep(index, tallies, pagesFree: try pagesFree())
        transaction = try WriteTransaction(index.environment)
      }
      precondition(
        previousKey.isEmpty || previousKey.bytes.compare(to: updates.key) < 0,
        "the updates of a checkpoint ascend")
      previousKey.removeAll()
      previousKey.write(updates.key)
      switch try step.apply(updates.key, updates.row, through: lsn, in: &transaction, &value, fold) {
      case .write: report.written += 1
      case .unchanged: report.unchanged += 1
      case .remove: report.removed += 1
      case .unreadable: throw .damaged(.row(key: updates.key.copied()))
      }
    }
    try commit(transaction, &step, touched: lsn, complete: lsn, note: note)
    report.transactions += 1
    return report
  }

  private mutating func pagesFree() throws(IndexError) -> Int {
    try snapshot.renew()
    defer { snapshot.reset() }
    var count = 0
    let bounds = index.bounds
    try snapshot.forEachFreeRecord { count += FreePages.count($0, bounds) }
    return count
  }

  private mutating func commit(
    _ transaction: consuming WriteTransaction, _ step: inout CheckpointStep, touched: LSN, complete: LSN,
    note: RawSpan?
  ) throws(IndexError) {
    try step.finish(in: &transaction)
    var progress = IndexProgress(touched: touched, complete: complete)
    try RecordWriter.write(
      &progress, step.tallies, note: note, into: &transaction, seal: index.seal, &value, judge: step.judge)
    try Commit.make(transaction, index, byteCountMax: step.byteCountMax)
    committed = progress
    tallies.merge(step.tallies) { $1 }
  }

  private static func state(
    of index: Index
  ) throws(IndexError) -> (IndexProgress, [UInt32: IndexTally]) {
    var reader = try index.reader()
    try reader.renew()
    defer { reader.reset() }
    return (reader.allProgress, try reader.allTallies())
  }
}

/// A writer belongs to the thread of its transactions.
@available(*, unavailable)
extension IndexWriter: Sendable {}

/// The end of a transaction that writes, and what its failure means.
enum Commit {
  /// `byteCountMax` is about what the transaction writes.
  static func make(
    _ transaction: consuming WriteTransaction, _ index: Index, byteCountMax: UInt64
  ) throws(IndexError) {
    let code = transaction.commit()
    guard code != LMDB.success else {
      do throws(SystemError) { return try lengthen(index.environment) } catch {
        // The transaction is in, but the writer's tallies are those from before it: nothing may follow. An opening would call the file too short.
        throw abandoned(
          index, LMDBFault(call: error.call, code: error.errno.rawValue, words: "\(error.errno)"))
      }
    }
    let error = error(code, in: index.folder.path, byteCountMax: byteCountMax)
    // A transaction that found no space never was, as long as LMDB still gives snapshots: it refuses them after a meta page failed.
    if case .full = error, isReadable(index) { throw error }
    throw abandoned(index, LMDB.fault("mdb_txn_commit", code))
  }

  private static func abandoned(_ index: Index, _ fault: LMDBFault) -> IndexError {
    // Where the disk takes no marker either, the error stands alone: nothing was acknowledged.
    try? index.markSuspect("\(fault)")
    return .abandoned(fault)
  }

  /// LMDB calls a write that the disk cut short an error of input and output. Where the disk has less space than was to be written, it was that.
  static func error(_ code: Int32, in folder: String, byteCountMax: UInt64) -> IndexError {
    if code == Errno.inputOutput.rawValue, let free = try? RealDisk().freeBytes(at: folder),
      free < byteCountMax
    {
      return .full(.disk(LMDB.fault("mdb_txn_commit", Errno.noSpace.rawValue)))
    }
    return LMDB.error("mdb_txn_commit", code)
  }

  private static func isReadable(_ index: Index) -> Bool {
    do throws(IndexError) {
      _ = try ReadTransaction(index.environment).id
    } catch {
      if case .abandoned = error { return false }
    }
    return true
  }

  /// LMDB writes no page that was taken and given back in one transaction, so the file may end before its last page. An opening could not tell
  /// that from a file that was cut.
  static func lengthen(_ environment: Environment) throws(SystemError) {
    let needed = environment.usedByteCount
    guard try environment.file.size() < needed else { return }
    try environment.file.truncate(needed)
    try environment.file.syncData()
  }
}

/// Puts records at the end of a transaction.
enum RecordWriter {
  static func write(
    _ progress: inout IndexProgress, _ tallies: [UInt32: IndexTally], note: RawSpan?,
    into transaction: inout WriteTransaction, seal: ValueSeal, _ value: inout ByteWriter,
    judge: PageJudge? = nil
  ) throws(IndexError) {
    for key in tallies.keys.map(RecordKey.tally) + [RecordKey.note, RecordKey.progress] {
      guard let judge else { break }
      let key = unsafe key.span.bytes
      let found = transaction.seek(atOrAfter: key)
      let isThere = judge.region.inside {
        found.code == LMDB.success && found.key.span(in: transaction).isEqual(to: key)
      }
      try judge.leaves(around: found, isThere: isThere, in: &transaction)
    }
    for (view, tally) in tallies {
      try put(RecordKey.tally(of: view), into: &transaction, seal, &value) { tally.encode(into: &$0) }
    }
    if let note {
      try put(RecordKey.note, into: &transaction, seal, &value) { $0.write(note) }
    }
    // Once to be among the entries, once with their number.
    try put(RecordKey.progress, into: &transaction, seal, &value) { progress.encode(into: &$0) }
    progress.transaction = transaction.id
    progress.entries = transaction.entries
    try put(RecordKey.progress, into: &transaction, seal, &value) { progress.encode(into: &$0) }
  }

  static func put(
    _ key: [UInt8], into transaction: inout WriteTransaction, _ seal: ValueSeal, _ value: inout ByteWriter,
    _ body: (inout ByteWriter) -> Void
  ) throws(IndexError) {
    let key = unsafe key.span.bytes
    seal.begin(&value)
    body(&value)
    seal.finish(&value, key: key, lsn: .none)
    try transaction.insert(key, value.bytes)
  }
}
