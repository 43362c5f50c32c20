package import ApusBytes
package import ApusSystem

/// What became of the attempt to open an index.
package enum IndexOpening: Sendable {
  case usable(Index)
  /// To be rebuilt under a higher epoch; until then nobody reads it.
  case suspect(IndexSuspicion)
  /// Another store's; untouched.
  case foreign(storeID: [UInt8])
  /// Of a newer program; untouched.
  case unsupported(String)
  case missing
}

/// Why an index is not to be read.
package enum IndexSuspicion: Equatable, Sendable {
  /// Somebody said so before.
  case marked(String)
  case noData
  /// Something that is no file has the name of one.
  case notAFile(SystemError)
  case tooShort(byteCount: UInt64, needed: UInt64)
  case metaPage(Int, String)
  case damaged(IndexDamage)
  /// An older state than the one the caller knows to be checkpointed.
  case behind(complete: LSN, expected: LSN)
  case lmdb(LMDBFault)
}

extension Index {
  /// Opens the index of one epoch, as IndexFormat.md says. `checkpoint` is the LSN up to which the caller knows it to be complete.
  ///
  /// Throws what says nothing about the index: it is in use, or the kernel refused.
  package static func open(
    _ folder: IndexFolder, of storeID: [UInt8], checkpoint: LSN = .none,
    options: IndexOptions = IndexOptions()
  ) throws(IndexError) -> IndexOpening {
    do throws(IndexError) { return try judged(folder, storeID, checkpoint, options) } catch {
      return try verdict(on: error)
    }
  }

  private static func judged(
    _ folder: IndexFolder, _ storeID: [UInt8], _ checkpoint: LSN, _ options: IndexOptions
  ) throws(IndexError) -> IndexOpening {
    let disk = RealDisk()
    guard try wrapping({ () throws(SystemError) in try disk.entry(at: folder.path) }) != nil else {
      return .missing
    }
    let lock = try folder.hold(folder.lock, options.isReadOnly ? .shared : .exclusive)
    if let why = try wrapping({ () throws(SystemError) in try folder.suspicion() }) {
      return .suspect(.marked(why))
    }
    guard try wrapping({ () throws(SystemError) in try disk.entry(at: folder.data) }) != nil else {
      return .suspect(.noData)
    }
    switch try judge(folder) {
    case .failure(let opening): return opening.value
    case .success(let meta): return try open(folder, storeID, checkpoint, options, lock: lock, meta: meta)
    }
  }

  /// Errors that come from the index's own bytes are a verdict on it; others are the caller's.
  private static func verdict(on error: IndexError) throws(IndexError) -> IndexOpening {
    switch error {
    case .damaged(let damage): return .suspect(.damaged(damage))
    case .system(let error) where error.meansNoFile: return .suspect(.notAFile(error))
    case .lmdb(let fault) where Errno(rawValue: fault.code).meansNoFile: return .suspect(.lmdb(fault))
    // Codes above zero are the kernel's: no memory, no descriptors, no right.
    case .lmdb(let fault) where fault.code > 0: throw error
    case .lmdb(let fault), .abandoned(let fault): return .suspect(.lmdb(fault))
    case .inUse, .full, .tooManyReaders, .system: throw error
    }
  }

  /// `Result` wants an error for its failure.
  private struct Refusal: Error { let value: IndexOpening }

  private static func judge(_ folder: IndexFolder) throws(IndexError) -> Result<MetaPages, Refusal> {
    let file = try wrapping { () throws(SystemError) in try RealDisk().open(folder.data, .read) }
    defer { file.close() }
    do throws(MetaPages.Fault) { return .success(try MetaPages.judge(file)) } catch {
      switch error {
      case .system(let error): throw .system(error)
      case .tooShort(let byteCount, let needed):
        return .failure(Refusal(value: .suspect(.tooShort(byteCount: byteCount, needed: needed))))
      case .malformed(let page, let what): return .failure(Refusal(value: .suspect(.metaPage(page, what))))
      case .dataVersion(let version):
        return .failure(Refusal(value: .unsupported("LMDB's data version \(version)")))
      }
    }
  }

  private static func open(
    _ folder: IndexFolder, _ storeID: [UInt8], _ checkpoint: LSN, _ options: IndexOptions,
    lock: any FileLock, meta: MetaPages
  ) throws(IndexError) -> IndexOpening {
    let environment = try Environment(folder, path: folder.path, lock: lock, options: options)
    let before = environment.region.enter()
    defer { environment.region.leave(before) }
    var transaction = try ReadTransaction(environment)
    try transaction.renew()
    guard transaction.id == meta.transaction else {
      return .suspect(.damaged(.transaction(expected: meta.transaction, found: transaction.id)))
    }

    let identity = try OpeningRecord(RecordKey.identity, in: transaction, pageByteCount: meta.pageByteCount)
    let mapStart = try identity.mapStart(environment, lastPage: meta.lastPage)
    let bounds = FileBounds(start: mapStart, byteCount: UInt(environment.usedByteCount))
    guard
      let whose = try identity.decode(
        in: transaction, bounds, seal: .ofIdentity, { IdentityRecord.decode($0) })
    else { return .suspect(.damaged(.record(key: RecordKey.identity))) }
    if whose.version != IndexFormat.version { return .unsupported("format version \(whose.version)") }
    let unknown = whose.required & ~IndexFormat.knownRequiredFeatures
    if unknown != 0 { return .unsupported("required features \(String(unknown, radix: 16))") }
    if whose.storeID != storeID { return .foreign(storeID: whose.storeID) }

    let seal = ValueSeal(storeID: storeID, epoch: folder.epoch)
    let record = try OpeningRecord(RecordKey.progress, in: transaction, pageByteCount: meta.pageByteCount)
    guard
      let progress = try record.decode(in: transaction, bounds, seal: seal, { IndexProgress.decode($0) })
    else { return .suspect(.damaged(.record(key: RecordKey.progress))) }
    try progress.check(against: transaction)
    if progress.complete < checkpoint {
      return .suspect(.behind(complete: progress.complete, expected: checkpoint))
    }
    return .usable(
      Index(
        folder, storeID: storeID, options: options, progress: progress, environment: environment,
        mapStart: mapStart))
  }
}

extension IndexProgress {
  func check(against transaction: borrowing ReadTransaction) throws(IndexError) {
    guard self.transaction == transaction.id else {
      throw .damaged(.transaction(expected: transaction.id, found: self.transaction))
    }
    let found = transaction.entries
    guard entries == found else { throw .damaged(.entries(expected: entries, found: found)) }
  }
}

/// A record that is read before it is known where the file lies in memory. Records that an opening reads are so short that LMDB keeps them
/// inside of a page it has just read itself.
private struct OpeningRecord {
  private let key: [UInt8]
  private let place: Place
  private let pageByteCount: UInt64

  init(
    _ key: [UInt8], in transaction: borrowing ReadTransaction, pageByteCount: UInt64
  ) throws(IndexError) {
    let found = transaction.get(unsafe key.span.bytes)
    guard found.code != LMDB.notFound else { throw .damaged(.record(key: key)) }
    try LMDB.check("mdb_get", found.code)
    self.key = key
    self.place = found.value
    self.pageByteCount = pageByteCount
    let at = UInt64(place.start) % pageByteCount
    guard place.byteCount >= 0, UInt64(place.byteCount) <= pageByteCount - at else {
      throw .damaged(.value(key: key, .place))
    }
  }

  /// Where the file begins in memory: this record's page says its number, and the file must have the same bytes there.
  func mapStart(_ environment: Environment, lastPage: UInt64) throws(IndexError) -> UInt {
    var page = Place()
    page.start = place.start - place.start % UInt(pageByteCount)
    page.byteCount = Int(truncatingIfNeeded: pageByteCount)
    let inMemory = page.span(in: self)
    var reader = ByteReader(inMemory)
    let number = (try? reader.read(UInt64.self)) ?? .max
    guard number <= lastPage else { throw .damaged(.value(key: key, .place)) }
    let offset = number * pageByteCount
    var inFile = ByteBlock(byteCount: page.byteCount)
    let count = try wrapping { () throws(SystemError) in
      var target = inFile.mutableBytes
      return try environment.file.readFully(into: &target, at: offset)
    }
    guard count == page.byteCount, inMemory.isEqual(to: inFile.bytes), UInt(offset) <= page.start
    else { throw .damaged(.value(key: key, .place)) }
    return page.start - UInt(offset)
  }

  func decode<Record>(
    in transaction: borrowing ReadTransaction, _ bounds: FileBounds, seal: ValueSeal,
    _ body: (RawSpan) -> Record?
  ) throws(IndexError) -> Record? {
    guard bounds.holds(place) else { throw .damaged(.value(key: key, .place)) }
    do throws(ValueFault) {
      let value = place.span(in: transaction)
      return body(try seal.open(value, of: unsafe key.span.bytes, touched: .none).bytes)
    } catch {
      throw .damaged(.value(key: key, error))
    }
  }
}
