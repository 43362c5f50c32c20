// EXPORT without sockets: a peer sends its spine and gives its credit as the test says, and the set is held against one that the same store's folder makes.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("EXPORT")
struct SessionExportTests {
  /// Cards with some history, and a fixture that serves them.
  private func shop(
    tokens: (any TokenCheck)? = nil, _ options: (inout SessionOptions) -> Void = { _ in }
  ) throws -> SessionFixture {
    let fixture = try SessionFixture(tokens: tokens, options: options)
    let name = try #require(VersionedName(spelling: "activity"))
    let view = try #require(fixture.store.catalog.view(name, in: "shop"))
    for round in 0..<3 {
      var batch = fixture.store.batch()
      try batch.turn(to: view)
      for card in 0..<20 {
        batch.upsert(
          key: [.string("c\(card)")], GivenTimes(eventTime: fixture.now),
          view.contract.features.map { feature in
            feature.name == "count" ? .value(.int64(Int64(card * 10 + round))) : .absent
          })
      }
      _ = try fixture.store.append(batch.admitted())
      fixture.clock.advance(nanoseconds: 1_000_000_000)
    }
    return fixture
  }

  /// The spine's schema: a card, a moment, and a text that nobody asks for.
  private static let schema = ColumnSchema([
    ColumnField("card_id", ColumnType(.string)),
    ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
    ColumnField("label", ColumnType(.string)),
  ])

  private func batches(_ rows: Int, of each: Int, _ now: EventTime) throws -> [ColumnBatch] {
    var all: [ColumnBatch] = []
    var row = 0
    while row < rows {
      var cards = ColumnBuilder(ColumnType(.string), named: "card_id")
      var times = ColumnBuilder(ColumnType(.timestamp(.nanoseconds, isUTC: true)), named: "event_timestamp")
      var labels = ColumnBuilder(ColumnType(.string), named: "label")
      let count = min(each, rows - row)
      for place in row..<(row + count) {
        try cards.append("c\(place % 25)")
        times.append(now.nanoseconds - Int64(place % 4) * 1_000_000_000)
        try labels.append("row \(place)")
      }
      all.append(
        try ColumnBatch(
          Self.schema, [try cards.finish(), try times.finish(), try labels.finish()], rowCount: count))
      row += count
    }
    return all
  }

  private func stream(_ batches: [ColumnBatch]) throws -> [UInt8] {
    let sink = MemorySink()
    var writer = try ArrowStreamWriter(Self.schema, to: sink)
    for batch in batches { try writer.write(batch) }
    try writer.finish()
    return sink.copied()
  }

  private struct Came {
    var rows: [UInt8] = []
    var reply: ExportReply?
    var refusal: WireRefusal?
    var progress: [StreamProgress] = []
  }

  /// Talks to the end: pieces of so many bytes go up, and so much credit is given at a time.
  private func talk(
    _ peer: Caller, _ request: ExportRequest, _ spine: [UInt8]?, piece: Int = 1 << 16,
    credit: UInt64 = 1 << 40
  ) throws -> Came {
    let id = peer.send(.export) { request.encode(into: &$0) }
    return try goOn(peer, id, spine, piece: piece, credit: credit)
  }

  private func goOn(
    _ peer: Caller, _ id: UInt64, _ spine: [UInt8]?, piece: Int, credit: UInt64
  ) throws -> Came {
    var came = Came()
    var (sent, allowed, sequence) = (0, 0, UInt64(0))
    var (next, given) = (UInt64(0), UInt64(0))
    var isOver = spine == nil
    func give() {
      given = credit
      peer.send(type: MessageType.credit.rawValue, id: id) { StreamCredit(credit).encode(into: &$0) }
    }
    give()
    while true {
      let frame = try peer.reply(to: id)
      let body = frame.body
      if let refusal = frame.refusal {
        came.refusal = refusal
        return came
      }
      if frame.type == MessageType.export.reply {
        came.reply = try ExportReply(decoding: unsafe body.span.bytes)
        return came
      }
      switch MessageType(rawValue: frame.type) {
      case .credit: allowed += Int(try StreamCredit(decoding: unsafe body.span.bytes).byteCount)
      case .progress: came.progress.append(try StreamProgress(decoding: unsafe body.span.bytes))
      default:
        let data = try StreamData(decoding: unsafe body.span.bytes)
        #expect(data.sequence == next && UInt64(data.bytes.count) <= given)
        next += 1
        given -= UInt64(data.bytes.count)
        came.rows += data.bytes
        if given == 0 { give() }
      }
      guard let spine, !isOver else { continue }
      while sent < spine.count, allowed > 0 {
        let count = min(piece, spine.count - sent, allowed)
        let part = spine[sent..<(sent + count)]
        peer.send(type: MessageType.data.rawValue, id: id) {
          StreamData(sequence, Array(part)).encode(into: &$0)
        }
        sequence += 1
        sent += count
        allowed -= count
      }
      if sent == spine.count {
        isOver = true
        peer.send(type: MessageType.end.rawValue, id: id) { _ in }
      }
    }
  }

  private static let features = ExportRequest.Wanted.features(["activity:count"])

  private func plain(_ labels: ExportRequest.Labels = .spine) -> ExportRequest {
    var request = ExportRequest(Self.features, labels)
    request.told = .init(set: "t.arrow", format: "arrow", spine: "l.arrow", spineFormat: "arrow")
    return request
  }

  @Test("a set that came over the wire is the one that the folder makes, whatever the pieces and the credit")
  func equal() throws {
    let fixture = try shop()
    let batches = try batches(300, of: 70, fixture.now)
    let spine = try stream(batches)
    let snapshot = try fixture.store.snapshot()
    let vector = try snapshot.catalog.vector(features: ["activity:count"], in: "shop")
    let export = Export(
      snapshot, vector, ExportOptions(), SpineChoices(),
      scratch: ScratchFiles(RealDisk(), in: fixture.folder.path, prefix: "t"))
    let held = HeldSet()
    let report = try export.run(HeldSpine(Self.schema, batches), to: held)
    var asked = SetAsked(
      of: "features", names: "activity:count", project: "shop", set: "t.arrow", format: "arrow")
    (asked.spine, asked.spineFormat) = ("l.arrow", "arrow")
    let manifest = export.manifest(asked, report)
    let peer = try fixture.peer()
    for (piece, credit) in [(1 << 16, 1 << 40), (1, 1 << 40), (1_000, 1_000), (7, 3)] as [(Int, UInt64)] {
      let came = try retried(peer) {
        try talk(peer, plain(), spine, piece: piece, credit: credit)
      }
      let reply = try #require(came.reply, "\(came.refusal.debugDescription)")
      #expect(reply.identity == report.identity.bytes && reply.contentDigest == report.contentDigest.bytes)
      #expect(reply.rows == 300 && reply.lsn == snapshot.lsn && reply.manifest == manifest)
      #expect(!came.progress.isEmpty && came.progress.allSatisfy { $0.done <= 300 })
      let rows = try self.rows(came.rows)
      #expect(rows.reduce(0) { $0 + $1.rowCount } == 300)
      var digest = RowsDigest(report.fields)
      for batch in rows { digest.take(batch.columns) }
      #expect(digest.digest == report.contentDigest)
    }
  }

  private final class Bytes: ByteSource {
    let name = "bytes"
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }
    func read(into buffer: inout MutableRawSpan) -> Int {
      let count = min(buffer.byteCount, rest.count)
      for (place, byte) in rest.prefix(count).enumerated() {
        buffer.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
      }
      rest = rest.dropFirst(count)
      return count
    }
  }

  private func rows(_ bytes: [UInt8]) throws -> [ColumnBatch] {
    var reader = try ArrowStreamReader(Bytes(bytes))
    var all: [ColumnBatch] = []
    while let batch = try reader.next() { all.append(batch) }
    return all
  }

  /// The place of an export that was given up is free a moment later.
  private func retried(_ peer: Caller, _ body: () throws -> Came) throws -> Came {
    while true {
      let came = try body()
      guard came.refusal?.code == .overloaded else { return came }
    }
  }

  @Test("a view's own events need no spine, and who wants no rows gets the same reply without them")
  func events() throws {
    let fixture = try shop()
    let peer = try fixture.peer()
    var request = ExportRequest(.view("activity"), .events(from: .min, through: .max))
    let came = try talk(peer, request, nil)
    let reply = try #require(came.reply, "\(came.refusal.debugDescription)")
    #expect(reply.rows == 60 && !came.rows.isEmpty)
    #expect(reply.manifest.contains("\"names\":\"activity@1\"") && reply.manifest.hasSuffix("}\n"))
    request.options = .withoutRows
    // The place of one that was answered is free at once.
    for _ in 0..<20 {
      let again = try talk(peer, request, nil)
      #expect(again.reply == reply && again.rows.isEmpty)
    }
  }

  @Test("two at once are one too many where one is allowed, and a client that takes nothing is let go of")
  func two() throws {
    let fixture = try shop { $0.exportIdleNanoseconds = 200_000_000 }
    let (first, second) = (try fixture.peer(), try fixture.peer())
    let id = first.send(.export) { plain().encode(into: &$0) }
    #expect(try second.ask(.export) { plain().encode(into: &$0) }.code == .overloaded)
    // Nothing is sent, although there is credit for it.
    var frame = try first.reply(to: id)
    while frame.refusal == nil { frame = try first.reply(to: id) }
    #expect(frame.code == .deadline && first.session.isIdle && first.action == .goOn)
    let spine = try stream(try batches(10, of: 10, fixture.now))
    let came = try retried(second) { try talk(second, plain(), spine) }
    #expect(came.reply?.rows == 10)
    // No row is taken.
    let third = try retried(second) {
      var came = Came()
      let id = second.send(.export) {
        ExportRequest(.view("activity"), .events(from: .min, through: .max)).encode(into: &$0)
      }
      while came.refusal == nil {
        let frame = try second.reply(to: id)
        #expect(frame.type != MessageType.data.rawValue)
        came.refusal = frame.refusal
      }
      return came
    }
    #expect(third.refusal?.code == .deadline)
  }

  @Test("CANCEL, a deadline, the end of the connection and that of the server end it and leave nothing")
  func ends() throws {
    let fixture = try shop()
    let peer = try fixture.peer()
    func begin(deadline: UInt16 = 0) throws -> UInt64 {
      while true {
        let id = peer.send(.export, deadline: deadline) { plain().encode(into: &$0) }
        let frame = try peer.reply(to: id)
        if frame.code == .overloaded { continue }
        #expect(frame.type == MessageType.credit.rawValue)
        return id
      }
    }
    let cancelled = try begin()
    peer.send(type: MessageType.cancel.rawValue, id: cancelled) { _ in }
    #expect(try peer.reply(to: cancelled).code == .deadline && peer.session.isIdle)
    // What was sent before its end was known is passed over.
    peer.send(type: MessageType.end.rawValue, id: cancelled) { _ in }
    #expect(peer.action == .goOn)

    let late = try begin(deadline: 100)
    #expect(try peer.reply(to: late).code == .deadline)

    let stopped = try begin()
    var output = ByteWriter()
    peer.session.stopping(&output, now: 0)
    let bytes = output.bytes.copied()
    let header = try #require(try FrameHeader.decode(unsafe bytes.span.bytes))
    #expect(header.id == stopped && header.type == MessageType.error)

    let other = try fixture.peer()
    let lost = try retried(other) {
      let id = other.send(.export) { plain().encode(into: &$0) }
      var came = Came()
      came.refusal = try other.reply(to: id).refusal
      return came
    }
    #expect(lost.refusal == nil)
    other.session.ended(.peerGone)
    let spine = try stream(try batches(10, of: 10, fixture.now))
    let third = try fixture.peer()
    #expect(try retried(third) { try talk(third, plain(), spine) }.reply?.rows == 10)
    let names = try RealDisk().names(in: fixture.store.folder)
    #expect(names.allSatisfy { !$0.hasPrefix(".export") }, "\(names)")
  }

  @Test("what is wrong with a stream ends the session, and what is wrong with a spine names row and column")
  func wrong() throws {
    let fixture = try shop { $0.exportSpineByteCountMax = 1 << 16 }
    func malformed(_ body: (Caller, UInt64) throws -> Void) throws {
      let peer = try fixture.peer()
      while true {
        let id = peer.send(.export) { plain().encode(into: &$0) }
        let frame = try peer.reply(to: id)
        if frame.code == .overloaded { continue }
        #expect(frame.type == MessageType.credit.rawValue)
        try body(peer, id)
        #expect(peer.action == .close)
        #expect(try peer.reply(to: id).code == .malformed)
        peer.session.ended(.asked)
        return
      }
    }
    try malformed { peer, id in
      peer.send(type: 20, id: id) { StreamData(1, [1]).encode(into: &$0) }
    }
    try malformed { peer, id in
      peer.send(type: 20, id: id) {
        StreamData(0, [UInt8](repeating: 0, count: 2 << 20)).encode(into: &$0)
      }
    }
    try malformed { peer, id in
      peer.send(type: 22, id: id) { _ in }
      peer.send(type: 20, id: id) { StreamData(0, [1]).encode(into: &$0) }
    }
    try malformed { peer, id in peer.send(type: 21, id: id) { $0.write(0 as UInt64) } }

    let peer = try fixture.peer()
    func refused(_ request: ExportRequest, _ spine: [UInt8]) throws -> WireRefusal? {
      try retried(peer) { try talk(peer, request, spine) }.refusal
    }
    let spine = try stream(try batches(10, of: 10, fixture.now))
    var request = plain()
    request.time = "label"
    #expect(try refused(request, spine)?.details == [.init("column", "label")])
    request = plain(.text)
    (request.time, request.keys) = ("event_timestamp", [.init("card_id", column: "nothing")])
    let missing = try refused(request, spine)
    #expect(missing?.code == .badSpine && missing?.details == [.init("column", "nothing")])
    #expect(try refused(plain(), Array("no arrow".utf8))?.code == .badSpine)
    #expect(try refused(plain(), Array(spine.dropLast(100)))?.code == .badSpine)
    let long = try stream(try batches(5_000, of: 5_000, fixture.now))
    #expect(try refused(plain(), long)?.details == [.init("max", "65536")])
    request = plain()
    request.wanted = .service("nothing")
    #expect(try refused(request, spine)?.code == .unknownName)
    request = plain()
    request.point = .pin("nothing")
    #expect(try refused(request, spine)?.code == .unknownName)
    request = plain()
    request.split = "half"
    #expect(try refused(request, spine)?.code == .badRequest)
    request = plain()
    request.checks = "{nothing_known: 1}"
    #expect(try refused(request, spine)?.code == .badRequest)
    #expect(peer.action == .goOn)
  }

  @Test("the scope is read, in the project")
  func scope() throws {
    let fixture = try shop(tokens: ShopTokens())
    for (id, may) in [("reader", true), ("writer", false)] {
      let peer = fixture.stranger()
      let hello = HelloRequest(
        client: "test", token: HelloRequest.Token(id: id, secret: [UInt8](repeating: 7, count: 32)))
      #expect(try peer.hello(hello).type == MessageType.hello.reply)
      let came = try talk(
        peer, ExportRequest(.view("activity"), .events(from: .min, through: .max)), nil)
      #expect((came.refusal?.code == .forbidden) == !may && (came.reply == nil) == !may, "\(id)")
    }
  }
}

private struct ShopTokens: TokenCheck {
  func check(id: String, secret: [UInt8]) -> Scopes? {
    id == "reader" ? Scopes(projects: ["shop": .read]) : Scopes(projects: ["shop": .ingest])
  }
}
