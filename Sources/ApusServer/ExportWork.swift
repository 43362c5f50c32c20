// What the thread of an export does, from its request to its reply: the snapshot first, so that what cannot be is told before a spine
// is sent; then the spine into its file; then the set.

import ApusBytes
import ApusContracts
import ApusExport
import ApusStore
import ApusSystem
import ApusWire

struct ExportWork: Sendable {
  /// Why there is no set.
  private enum Stop: Error {
    case refused(WireRefusal)
    case ended(ExportEnd)
  }

  private let job: ExportJob
  private let desk: ExportDesk
  private var request: ExportRequest { job.request }
  private var options: SessionOptions { desk.options }

  init(_ job: ExportJob, _ desk: ExportDesk) {
    self.job = job
    self.desk = desk
  }

  func run() {
    do throws(Stop) {
      let frame = try make()
      do throws(ExportEnd) { try job.finish(frame) } catch { throw .ended(error) }
    } catch {
      switch error {
      case .refused(let refusal): job.refuse(refusal)
      case .ended(.abandoned): break
      case .ended(let end): job.refuse(WireRefusal(end))
      }
    }
  }

  /// The reply's frame; the rows went before it.
  private func make() throws(Stop) -> [UInt8] {
    let split = try split()
    let checks = try checks()
    let choices = try choices()
    try checkWords()
    let snapshot: Snapshot
    let vector: PreparedVector
    var asked: SetAsked
    do throws(StoreError) {
      snapshot = try desk.store.snapshot(try point())
      (vector, asked) = try self.vector(in: snapshot)
    } catch {
      throw .refused(error.refusal(next: Suggestions.next(error, in: desk.store.catalog)))
    }
    asked.spineFormat = request.told.spineFormat.isEmpty ? nil : request.told.spineFormat
    let spine: any SpineSource
    switch request.labels {
    case .events(let from, let through):
      asked.range = from...through
      spine = try events(of: snapshot, vector, from...through)
    case .spine, .text:
      asked.spine = request.told.spine
      spine = try receive()
    }
    let job = job
    var refused: ExportEnd?
    let sink: any ExportSink
    if request.options.contains(.withoutRows) {
      sink = NoSet()
    } else {
      sink = StreamedSet(pieceByteCount: pieceByteCount) { piece in
        do throws(ExportEnd) {
          try job.hand(piece)
          return true
        } catch {
          refused = error
          return false
        }
      }
    }
    let export = Export(
      snapshot, vector, exportOptions, choices, split: split, checks: checks, scratch: desk.scratch
    ) { progress in
      job.tell(StreamProgress(progress))
      return job.reasonToEnd == nil
    }
    let report: ExportReport
    do throws(ExportError) { report = try export.run(spine, to: sink) } catch {
      if error == .cancelled { throw .ended(refused ?? job.reasonToEnd ?? .abandoned) }
      throw .refused(error.refusal(in: desk.store.catalog))
    }
    let reply = ExportReply(
      lsn: snapshot.lsn, rows: UInt64(report.rows), identity: report.identity.bytes,
      contentDigest: report.contentDigest.bytes, manifest: export.manifest(asked, report))
    return Frames.reply(to: .export, job.id, atMost: options.bodyByteCountMax) { reply.encode(into: &$0) }
  }

  private var pieceByteCount: Int {
    min(SessionLimits.streamPieceByteCount, options.bodyByteCountMax - StreamData.headByteCount)
  }

  // MARK: What is asked

  private func point() throws(StoreError) -> SnapshotPoint {
    switch request.point {
    case .newest: return .newest
    case .lsn(let lsn): return .lsn(lsn)
    case .time(let nanoseconds): return .time(WallTime(nanoseconds: nanoseconds))
    case .pin(let name):
      guard case .lsn(let lsn, _) = try desk.store.moment(ofPin: name) else { throw .unknownPin(name) }
      return .lsn(lsn)
    }
  }

  /// Names without a version mean the current ones of now, whatever the snapshot.
  private func vector(in snapshot: Snapshot) throws(StoreError) -> (PreparedVector, SetAsked) {
    let (newest, project, told) = (desk.store.catalog, job.project, request.told)
    func asked(_ of: String, _ names: String) -> SetAsked {
      SetAsked(of: of, names: names, project: project, set: told.set, format: told.format)
    }
    switch request.wanted {
    case .service(let spelling):
      guard let name = VersionedName(spelling: spelling) else {
        throw .unknownService(VersionedName(name: spelling), project: project)
      }
      let versioned = try newest.pastVector(service: name, in: project).service ?? spelling
      let service = VersionedName(spelling: versioned) ?? name
      return (try snapshot.catalog.pastVector(service: service, in: project), asked("service", "\(service)"))
    case .features(let names):
      return (
        try snapshot.catalog.pastVector(features: names, in: project),
        asked("features", names.joined(separator: ","))
      )
    case .view(let spelling):
      guard let name = VersionedName(spelling: spelling), let known = newest.view(name, in: project),
        let versioned = VersionedName(spelling: known.spelling)
      else {
        throw .unknownView(
          VersionedName(spelling: spelling) ?? VersionedName(name: spelling), project: project)
      }
      guard let view = snapshot.catalog.view(versioned, in: project) else {
        throw .unknownView(versioned, project: project)
      }
      return (try snapshot.catalog.pastVector(of: view, in: project), asked("view", known.spelling))
    }
  }

  private var exportOptions: ExportOptions {
    var export = ExportOptions()
    export.mode = request.mode == .known ? .known : .happened
    export.isStrict = request.options.contains(.strict)
    export.delayNanoseconds = request.delayNanoseconds
    export.beyondHistory = request.options.contains(.beyondHistoryIsNull) ? .null : .error
    export.staleOK = request.options.contains(.stale)
    if request.columns.contains(.statuses) { export.columns.insert(.statuses) }
    if request.columns.contains(.reasons) { export.columns.insert(.reasons) }
    if request.columns.contains(.eventTimes) { export.columns.insert(.eventTimes) }
    if request.columns.contains(.lsns) { export.columns.insert(.lsns) }
    export.prefix = request.prefix
    export.memory = options.exportByteCount
    export.threads = max(1, SystemProcess.coreCount / 2)
    return export
  }

  private func choices() throws(Stop) -> SpineChoices {
    var choices = SpineChoices()
    if !request.timezone.isEmpty {
      guard let zone = desk.zones(request.timezone) else {
        throw .refused(
          WireRefusal(
            .badRequest, "there is no time zone \(Quoted(request.timezone))",
            next: "write an offset as +02:00, or a name such as Europe/Berlin"))
      }
      choices.zone = zone
    }
    choices.time = request.time.isEmpty ? nil : request.time
    choices.timeUnitNanoseconds = request.timeUnitNanoseconds
    choices.lsn = request.lsn.isEmpty ? nil : request.lsn
    for key in request.keys { choices.keys[key.name] = key.column }
    return choices
  }

  private func split() throws(Stop) -> ExportSplit? {
    if request.split.isEmpty { return nil }
    guard let split = ExportSplit(spelling: request.split) else {
      throw .refused(
        WireRefusal(
          .badRequest, "\(Quoted(request.split)) is no split",
          next: "write time=2026-11-19T00:00:00Z or hash=0.8"))
    }
    return split
  }

  /// What a server of another version may know.
  private func checkWords() throws(Stop) {
    guard Set(request.keys.map(\.name)).count == request.keys.count else {
      throw .refused(
        WireRefusal(.badRequest, "a key is given two columns", next: "name one column for each key"))
    }
  }

  /// Nil: nothing is checked.
  private func checks() throws(Stop) -> SetChecks? {
    switch request.checks {
    case "": return .standard
    case ExportRequest.noChecks: return nil
    default: break
    }
    let checks: SetChecks
    do throws(SetChecksError) {
      checks = try SetChecks(reading: Array(request.checks.utf8), named: "the checks")
    } catch {
      throw .refused(
        WireRefusal(.badRequest, error.lines.joined(separator: "; "), next: "mend the checks, then ask again")
      )
    }
    if case .manifest(let path) = checks.against {
      throw .refused(
        WireRefusal(
          .badRequest,
          "the checks compare with the manifest \(Quoted(path)), which is no file of the server's",
          next: "send what it says of its features as `reference`, or ask for `against: online`"))
    }
    return checks
  }

  // MARK: The spine

  private func events(
    of snapshot: Snapshot, _ vector: PreparedVector, _ range: ClosedRange<Int64>
  ) throws(Stop) -> any SpineSource {
    guard let view = vector.groups.first.flatMap({ snapshot.catalog[$0.view] }) else {
      throw .refused(StoreError.emptyVector.refusal())
    }
    do throws(ExportError) {
      return try EventSpine(
        snapshot, view, exportOptions.mode, range, scratch: desk.scratch, memory: options.exportByteCount)
    } catch {
      throw .refused(error.refusal(in: desk.store.catalog))
    }
  }

  /// Takes the spine under credit into a file without a name.
  private func receive() throws(Stop) -> any SpineSource {
    let window = SessionLimits.streamWindowByteCount
    let file = try onDisk { () throws(SystemError) in try desk.scratch.make() }
    try checkRoom(window)
    job.give(window)
    var size: UInt64 = 0
    var owed = 0
    while let piece = try nextPiece() {
      let place = size
      size += UInt64(piece.count)
      guard size <= UInt64(options.exportSpineByteCountMax) else {
        throw .refused(.spineTooLong(max: options.exportSpineByteCountMax))
      }
      try onDisk { () throws(SystemError) in try file.writeAll(unsafe piece.span.bytes, at: place) }
      owed += piece.count
      guard owed >= window / 4 else { continue }
      try checkRoom(window)
      job.give(owed)
      owed = 0
    }
    return ScratchSpine(
      file, byteCount: size, isText: request.labels == .text,
      batchByteCountMax: max(options.exportByteCount / 2, window))
  }

  private func nextPiece() throws(Stop) -> [UInt8]? {
    do throws(ExportEnd) { return try job.spine() } catch { throw .ended(error) }
  }

  private func checkRoom(_ byteCount: Int) throws(Stop) {
    let free = try onDisk { () throws(SystemError) in try desk.scratch.freeBytes() }
    guard free >= UInt64(byteCount) else {
      throw .refused(
        ExportError.scratchFull(needed: UInt64(byteCount), free: free, folder: desk.scratch.folder)
          .refusal(in: desk.store.catalog))
    }
  }

  private func onDisk<T>(_ body: () throws(SystemError) -> T) throws(Stop) -> T {
    do throws(SystemError) { return try body() } catch {
      throw .refused(ExportError.system(error).refusal(in: desk.store.catalog))
    }
  }
}

extension StreamProgress {
  init(_ progress: ExportProgress) {
    let phase: Phase =
      switch progress.phase {
      case .reading: .reading
      case .joining: .joining
      case .writing: .writing
      }
    self.init(
      phase, done: UInt64(clamping: progress.done), total: progress.total.map { UInt64(clamping: $0) })
  }
}
