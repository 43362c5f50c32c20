package import ApusBytes
import ApusSystem

/// Loads a new index in ascending order into `index-E.tmp`, and makes it `index-E` when it is whole. Owned by one thread.
///
/// A builder that is let go of leaves its folder behind for `IndexFolder.remove`.
package struct IndexBuilder: ~Copyable {
  private let folder: IndexFolder
  private let storeID: [UInt8]
  private let options: IndexOptions
  private let environment: Environment
  private let seal: ValueSeal
  private var transaction: WriteTransaction?
  private var byteCount = 0
  private var written: UInt64 = 0
  private var tallies: [UInt32: IndexTally] = [:]
  private var value = ByteWriter(capacity: 4_096)
  private var newest = LSN.none
  /// Why rows are missing: with a transaction that was undone, all of its rows went.
  private var failure: IndexError?

  /// Of LMDB and the pages' heads, for each row.
  private static let overheadPerRow = 10

  package init(
    _ folder: IndexFolder, of storeID: [UInt8], options: IndexOptions = IndexOptions()
  ) throws(IndexError) {
    precondition(storeID.count == 16, "a store's id has 16 bytes")
    self.folder = folder
    self.storeID = storeID
    self.options = options
    try wrapping { () throws(SystemError) in
      try folder.makeParent()
      try folder.erase(folder.building)
      try RealDisk().makeFolder(folder.building)
    }
    let lock = try folder.hold(folder.building + "/" + IndexFolder.lockName)
    environment = try Environment(folder, path: folder.building, lock: lock, options: options)
    seal = ValueSeal(storeID: storeID, epoch: folder.epoch)
  }

  /// Adds a row. Keys ascend, each once; `lsn` is the greatest of what the row was folded from. An error is the end of this index.
  package mutating func append(_ key: RawSpan, lsn: LSN, row: RawSpan) throws(IndexError) {
    if let failure { throw failure }
    do throws(IndexError) { try add(key, lsn, row) } catch {
      let error = options.named(error)
      failure = error
      throw error
    }
  }

  private mutating func add(_ key: RawSpan, _ lsn: LSN, _ row: RawSpan) throws(IndexError) {
    guard let view = key.viewOfKey else { preconditionFailure("a row has a whole key") }
    precondition(row.byteCount <= IndexFormat.rowByteCountMax, "a row has its limit")
    seal.begin(&value)
    value.write(row)
    seal.finish(&value, key: key, lsn: lsn)
    try open()
    guard var open = transaction.take() else { return }
    // LMDB refuses a key that does not come after all others.
    try open.append(key, value.bytes)
    transaction = consume open
    tallies[view, default: IndexTally()].add(RowHash.of(key, value.bytes))
    newest = max(newest, lsn)
    byteCount += key.byteCount + value.count + IndexBuilder.overheadPerRow
    if byteCount / Int(environment.pageByteCount) >= options.dirtyPagesMax { try commit() }
  }

  /// Makes the index whole, durable and known by its name, and opens it: complete up to `lsn`, with the store's `note`.
  package consuming func finish(complete lsn: LSN, note: RawSpan) throws(IndexError) -> Index {
    if let failure { throw failure }
    precondition(newest <= lsn, "an index holds nothing later than its LSN")
    do throws(IndexError) { try writeRecords(complete: lsn, note) } catch { throw options.named(error) }
    try lengthen()
    let (folder, storeID, options) = (folder, storeID, options)
    try IndexBuilder.close(self)
    try wrapping { () throws(SystemError) in
      let disk = RealDisk()
      // The names in the folder before its own: otherwise a crash can show the good name without the file.
      try disk.syncFolder(folder.building)
      try disk.rename(folder.building, to: folder.path)
      try disk.syncFolder(folder.parent)
    }
    switch try Index.open(folder, of: storeID, checkpoint: lsn, options: options) {
    case .usable(let index): return index
    case .suspect(.damaged(let damage)): throw .damaged(damage)
    case .suspect, .foreign, .unsupported, .missing: throw .damaged(.record(key: RecordKey.progress))
    }
  }

  private func lengthen() throws(IndexError) {
    let environment = environment
    try wrapping { () throws(SystemError) in try Commit.lengthen(environment) }
  }

  private mutating func writeRecords(complete lsn: LSN, _ note: RawSpan) throws(IndexError) {
    try open()
    guard var transaction = transaction.take() else { return }
    let identity = IdentityRecord(storeID: storeID)
    try RecordWriter.put(RecordKey.identity, into: &transaction, .ofIdentity, &value) {
      identity.encode(into: &$0)
    }
    var progress = IndexProgress(touched: lsn, complete: lsn)
    try RecordWriter.write(&progress, tallies, note: note, into: &transaction, seal: seal, &value)
    try IndexBuilder.commit(transaction, folder, byteCount)
  }

  private static func close(_ builder: consuming IndexBuilder) throws(IndexError) {
    try wrapping { () throws(SystemError) in try builder.environment.file.syncAll() }
  }

  private mutating func open() throws(IndexError) {
    if transaction != nil { return }
    let used = environment.usedByteCount
    if used > options.quotaByteCount { throw .full(.quota(byteCount: options.quotaByteCount)) }
    transaction = try WriteTransaction(environment)
  }

  private mutating func commit() throws(IndexError) {
    guard let transaction = transaction.take() else { return }
    try IndexBuilder.commit(transaction, folder, byteCount)
    byteCount = 0
  }

  private static func commit(
    _ transaction: consuming WriteTransaction, _ folder: IndexFolder, _ byteCount: Int
  ) throws(IndexError) {
    let code = transaction.commit()
    if code == LMDB.success { return }
    // Pages are a little larger than what they hold.
    throw Commit.error(code, in: folder.building, byteCountMax: UInt64(byteCount) * 2 + 1 << 16)
  }
}
