import ApusBytes
import ApusSystem

/// The opening of a store, decided before anything on disk is changed.
///
/// What lies here was read after it was synced and its cache dropped, so it is what the disk has. `losses` decides: with
/// one, the store is read-only and stays as it is; without, `resume` makes the decisions durable.
struct Opening {
  /// The unfinished segment, walked.
  struct Tail {
    let record: FileRecord
    let file: any DiskFile
    let survey: Survey
  }

  let folder: StoreFolder
  let options: LogOptions
  /// Up to where the index is complete.
  let checkpoint: LSN
  let manifest: ManifestReading
  let tail: Tail?
  /// Damage found now: of finished segments their size and header, of the unfinished one everything, and records that no file holds.
  let damages: [Damage]
  /// Of all damage, what took records that nothing else holds, and that no person accepted. Damage that is known is judged
  /// anew each time: an index that is rebuilt needs again what the one before it held.
  let losses: [Damage]
  /// Runs and ledgers that are listed and not there, or no files. What only they hold cannot be read.
  let missing: [FileRecord]
  /// Names in the log's folder, or beside it, that no manifest lists.
  let strays: [String]
  /// Runs and ledgers that were never finished, or never listed: copies of what is still there. They may hold what is to be erased.
  let unfinished: [String]
  let report: RecoveryReport

  /// Reads and judges a store. Finished segments that `range` touches are walked in full. Who only looks syncs nothing.
  init(
    _ folder: StoreFolder, created: Bool, options: LogOptions, walking range: LSNRange? = nil,
    syncing: Bool = true, checkpoint: (StoreID) throws(LogError) -> LSN
  ) throws(LogError) {
    self.folder = folder
    self.options = options
    manifest = try ManifestReading(in: folder, syncing: syncing)
    let checkpoint = try checkpoint(manifest.storeID)
    self.checkpoint = checkpoint
    let state = manifest.state
    guard checkpoint < state.ceiling else {
      throw .manifestLost(
        path: folder.at(manifest.name),
        why: "promises no LSN from \(state.ceiling) on, and the index holds LSN \(checkpoint)")
    }
    var damages: [Damage] = []
    for record in state.segments {
      guard let seal = record.seal else { continue }
      let isTouched = range.map { record.first <= $0.last && $0.first <= seal.last } ?? false
      damages += try Opening.outline(
        of: record, seal: seal, in: folder, storeID: manifest.storeID, walking: isTouched)
    }
    // What is in them is checked by the room that reads them, and an index that is whole needs none of them.
    var missing: [FileRecord] = []
    for record in state.history {
      let entry = try wrapping { () throws(SystemError) in try folder.disk.entry(at: folder.at(record.name)) }
      if entry?.isFile != true { missing.append(record) }
    }
    self.missing = missing
    var tail: Tail?
    if let record = state.active {
      let opened = try FrameFile.open(
        folder.checked(record), as: .segment, on: folder.disk, syncing: syncing)
      let path = folder.at(record.name)
      let headerDamage = try opened.headerDamage(of: record, path: path)
      if let headerDamage { damages.append(headerDamage) }
      var walker = FrameWalker(
        file: opened.file, seed: FrameSeed(storeID: manifest.storeID, fileID: record.id),
        end: opened.byteCount)
      let survey = try Survey.walk(
        &walker, listed: record, at: path, hasHeader: headerDamage == nil,
        durable: max(checkpoint, record.first.previous), ceiling: state.ceiling)
      // What it says decides where the file is cut.
      if case .sealed(let seal) = survey.tail, !survey.agrees(with: seal, first: record.first) {
        throw .foreignFile(path: path, why: "its seal does not add up to its frames")
      }
      damages += survey.damages
      tail = Tail(record: record, file: opened.file, survey: survey)
      guard survey.place.nextBase <= state.ceiling else {
        throw .manifestLost(
          path: path, why: "holds LSN \(survey.place.lastLSN), at or above the ceiling \(state.ceiling)")
      }
    }
    // The index holds records that the log must hold, too, and neither a segment nor a gap says what became of them.
    if tail == nil, checkpoint >= state.sealedEnd {
      damages.append(Damage(missing: LSNRange(state.sealedEnd, through: checkpoint)))
    }
    let known = state.damages
    self.tail = tail
    let alreadyKnown = Set(known)
    self.damages = damages.filter { !alreadyKnown.contains($0) }
    losses = (known + self.damages).filter { damage in
      !damage.lsns.isEmpty && damage.lsns.last > checkpoint && !state.acceptedLSNs.covers(damage.lsns)
    }
    let strangers = try folder.strays(beside: manifest)
    var unfinished: [String] = []
    for name in strangers where try folder.isUnfinishedHistory(name) { unfinished.append(name) }
    // Where something is not as it was listed, a copy may be all that is left of it.
    let isWhole =
      missing.isEmpty
      && (known + self.damages).allSatisfy { $0.lsns.isEmpty || state.acceptedLSNs.covers($0.lsns) }
    for name in strangers where isWhole {
      if try folder.isUnlistedCopy(name, beside: state) { unfinished.append(name) }
    }
    self.unfinished = unfinished
    strays = strangers.filter { !unfinished.contains($0) }
    report = RecoveryReport(
      folder: folder.path, created: created, manifest: manifest, tail: tail, damages: self.damages,
      losses: losses, missing: missing.map(\.name))
  }

  /// Three quarters of what a snapshot's payload has room for, at 48 bytes each.
  static let damagesMax = 1 << 18

  func checkCount(adding count: Int) throws(LogError) {
    let count = manifest.state.damages.count + manifest.state.accepted.count + count
    guard count <= Opening.damagesMax else {
      throw .manifestWrong(
        path: folder.at(manifest.name), why: "\(count) damages are more than it can hold")
    }
  }

  /// Whether damage took records and no person accepted that, whatever the index holds.
  func isStanding(_ damage: Damage) -> Bool { !manifest.state.acceptedLSNs.covers(damage.lsns) }

  /// Ends an opening that nothing follows.
  func close() {
    tail?.file.close()
    manifest.file.close()
  }

  /// What can be told of a finished segment without reading it: it is there, has its size and its header.
  ///
  /// One of another size is walked, to name the records that are gone; others, when they are to be.
  private static func outline(
    of record: FileRecord, seal: FileSeal, in folder: StoreFolder, storeID: StoreID, walking: Bool
  ) throws(LogError) -> [Damage] {
    let path = try folder.checked(record)
    let opened = try FrameFile.open(path, as: .segment, on: folder.disk, syncing: false, cached: true)
    defer { opened.file.close() }
    var damages: [Damage] = []
    if let damage = try opened.headerDamage(of: record, path: path) { damages.append(damage) }
    guard walking || opened.byteCount != seal.byteCount else { return damages }
    var walker = FrameWalker(
      file: opened.file, seed: FrameSeed(storeID: storeID, fileID: record.id),
      end: min(opened.byteCount, seal.byteCount))
    let survey = try Survey.walk(
      &walker, from: FramePlace(after: record), in: (record.id, .segment, path), durable: seal.last,
      seal: seal)
    damages += survey.damages
    guard opened.byteCount != seal.byteCount else { return damages }
    if let last = survey.damages.last, last.endByte >= max(opened.byteCount, seal.byteCount) {
      return damages
    }
    let surplus = Damage(
      file: record.id, firstByte: min(opened.byteCount, seal.byteCount),
      endByte: max(opened.byteCount, seal.byteCount),
      lsns: LSNRange(seal.last.next, through: seal.last))
    return damages + [surplus]
  }
}

// MARK: Making it durable

extension Opening {
  /// Carries out what was decided, syncs it, and gives the writer that goes on from there.
  func resume(
    lock: any FileLock, clock: any Clock
  ) throws(LogError) -> (LogWriter, RecoveryReport) {
    var report = report
    let state = manifest.state
    try checkCount(adding: damages.count)
    try wrapping { () throws(SystemError) in
      for file in state.removed where try folder.disk.entry(at: folder.at(file.name)) != nil {
        try folder.disk.remove(folder.at(file.name))
        report.unlinked.append(file.name)
      }
      for name in unfinished {
        try folder.disk.remove(folder.at(name))
        report.unlinked.append(name)
      }
      try folder.syncFolders(of: state.removed.map(\.name) + unfinished)
      report.movedAside = try folder.moveAside(strays)
    }

    var changes: [ManifestChange] = state.removed.map { .forget($0.id) }
    var end = state.sealedEnd
    var emptied: FileRecord?
    if let tail {
      end = tail.survey.place.nextBase
      if tail.survey.tally.frames == 0, tail.survey.damages.isEmpty {
        emptied = tail.record
        changes.append(.remove(tail.record.id))
      } else {
        changes.append(.seal(tail.record.id, FileSeal(try finish(tail))))
      }
    }
    changes += damages.filter { $0.file != emptied?.id }.map { .damage($0) }
    if end < state.ceiling {
      let gap = LSNRange(end, through: state.ceiling.previous)
      changes.append(.gap(gap))
      report.gap = gap
    }
    changes.append(.epoch(state.epoch + 1))

    let continued = Manifest(manifest, in: folder, clock: clock)
    try continued.commit(changes)
    let reader = LogReader(LogView(folder, manifest.storeID, continued.state))
    let writer = LogWriter(
      folder: folder, manifest: continued, lock: lock, clock: clock, options: options, reader: reader)
    if let emptied { writer.unlink([emptied]) }
    tail?.file.close()
    report.epoch = continued.state.epoch
    report.nextLSN = writer.nextLSN
    return (writer, report)
  }

  /// Seals the unfinished segment at its kept end; what lies behind is cut.
  private func finish(_ tail: Tail) throws(LogError) -> Seal {
    try wrapping { () throws(SystemError) in
      let seal: Seal
      if case .sealed(let found) = tail.survey.tail {
        seal = found
      } else {
        let cursor = ActiveSegment.Cursor(place: tail.survey.place, tally: tail.survey.tally)
        let seed = FrameSeed(storeID: manifest.storeID, fileID: tail.record.id)
        seal = try cursor.writeSeal(to: tail.file, seed: seed, first: tail.record.first)
      }
      try seal.settle(tail.file)
      return seal
    }
  }

  /// The reader of a store that stays as it is.
  func reader() -> LogReader {
    var view = LogView(folder, manifest.storeID, manifest.state)
    for at in view.finished.indices {
      view.finished[at].damages += damages.filter { $0.file == view.finished[at].record.id }
    }
    view.absent += damages.filter { $0.file == .none }.map(\.lsns)
    if let tail {
      view.unfinished?.damages += damages.filter { $0.file == tail.record.id }
      view.unfinished?.file = tail.file
      view.unfinished?.writtenEnd = tail.survey.place.offset
      view.unfinished?.durableEnd = tail.survey.place.offset
      view.written = tail.survey.place.lastLSN
      view.durable = tail.survey.place.lastLSN
    }
    return LogReader(view)
  }
}

extension LogView {
  /// What the manifest says, with nothing unfinished.
  init(_ folder: StoreFolder, _ storeID: StoreID, _ state: ManifestState) {
    self.folder = folder
    self.storeID = storeID
    floor = state.floor
    gaps = state.gaps
    history = state.history
    accepted = state.acceptedLSNs
    acceptances = state.accepted
    absent = state.damages.filter { $0.file == .none }.map(\.lsns)
    held = state.held
    givenUp = state.givenUp
    keptErasures = state.keptErasures
    erasuresKeptFrom = state.erasuresKeptFrom
    timelines = Timelines(of: storeID, forks: state.forks)
    let start = UInt64(Format.headerByteCount)
    let all = state.segments.map { record in
      SegmentView(
        record: record, damages: state.damages.filter { $0.file == record.id }, writtenEnd: start,
        durableEnd: start,
        seal: record.seal, file: nil)
    }
    finished = all.filter { $0.seal != nil }
    unfinished = all.first { $0.seal == nil }
    written = state.ceiling.previous
    durable = written
  }
}
