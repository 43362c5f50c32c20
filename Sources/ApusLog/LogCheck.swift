package import ApusBytes
package import ApusSystem

/// What a full verification of a store's log found. Nothing is changed.
package struct LogCheck: Equatable, Sendable {
  /// A segment, walked from its first byte to its last.
  package struct Segment: Equatable, Sendable {
    package var record: FileRecord
    package var byteCount: UInt64
    package var tally: Tally
    package var lsns: LSNRange
    /// Marks and the like included.
    package var allFrames: Int
    package var tail: Survey.Tail
  }

  package var folder: String
  package var storeID: StoreID
  package var manifest: String
  package var manifestTail: Survey.Tail
  package var state: ManifestState
  package var segments: [Segment] = []
  /// What is wrong, a sentence each. Empty means that every byte is as it was written.
  package var problems: [String] = []
  package var damages: [Damage] = []
  /// Segments that are listed and not there, or no files, and all that they may have held.
  package var absent: [Damage] = []
  /// What is no fault, but worth a line: a torn tail that the next start cuts, a stray file.
  package var notes: [String] = []

  package var isSound: Bool { problems.isEmpty }
  package var records: UInt64 { segments.reduce(0) { $0 + $1.tally.records } }
  package var frames: UInt64 { segments.reduce(0) { $0 + $1.tally.frames } }
  package var byteCount: UInt64 { segments.reduce(0) { $0 + $1.byteCount } }
}

extension LogCheck {
  /// Verifies a store that no process has open.
  ///
  /// Throws when there is nothing to verify: no store, in use, a manifest that cannot be read.
  package static func run(_ path: String, on disk: any Disk) throws(LogError) -> LogCheck {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      let manifest = try ManifestReading(in: folder, syncing: false)
      var check = LogCheck(manifest, in: folder)
      for record in manifest.state.segments { try check.walk(record, in: folder, storeID: manifest.storeID) }
      for record in manifest.state.history { try check.find(record, in: folder) }
      try check.lookForStrays(in: folder, manifest: manifest)
      return check
    }
  }

  private init(_ manifest: ManifestReading, in folder: StoreFolder) {
    self.folder = folder.path
    storeID = manifest.storeID
    self.manifest = manifest.name
    manifestTail = manifest.survey.tail
    state = manifest.state
    notes += state.accepted.map(\.description) + state.givenUp.map(\.description)
    for damage in state.damages { report(damage, known: true) }
    if case .torn(let cut) = manifestTail {
      notes.append(
        "\(manifest.name): an edit at byte \(cut.at) was cut short (\(cut.fault)); it never took effect, "
          + "and the next start leaves it behind")
    }
  }

  private mutating func report(_ damage: Damage, known: Bool = false) {
    guard !damages.contains(damage) else { return }
    damages.append(damage)
    let name = state.files.first { $0.id == damage.file }?.name ?? "file \(damage.file)"
    let words = damage.description(in: name)
    if isAccepted(damage) {
      notes.append("damage, accepted as a loss: " + words)
    } else {
      problems.append((known ? "damage, known since an earlier start: " : "damage: ") + words)
    }
  }

  /// Whether a person accepted what it took. Bytes that took no record belong to the damage that they end at: where nothing is left of a segment, its
  /// header is lost with its records.
  private func isAccepted(_ damage: Damage) -> Bool {
    if !damage.lsns.isEmpty { return state.acceptedLSNs.covers(damage.lsns) }
    return state.damages.contains {
      $0.file == damage.file && $0.firstByte == damage.endByte && !$0.lsns.isEmpty
        && state.acceptedLSNs.covers($0.lsns)
    }
  }

  private mutating func walk(_ record: FileRecord, in folder: StoreFolder, storeID: StoreID) throws(LogError)
  {
    let path = folder.at(record.name)
    let entry = try wrapping { () throws(SystemError) in try folder.disk.entry(at: path) }
    guard entry?.isFile == true else {
      let damage = state.whole(record)
      absent.append(damage)
      damages.append(damage)
      problems.append(
        "\(record.name) is listed in the manifest and "
          + (entry == nil ? "is not there" : "is no file but a folder, a pipe, a socket or a device")
          + ": \(damage.lsns) cannot be read")
      return
    }
    let opened = try FrameFile.open(path, as: .segment, on: folder.disk, syncing: false)
    defer { opened.file.close() }
    let headerDamage = try opened.headerDamage(of: record, path: path)
    if let headerDamage { report(headerDamage) }

    var walker = FrameWalker(
      file: opened.file, seed: FrameSeed(storeID: storeID, fileID: record.id), end: opened.byteCount)
    var allFrames = 0
    let survey = try Survey.walk(
      &walker, listed: record, at: path, hasHeader: headerDamage == nil,
      durable: record.seal?.last ?? record.first.previous, ceiling: state.ceiling
    ) { _, _ in allFrames += 1 }
    for damage in survey.damages { report(damage) }
    if let seal = record.seal {
      compare(seal, with: survey, byteCount: opened.byteCount, of: record)
    } else {
      note(survey.tail, of: record, last: survey.place.lastLSN)
      if case .sealed(let found) = survey.tail { addUp(found, with: survey, of: record) }
      if survey.place.nextBase > state.ceiling {
        problems.append(
          "\(record.name) holds LSN \(survey.place.lastLSN), at or above the ceiling \(state.ceiling)")
      }
    }
    segments.append(
      Segment(
        record: record, byteCount: opened.byteCount, tally: survey.tally,
        lsns: LSNRange(record.first, through: survey.place.lastLSN), allFrames: allFrames, tail: survey.tail))
  }

  /// What a run or a ledger holds is for the room that reads them.
  private mutating func find(_ record: FileRecord, in folder: StoreFolder) throws(LogError) {
    let path = folder.at(record.name)
    let entry = try wrapping { () throws(SystemError) in try folder.disk.entry(at: path) }
    // What has its name and is no file is told by the room that reads it.
    if entry == nil { problems.append("\(record.name) is listed in the manifest and is not there") }
  }

  private mutating func compare(
    _ seal: FileSeal, with survey: Survey, byteCount: UInt64, of record: FileRecord
  ) {
    // What is cut off may be the very damage that was accepted.
    let isAccepted = survey.damages.last.map { damage in
      damage.endByte == seal.byteCount && !damage.lsns.isEmpty && state.acceptedLSNs.covers(damage.lsns)
    }
    if byteCount > seal.byteCount || byteCount < seal.byteCount && isAccepted != true {
      problems.append("\(record.name) has \(byteCount) bytes; the manifest lists \(seal.byteCount)")
    }
    guard survey.damages.isEmpty, case .sealed(let found) = survey.tail else { return }
    if FileSeal(found) != seal {
      problems.append("\(record.name): its seal is not the one that the manifest lists")
    }
    addUp(found, with: survey, of: record)
  }

  private mutating func addUp(_ seal: Seal, with survey: Survey, of record: FileRecord) {
    guard survey.damages.isEmpty, Seal(first: record.first, place: survey.place, tally: survey.tally) != seal
    else { return }
    problems.append("\(record.name): its seal does not add up to its frames")
  }

  private mutating func note(_ tail: Survey.Tail, of record: FileRecord, last: LSN) {
    switch tail {
    case .clean: notes.append("\(record.name) is not finished; it ends cleanly at LSN \(last)")
    case .sealed: notes.append("\(record.name) is sealed; the next start writes that into the manifest")
    case .torn(let cut):
      notes.append(
        "\(record.name) is torn at byte \(cut.at) (\(cut.fault)); nothing behind LSN \(last) was durable, "
          + "and the next start cuts \(cut.contentEnd - min(cut.at, cut.contentEnd)) bytes")
    }
  }

  private mutating func lookForStrays(in folder: StoreFolder, manifest: ManifestReading) throws(LogError) {
    guard try wrapping({ () throws(SystemError) in try folder.disk.entry(at: folder.log)?.isFolder }) == true
    else {
      problems.append("\(StoreFolder.logFolder)/ is not there")
      return
    }
    do throws(LogError) {
      for stray in try folder.strays(beside: manifest) {
        if try folder.isUnfinishedHistory(stray) {
          notes.append("\(stray) was never finished; the next start removes it")
        } else if try folder.isUnlistedCopy(stray, beside: state) {
          notes.append(
            "\(stray) is a copy that was never listed; the next start removes it if nothing is damaged, else moves it aside"
          )
        } else {
          notes.append("\(stray) is in no manifest; the next start moves it aside")
        }
      }
    } catch {
      guard case .manifestLost = error else { throw error }
      problems.append(error.description)
    }
  }
}

extension StoreFolder {
  /// Reads a store that no process writes meanwhile.
  package func whileLocked<T>(_ body: (StoreFolder) throws(LogError) -> T) throws(LogError) -> T {
    guard try holdsStore() else { throw .noStore(folder: path) }
    // A copy without its LOCK, a backup say, is held by nobody, and stays without one.
    let isHeld = try wrapping { () throws(SystemError) in try disk.entry(at: lock) } != nil
    let held = isHeld ? try lock(.shared) : nil
    defer { held?.release() }
    return try body(self)
  }
}
