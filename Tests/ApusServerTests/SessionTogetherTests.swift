import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusTestSupport
import ApusWire
import Testing

@Suite("GETs that came together")
struct SessionTogetherTests {
  /// A request as it stands in a connection's bytes.
  private struct Request {
    let type: MessageType
    let id: UInt64
    let body: [UInt8]
    var deadline: UInt16 = 0
  }

  private struct GetParts {
    var rows = 1
    var layout = ReplyLayout.row
    var options: GetOptions = []
    var minimum: LSN?
  }

  private static func get(
    _ id: UInt64, _ handle: UInt32, _ keys: [[UInt8]], _ parts: GetParts = GetParts()
  ) -> Request {
    var body = ByteWriter()
    GetRequest.encode(
      handle: handle, rows: parts.rows, layout: parts.layout, options: parts.options,
      minimum: parts.minimum, into: &body)
    for key in keys { body.write(short: unsafe key.span.bytes) }
    return Request(type: .get, id: id, body: body.bytes.copied())
  }

  private static func bytes(_ requests: some Sequence<Request>) -> [UInt8] {
    var buffer = ByteWriter()
    for request in requests {
      let frame = FrameWriter.begin(request.type, id: request.id, deadline: request.deadline, in: &buffer)
      buffer.write(unsafe request.body.span.bytes)
      frame.finish(in: &buffer)
    }
    return buffer.bytes.copied()
  }

  /// As a loop hands out what came: first together, then one by one. Says also how many were taken together.
  private static func handOut(_ bytes: [UInt8], to session: Session) throws -> (replies: [ReplyFrame], Int) {
    var output = ByteWriter()
    var rest = bytes[...]
    var together = 0
    while !rest.isEmpty {
      let left = Array(rest)
      let taken = session.receivedTogether(unsafe left.span.bytes, &output, now: Caller.now)
      together += taken.count
      rest = rest.dropFirst(taken.byteCount)
      if taken.count > 0 { continue }
      let cut = try FrameCutter.cut(unsafe left.span.bytes, bodyByteCountMax: session.bodyByteCountMax)
      guard case .frame(let header, let byteCount) = cut else { break }
      let body = Array(left[16..<(16 + Int(header.length))])
      let action = session.received(header, unsafe body.span.bytes, &output, now: Caller.now)
      if action == .close { break }
      rest = rest.dropFirst(byteCount)
    }
    return (try frames(output.bytes.copied()), together)
  }

  private static func frames(_ bytes: [UInt8]) throws -> [ReplyFrame] {
    var frames: [ReplyFrame] = []
    var at = 0
    while at < bytes.count {
      let rest = Array(bytes[at...])
      let decoded = try unsafe FrameHeader.decode(rest.span.bytes)
      let header = try #require(decoded)
      frames.append(
        ReplyFrame(type: header.type, id: header.id, body: Array(rest[16..<(16 + Int(header.length))])))
      at += header.frameByteCount
    }
    return frames
  }

  private static func filled() throws -> SessionFixture {
    let fixture = try SessionFixture()
    let name = try #require(VersionedName(spelling: "activity"))
    let view = try #require(fixture.store.catalog.view(name, in: "shop"))
    for number in 0..<100 {
      var batch = fixture.store.batch()
      try batch.turn(to: view)
      batch.upsert(
        key: [.string("c\(number)")], GivenTimes(eventTime: fixture.now),
        [
          FeatureInput.value(.int64(Int64(number))), .absent,
          .value(.string(number % 2 == 0 ? "buy" : "refund")), .absent, .absent, .absent, .absent, .absent,
          .absent, .absent, .absent,
        ])
      _ = try fixture.store.append(batch.admitted())
      if number == 50 { try fixture.store.checkpoint() }
    }
    return fixture
  }

  @Test("are answered as each would be alone, in their order, whatever lies between them", arguments: 0..<4)
  func asAlone(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try Self.filled()
    let (one, other) = (try fixture.peer(), try fixture.peer())
    let list = ["activity:count", "activity:action", "activity:mean"]
    var handles: [UInt32] = []
    for names in [list, ["activity:count"]] {
      let (mine, yours) = (try one.prepare(names), try other.prepare(names))
      try #require(mine.handle == yours.handle)
      handles.append(mine.handle)
    }
    var most = 0
    for round in 0..<60 {
      var requests: [Request] = []
      let oddity = round % 3 == 0 ? 0 : 0.15
      for number in 0..<(1 + random.below(70)) {
        let id = UInt64(1_000 + number)
        let key = try card("c\(random.below(130))")
        if !random.chance(oddity) {
          requests.append(Self.get(id, handles[0], [key]))
          continue
        }
        switch random.below(9) {
        case 0: requests.append(Self.get(id, handles[1], [key]))
        case 1: requests.append(Self.get(id, handles[0], [key, key], GetParts(rows: 2, layout: .columns)))
        case 2: requests.append(Self.get(id, handles[0], [key], GetParts(layout: .columns)))
        case 3: requests.append(Self.get(id, handles[0], [key], GetParts(options: [.lsns, .eventTimes])))
        case 4: requests.append(Self.get(id, handles[0], [key], GetParts(minimum: fixture.store.visible)))
        case 5: requests.append(Self.get(id, 99, [key]))
        case 6: requests.append(Self.get(id, handles[0], [[1, 2, 3]]))
        case 7: requests.append(Self.get(id, handles[0], [key], GetParts(layout: .denseFloat32)))
        default: requests.append(Request(type: .ping, id: id, body: []))
        }
      }
      let (replies, together) = try Self.handOut(Self.bytes(requests), to: one.session)
      most = max(most, together)
      var alone: [ReplyFrame] = []
      for request in requests {
        let (reply, taken) = try Self.handOut(Self.bytes([request]), to: other.session)
        #expect(taken == 0)
        alone += reply
      }
      #expect(replies == alone, "seed \(seed), round \(round)")
      #expect(replies.map(\.id) == requests.map(\.id))
    }
    #expect(most > SessionLimits.togetherMax)
  }

  @Test("leave what is not whole, and a malformed one behind them, to come by itself")
  func ends() throws {
    let fixture = try Self.filled()
    let peer = try fixture.peer()
    let handle = try peer.prepare(["activity:count"]).handle
    let requests = try (0..<5).map { Self.get(UInt64(10 + $0), handle, [try card("c\($0)")]) }
    let whole = Self.bytes(requests)
    let last = Self.bytes(requests.suffix(1)).count
    for cut in 1...last {
      var output = ByteWriter()
      let part = Array(whole.dropLast(cut))
      let taken = peer.session.receivedTogether(unsafe part.span.bytes, &output, now: Caller.now)
      #expect(taken.count == 4 && taken.byteCount == whole.count - last)
    }
    // Bytes behind the keys.
    let bad = try Self.get(20, handle, [card("c1"), card("c2")])
    let (replies, together) = try Self.handOut(Self.bytes(requests + [bad] + requests), to: peer.session)
    #expect(together == 5)
    #expect(replies.map(\.code) == [nil, nil, nil, nil, nil, .malformed])
  }

  @Test("stop at a limit of bytes, and the others come next")
  func long() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let name = try #require(VersionedName(spelling: "activity"))
    let view = try #require(fixture.store.catalog.view(name, in: "shop"))
    for number in 0..<20 {
      var batch = fixture.store.batch()
      try batch.turn(to: view)
      var values = [FeatureInput](repeating: .absent, count: 11)
      values[7] = .value(.bytes([UInt8](repeating: UInt8(number), count: 10_000)))
      batch.upsert(key: [.string("c\(number)")], GivenTimes(eventTime: fixture.now), values)
      _ = try fixture.store.append(batch.admitted())
    }
    let handle = try peer.prepare(["activity:raw"]).handle
    let requests = try (0..<20).map { Self.get(UInt64(10 + $0), handle, [try card("c\($0)")]) }
    let whole = Self.bytes(requests)
    var output = ByteWriter()
    let taken = peer.session.receivedTogether(unsafe whole.span.bytes, &output, now: Caller.now)
    #expect(taken.count == SessionLimits.togetherByteCountMax / 10_000 + 1)
    let (replies, together) = try Self.handOut(whole, to: peer.session)
    #expect(replies.map(\.id) == requests.map(\.id))
    #expect(replies.allSatisfy { $0.body.count > 10_000 })
    #expect(together > 10)
  }

  @Test("tell each that its handle means something else now")
  func changed() throws {
    let fixture = try Self.filled()
    let peer = try fixture.peer()
    let handle = try peer.prepare(["activity:count"]).handle
    try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 2h"))
    let requests = try (0..<6).map { Self.get(UInt64(10 + $0), handle, [try card("c\($0)")]) }
    let (replies, together) = try Self.handOut(Self.bytes(requests), to: peer.session)
    #expect(together == 0)
    #expect(replies.map(\.code) == Array(repeating: .definitionChanged, count: 6))
  }
}
