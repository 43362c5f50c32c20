// `apus export` by a server: the spine goes up as it is read, the set comes down as it is written, and neither is ever held. The set gets its name
// when the server's last word agrees with what came.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusServer
import ApusSystem
import ApusWire

enum RemoteExport {
  static func run(
    _ options: Export.Options, to peer: Remote.Peer, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    var options = options
    options.checks = try ExportChecks.read(options.given)
    let file = try Export.trouble(options.out) { () throws(ExportError) in
      try SetFile(options.out, options.format, on: RealDisk())
    }
    let done = try make(options, peer, isJSON: isJSON, to: file)
    try Export.publish(done, file)
    return done.give(file, isJSON: isJSON, output)
  }

  /// Has a set made. Without a sink only its manifest comes back.
  static func make(
    _ options: Export.Options, _ peer: Remote.Peer, isJSON: Bool, to sink: (any ExportSink)?
  ) throws(Trouble) -> ExportDone {
    // A spine that cannot be read is told before anybody is asked.
    let spine = options.spine.map { Export.spine(at: $0, options.spineFormat) }
    var reading: (any SpineReading)?
    if let spine, let path = options.spine {
      reading = try Export.trouble(path) { () throws(ExportError) in try spine.open() }
    }
    let progress = ExportProgressLine(isShown: !isJSON)
    defer { progress.end() }
    let request = request(options, isText: spine?.isText ?? false, withoutRows: sink == nil)
    let talk = ExportTalk(try peer.connect(), progress)
    try talk.begin(request)
    if let reading, let path = options.spine { try talk.send(reading, at: path) }
    if let sink { try talk.receive(to: sink, at: options.out) }
    let reply = try talk.reply()
    let done = try ExportDone(reply.manifest)
    if let digest = talk.digest, digest != reply.contentDigest {
      throw Trouble(
        "set_damaged", "the set came otherwise than the server made it", at: talk.place,
        next: "export again; when it happens again, look at the network between the two")
    }
    return done
  }

  private static func request(
    _ options: Export.Options, isText: Bool, withoutRows: Bool
  ) -> ExportRequest {
    let wanted: ExportRequest.Wanted =
      switch options.what {
      case .features(let names): .features(names)
      case .view(let name): .view("\(name)")
      case .service(let name): .service("\(name)")
      case .receipt: .service(options.what.spelled)
      }
    let labels: ExportRequest.Labels
    if options.spine == nil {
      labels = .events(from: options.range.lowerBound, through: options.range.upperBound)
    } else {
      labels = isText ? .text : .spine
    }
    var request = ExportRequest(wanted, labels)
    let export = options.export
    request.mode = export.mode == .known ? .known : .happened
    switch options.point {
    case .newest: break
    case .lsn(let lsn): request.point = .lsn(lsn)
    case .time(let time): request.point = .time(nanoseconds: time.nanoseconds)
    case .pin(let name): request.point = .pin(name)
    }
    if export.isStrict { request.options.insert(.strict) }
    if export.beyondHistory == .null { request.options.insert(.beyondHistoryIsNull) }
    if export.staleOK { request.options.insert(.stale) }
    if withoutRows { request.options.insert(.withoutRows) }
    for kind in export.columns {
      switch kind {
      case .statuses: request.columns.insert(.statuses)
      case .reasons: request.columns.insert(.reasons)
      case .eventTimes: request.columns.insert(.eventTimes)
      case .lsns: request.columns.insert(.lsns)
      }
    }
    request.delayNanoseconds = export.delayNanoseconds
    request.timeUnitNanoseconds = options.choices.timeUnitNanoseconds
    request.project = options.project ?? ""
    request.time = options.choices.time ?? ""
    request.lsn = options.choices.lsn ?? ""
    request.timezone = options.zone ?? ""
    request.keys = options.choices.keys.sorted { $0.key < $1.key }.map {
      ExportRequest.Key($0.key, column: $0.value)
    }
    request.prefix = export.prefix
    request.split = options.split?.spelling ?? ""
    request.checks = options.checks?.spelling ?? ExportRequest.noChecks
    request.told = ExportRequest.Told(
      set: options.out, format: options.format.rawValue, spine: options.spine ?? "",
      spineFormat: options.spineFormat?.rawValue ?? "")
    return request
  }
}

/// The stream of one export, from the client's side. Used by one thread.
private final class ExportTalk {
  /// What the server may send ahead of the file.
  private static let windowByteCount = 4 << 20
  private static let pieceByteCount = 256 << 10
  /// About; a row of more goes by itself.
  private static let batchByteCount = 4_194_304.0

  let place: String
  /// Of the set that came; nil where none was to come.
  private(set) var digest: [UInt8]?
  private let wire: Wire
  private let progress: ExportProgressLine
  private var id: UInt64 = 0
  private var creditUp: UInt64 = 0
  private var nextUp: UInt64 = 0
  private var nextDown: UInt64 = 0
  private var taken = 0
  private var came: [UInt8] = []
  private var last: ExportReply?
  /// A connection cannot be a property that a closure may throw out of.
  private final class Wire {
    var connection: RemoteConnection
    init(_ connection: consuming RemoteConnection) { self.connection = connection }
  }

  init(_ connection: consuming RemoteConnection, _ progress: ExportProgressLine) {
    place = "\(connection.address)"
    wire = Wire(connection)
    self.progress = progress
  }

  func begin(_ request: ExportRequest) throws(Trouble) {
    id = try wire.connection.begin(.export) { request.encode(into: &$0) }
  }

  // MARK: Up

  /// Sends the spine as it is read.
  func send(_ reading: any SpineReading, at path: String) throws(Trouble) {
    let sink = Up(self)
    var rows = 0
    do throws(ColumnarError) {
      var stream = try ArrowStreamWriter(reading.schema, to: sink)
      while true {
        let batch: ColumnBatch?
        do throws(ExportError) { batch = try reading.next() } catch {
          sink.trouble = ExportTrouble(error, at: path).trouble(StorePlace(folder: path))
          break
        }
        guard let batch else { break }
        // How the file cuts its rows is nothing to a server, which holds a batch at a time.
        let bytes = batch.columns.reduce(1) { $0 + $1.byteCount }
        let most = max(
          1, min(batch.rowCount, Int(Double(batch.rowCount) * Self.batchByteCount / Double(bytes))))
        var at = 0
        repeat {
          let end = min(batch.rowCount, at + most)
          try stream.write(batch.slice(at..<end))
          at = end
        } while at < batch.rowCount
        rows += batch.rowCount
        progress.show(ExportProgress(phase: .reading, done: rows, total: nil))
      }
      if sink.trouble == nil { try stream.finish() }
    } catch {
      throw sink.trouble ?? Trouble("spine_wrong", "\(error)", at: path, next: "leave that column out")
    }
    if let trouble = sink.trouble { throw trouble }
    do throws(SystemError) { try sink.flush() } catch { throw sink.trouble ?? Trouble(error) }
    try wire.connection.send(.end, id) { _ in }
  }

  /// Sends a piece as soon as the server takes it.
  private func send(_ piece: RawSpan) throws(Trouble) {
    var at = 0
    while at < piece.byteCount {
      while let (header, body) = try wire.connection.frameIfAny() { try take(header, body) }
      while creditUp == 0 {
        let (header, body) = try wire.connection.frame(milliseconds: Self.milliseconds)
        try take(header, body)
      }
      let most = max(1, wire.connection.bodyByteCountMax - StreamData.headByteCount)
      let count = min(piece.byteCount - at, Int(clamping: creditUp), most)
      let sequence = nextUp
      let part = piece.extracting(at..<(at + count))
      try wire.connection.send(.data, id) { StreamData.encode(sequence, part, into: &$0) }
      nextUp += 1
      creditUp -= UInt64(count)
      at += count
    }
  }

  /// Where the spine's bytes go.
  private final class Up: ColumnSink {
    private(set) var byteCount: UInt64 = 0
    var trouble: Trouble?
    private let talk: ExportTalk
    private var gathered: [UInt8] = []

    init(_ talk: ExportTalk) { self.talk = talk }

    func write(_ bytes: RawSpan) throws(SystemError) {
      byteCount += UInt64(bytes.byteCount)
      var at = 0
      while at < bytes.byteCount {
        let count = min(ExportTalk.pieceByteCount - gathered.count, bytes.byteCount - at)
        gathered += bytes.extracting(at..<(at + count)).copied()
        at += count
        if gathered.count == ExportTalk.pieceByteCount { try flush() }
      }
    }

    func flush() throws(SystemError) {
      let piece = gathered
      gathered = []
      do throws(Trouble) { try talk.send(unsafe piece.span.bytes) } catch {
        trouble = error
        throw SystemError("send", .brokenPipe, on: talk.place)
      }
    }
  }

  // MARK: Down

  /// Longer than this no server is silent that makes a set: it tells how far it is.
  private static let milliseconds: Int32 = 600_000

  func receive(to sink: any ExportSink, at path: String) throws(Trouble) {
    try give(Self.windowByteCount)
    let down = Down(self)
    let stream = try columns(down) { () throws(ColumnarError) in Coming(try ArrowStreamReader(down)) }
    let schema = stream.reader.schema
    var digest = RowsDigest(schema.fields)
    try Export.trouble(path) { () throws(ExportError) in try sink.begin(schema) }
    while let batch = try columns(down, { () throws(ColumnarError) in try stream.reader.next() }) {
      digest.take(batch.columns)
      try Export.trouble(path) { () throws(ExportError) in try sink.write(batch) }
    }
    try Export.trouble(path) { () throws(ExportError) in try sink.finish() }
    self.digest = digest.digest.bytes
  }

  /// A closure cannot give what cannot be copied.
  private final class Coming {
    var reader: ArrowStreamReader
    init(_ reader: consuming ArrowStreamReader) { self.reader = reader }
  }

  private func columns<T>(_ down: Down, _ body: () throws(ColumnarError) -> T) throws(Trouble) -> T {
    do throws(ColumnarError) { return try body() } catch {
      throw down.trouble ?? wire.connection.strange("a set that cannot be read: \(error)")
    }
  }

  /// The last word, once everything else was taken.
  func reply() throws(Trouble) -> ExportReply {
    while last == nil {
      let (header, body) = try wire.connection.frame(milliseconds: Self.milliseconds)
      try take(header, body)
    }
    guard let last, came.isEmpty else {
      throw wire.connection.strange("rows behind the end of the set")
    }
    return last
  }

  private func give(_ byteCount: Int) throws(Trouble) {
    try wire.connection.send(.credit, id) { StreamCredit(UInt64(byteCount)).encode(into: &$0) }
  }

  /// Bytes of the set; empty behind its end.
  fileprivate func next() throws(Trouble) -> [UInt8] {
    while came.isEmpty, last == nil {
      let (header, body) = try wire.connection.frame(milliseconds: Self.milliseconds)
      try take(header, body)
    }
    let piece = came
    came = []
    taken += piece.count
    if taken >= Self.windowByteCount / 2 {
      try give(taken)
      taken = 0
    }
    return piece
  }

  private final class Down: ByteSource {
    let name = "the set"
    var trouble: Trouble?
    private let talk: ExportTalk
    private var piece: [UInt8] = []
    private var at = 0

    init(_ talk: ExportTalk) { self.talk = talk }

    func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
      if at == piece.count {
        do throws(Trouble) { piece = try talk.next() } catch {
          trouble = error
          throw SystemError("receive", .brokenPipe, on: talk.place)
        }
        at = 0
      }
      let count = min(buffer.byteCount, piece.count - at)
      for place in 0..<count { buffer.storeBytes(of: piece[at + place], toByteOffset: place, as: UInt8.self) }
      at += count
      return count
    }
  }

  // MARK: Frames

  private func take(_ header: FrameHeader, _ body: [UInt8]) throws(Trouble) {
    guard header.id == id, header.flags.isEmpty else {
      throw wire.connection.strange("an answer to something that was not asked")
    }
    if header.type == MessageType.error {
      let refusal = try wire.connection.read("an error", body) { (body) throws(WireError) in
        try WireRefusal(decoding: body)
      }
      throw Trouble(refusal, from: wire.connection.address)
    }
    if header.type == MessageType.export.reply {
      last = try wire.connection.read("EXPORT's answer", body) { (body) throws(WireError) in
        try ExportReply(decoding: body)
      }
      return
    }
    switch MessageType(rawValue: header.type) {
    case .credit:
      let credit = try wire.connection.read("CREDIT", body) { (body) throws(WireError) in
        try StreamCredit(decoding: body)
      }
      creditUp = creditUp.addingReportingOverflow(credit.byteCount).partialValue
    case .progress:
      let told = try wire.connection.read("PROGRESS", body) { (body) throws(WireError) in
        try StreamProgress(decoding: body)
      }
      progress.show(ExportProgress(told))
    case .data:
      let data = try wire.connection.read("DATA", body) { (body) throws(WireError) in
        try StreamData(decoding: body)
      }
      guard data.sequence == nextDown else { throw wire.connection.strange("rows out of sequence") }
      nextDown += 1
      came += data.bytes
    default: throw wire.connection.strange("a frame of type \(header.type)")
    }
  }
}

extension ExportProgress {
  fileprivate init(_ told: StreamProgress) {
    let phase: Phase =
      switch told.phase {
      case .reading: .reading
      case .joining: .joining
      case .writing: .writing
      }
    self.init(phase: phase, done: Int(clamping: told.done), total: told.total.map { Int(clamping: $0) })
  }
}
