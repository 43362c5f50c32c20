import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusTestSupport
import ApusWire
import Testing

/// What HELLO says is the longest body holds for what the server sends, too.
@Suite("Replies")
struct ReplyLimitTests {
  private static let max = 4_096
  private static let cards = 12

  private final class Shop {
    let fixture: SessionFixture
    let peer: Caller
    let raw: PrepareReply

    /// Cards with 700 bytes each, written three times.
    init(compressFrom: UInt32 = 0) throws {
      fixture = try SessionFixture(options: {
        $0.bodyByteCountMax = ReplyLimitTests.max
        $0.compressFrom = compressFrom == 0 ? 0 : Int(compressFrom)
      })
      peer = fixture.stranger()
      let frame = try peer.hello(HelloRequest(compressFrom: compressFrom, client: "test"))
      let hello = try HelloReply(decoding: unsafe frame.body.span.bytes)
      try #require(hello.frameByteCountMax == UInt32(ReplyLimitTests.max))
      raw = try peer.prepare(["activity:raw"])
      for round in 0..<3 {
        for number in 0..<ReplyLimitTests.cards { try push("c\(number + 10)", 700, UInt8(round)) }
      }
    }

    func push(_ name: String, _ byteCount: Int, _ byte: UInt8) throws {
      var batch = fixture.store.batch()
      let name = (key: name, view: try #require(VersionedName(spelling: "activity")))
      let view = try #require(fixture.store.catalog.view(name.view, in: "shop"))
      try batch.turn(to: view)
      let raw = FeatureInput.value(.bytes([UInt8](repeating: byte, count: byteCount)))
      batch.upsert(
        key: [.string(name.key)], GivenTimes(eventTime: fixture.now),
        view.contract.features.map { $0.name == "raw" ? raw : .absent })
      _ = try fixture.store.append(batch.admitted())
    }

    func keys(_ count: Int) throws -> [[UInt8]] { try (0..<count).map { try card("c\($0 + 10)") } }

    func isRefused(_ frame: ReplyFrame) -> Bool {
      let refusal = frame.refusal
      return frame.code == .badRequest && refusal?.what.contains("4096") == true
        && refusal?.next.contains("`max_frame`") == true
        && refusal?.details.first { $0.name == "limit" }?.value == "max_frame"
    }
  }

  @Test(
    "to GET that would be longer than HELLO said are refused, by the limit's name",
    arguments: [false, true])
  func gets(isPast: Bool) throws {
    let shop = try Shop()
    func get(_ rows: Int) throws -> ReplyFrame {
      let keys = try shop.keys(rows)
      return try shop.peer.ask(.get) { body in
        if isPast {
          GetRequest.encode(
            handle: shop.raw.handle, rows: rows, layout: .columns, exact: shop.fixture.store.visible,
            time: ReadTime(nanoseconds: shop.fixture.now.nanoseconds), into: &body)
        } else {
          GetRequest.encode(handle: shop.raw.handle, rows: rows, layout: .columns, into: &body)
        }
        for key in keys { body.write(short: unsafe key.span.bytes) }
      }
    }
    let five = try get(5)
    #expect(five.type == MessageType.get.reply && (3_500...Self.max).contains(five.body.count))
    let six = try get(6)
    #expect(shop.isRefused(six), "\(six.refusal.debugDescription)")
    #expect(try get(1).type == MessageType.get.reply)
  }

  @Test("to GETs that came together, too, each for itself")
  func together() throws {
    let shop = try Shop()
    try shop.push("c11", 5_000, 9)
    var buffer = ByteWriter()
    for (place, key) in try shop.keys(3).enumerated() {
      let frame = FrameWriter.begin(.get, id: UInt64(1_000 + place), in: &buffer)
      GetRequest.encode(handle: shop.raw.handle, rows: 1, layout: .row, into: &buffer)
      buffer.write(short: unsafe key.span.bytes)
      frame.finish(in: &buffer)
    }
    var output = ByteWriter()
    let taken = shop.peer.session.receivedTogether(buffer.bytes, &output, now: Caller.now)
    // The one that is too long ends what is answered together, and is told so when it comes by itself.
    #expect(taken.count == 1 && output.count < Self.max)
    let long = try shop.peer.get(shop.raw.handle, rows: 1, [try card("c11")], .row)
    #expect(shop.isRefused(long), "\(long.refusal.debugDescription)")
  }

  @Test("to SCAN are pages that fit, and together they are all", arguments: [UInt32(0), 64])
  func scans(compressFrom: UInt32) throws {
    let shop = try Shop(compressFrom: compressFrom)
    var (names, pages) = ([String](), [Int]())
    var from: [UInt8] = []
    var codec = BodyCodec()
    repeat {
      let frame = try shop.peer.ask(.scan) {
        ScanRequest(view: "activity", rowsMax: 100, from: from).encode(into: &$0)
      }
      var body = frame.body
      if frame.flags.contains(.compressed) {
        body = try codec.decompress(unsafe frame.body.span.bytes, atLeast: 64, atMost: Self.max)
      }
      try #require(frame.type == MessageType.scan.reply && body.count <= Self.max)
      let page = try ScanReply(decoding: unsafe body.span.bytes)
      pages.append(page.rows.count)
      let column = try #require(page.columns.firstIndex(of: "raw"))
      var keys = page.rows.keys
      for row in 0..<page.rows.count {
        guard case .string(let name)? = try KeySchema([.string]).decode(try keys.next()).first else {
          continue
        }
        names.append(name)
        let said = try page.rows.input(row, column)
        #expect(said == .value(.bytes([UInt8](repeating: 2, count: 700))))
      }
      from = page.next
    } while !from.isEmpty
    #expect(names == (0..<Self.cards).map { "c\($0 + 10)" })
    #expect(pages.dropLast().allSatisfy { $0 >= 3 }, "\(pages)")
  }

  @Test("to SCAN and HISTORY that no page can hold are refused, and say what to ask instead")
  func longRow() throws {
    let shop = try Shop()
    try shop.push("c10", 5_000, 9)
    let scan = try shop.peer.ask(.scan) { ScanRequest(view: "activity", rowsMax: 100).encode(into: &$0) }
    #expect(shop.isRefused(scan) && scan.refusal?.next.contains("GET") == true)
    let key = try card("c10")
    let history = try shop.peer.ask(.history) {
      HistoryRequest(options: .newestFirst, eventsMax: 9, view: "activity", key: key).encode(into: &$0)
    }
    #expect(shop.isRefused(history) && history.refusal?.next.contains("EXPLAIN") == true)
    #expect(shop.peer.action == .goOn)
  }

  @Test("of rows whose last was taken back are those of rows that never had it, whatever their columns")
  func lastRow() throws {
    let vector = try #require(FeatureType.vector(of: .float32, count: 3))
    let types: [FeatureType] = [
      .int64, .string, .list(of: .string), .list(of: .int64), vector,
    ]
    let values: [[FeatureInput]] = [
      [
        .value(.int64(7)), .value(.string("ab")), .value(.list(.string(["x", "", "yz"]))),
        .value(.list(.int64([1, 2]))), .value(.vector(.float32([1, 2, 3]))),
      ],
      [.null, .absent, .value(.list(.string([]))), .null, .absent],
      [.absent, .value(.string("")), .null, .value(.list(.int64([]))), .null],
    ]
    func encoded(_ rows: WireRows) -> [UInt8] {
      var body = ByteWriter()
      ScanReply.encode(lsn: .first, next: [], columns: types.indices.map { "c\($0)" }, rows, into: &body)
      return body.bytes.copied()
    }
    for last in values {
      var (plain, taken) = (WireRows(types), WireRows(types))
      for inputs in values + [last] {
        let before = taken
        let other = try card("another key")
        try taken.append(key: unsafe other.span.bytes, GivenTimes(), inputs)
        taken.removeLast()
        #expect(encoded(taken) == encoded(before) && taken.byteCount == before.byteCount)
        let key = try card("k")
        try taken.append(key: unsafe key.span.bytes, GivenTimes(), inputs)
        try plain.append(key: unsafe key.span.bytes, GivenTimes(), inputs)
        let body = encoded(plain)
        #expect(encoded(taken) == body)
        let columns = types.indices.map { "c\($0)" }
        #expect(
          body.count <= plain.byteCount
            + ScanReply.headByteCountMax(columns: columns, nextByteCount: 0, plain))
      }
    }
  }

  @Test("to HISTORY are pages that fit, and together they are all")
  func histories() throws {
    let shop = try Shop()
    for byte in UInt8(3)..<10 { try shop.push("c10", 700, byte) }
    var request = HistoryRequest(eventsMax: 100, view: "activity", key: try card("c10"))
    var pages: [HistoryReply] = []
    repeat {
      let frame = try shop.peer.ask(.history) { request.encode(into: &$0) }
      try #require(frame.type == MessageType.history.reply && frame.body.count <= Self.max)
      let page = try HistoryReply(decoding: unsafe frame.body.span.bytes)
      let counted = page.events.reduce(0) { $0 + $1.byteCount }
      #expect(
        frame.body.count
          == HistoryReply.headByteCount(view: page.view, placeByteCount: page.next.count) + counted)
      pages.append(page)
      request.place = page.next
    } while !request.place.isEmpty
    #expect(pages.map(\.events.count) == [5, 5])
    #expect(Set(pages.flatMap(\.events).map(\.lsn)).count == 10)
  }

  @Test("to PREPARE that would be longer are refused, and take no handle")
  func prepared() throws {
    let fixture = try SessionFixture(options: { $0.bodyByteCountMax = 256 })
    let peer = try fixture.peer()
    for _ in 0...SessionLimits.handlesMax {
      let frame = try peer.ask(.prepare) {
        PrepareRequest.features(["activity:*"], project: "").encode(into: &$0)
      }
      guard frame.code == .badRequest, frame.refusal?.next.contains("fewer columns") == true else {
        Issue.record("\(frame.refusal.debugDescription)")
        return
      }
    }
    #expect(try peer.prepare(["activity:count"]).columns.count == 1)
  }

  @Test("to EXPLAIN, DESCRIBE and CONSOLE that would be longer are refused")
  func others() throws {
    let shop = try Shop()
    func explain(_ rows: Int) throws -> ReplyFrame {
      let keys = try shop.keys(rows)
      return try shop.peer.ask(.explain) { body in
        ExplainRequest.encode(handle: shop.raw.handle, rows: rows, .newest, into: &body)
        for key in keys { body.write(short: unsafe key.span.bytes) }
      }
    }
    #expect(try explain(2).type == MessageType.explain.reply)
    #expect(shop.isRefused(try explain(6)))
    let file = ConsoleRequest.File(path: "x", content: String(repeating: "y", count: 4_080))
    let console = try shop.peer.ask(.console) {
      ConsoleRequest(words: ["plan", "x"], files: [file]).encode(into: &$0)
    }
    #expect(shop.isRefused(console))
    let name = String(repeating: "n", count: 4_090)
    let described = try shop.peer.ask(.describe) { DescribeRequest(name: name).encode(into: &$0) }
    #expect(shop.isRefused(described))
    #expect(shop.peer.action == .goOn)
  }
}
