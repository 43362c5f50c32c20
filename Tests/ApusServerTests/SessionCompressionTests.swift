// Compressed bodies on a session: only as HELLO agreed, only where they are worth it, and never more than a body may be.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Glibc
import Testing

@Suite("Compressed sessions")
struct SessionCompressionTests {
  private static func peer(
    _ fixture: SessionFixture, from least: UInt32
  ) throws -> (peer: Caller, agreed: UInt32) {
    let peer = Caller(fixture.loop)
    let frame = try peer.hello(HelloRequest(compressFrom: least, client: "test"))
    return (peer, try HelloReply(decoding: unsafe frame.body.span.bytes).compressFrom)
  }

  private static func raw(_ frame: ReplyFrame) throws -> [UInt8] {
    guard frame.flags.contains(.compressed) else { return frame.body }
    var codec = BodyCodec()
    return try codec.decompress(unsafe frame.body.span.bytes, atLeast: 1, atMost: 16 << 20)
  }

  private static func compressed(_ body: [UInt8]) throws -> [UInt8] {
    var writer = ByteWriter()
    var codec = BodyCodec()
    let frame = FrameWriter.begin(.push, id: 1, in: &writer)
    writer.write(body)
    codec.finish(frame, from: 1, in: &writer)
    let header = try #require(try FrameHeader.decode(writer.bytes))
    try #require(header.flags == .compressed)
    return writer.bytes.extracting(16..<(16 + Int(header.length))).copied()
  }

  private static func cards(_ count: Int) throws -> [[UInt8]] { try (0..<count).map { try card("c\($0)") } }

  @Test("agree on the larger of both lengths, and on nothing when one side wants none")
  func agreed() throws {
    let usual = try SessionFixture()
    for (asked, found): (UInt32, UInt32) in [(0, 0), (1, 4_096), (4_096, 4_096), (70_000, 70_000)] {
      #expect(try Self.peer(usual, from: asked).agreed == found)
    }
    #expect(try Self.peer(SessionFixture(options: { $0.compressFrom = 0 }), from: 1).agreed == 0)
  }

  @Test("compress what is long, say the same as one that does not, and leave replies of one row alone")
  func replies() throws {
    let fixture = try SessionFixture(options: { $0.compressFrom = 1 })
    let plain = try fixture.peer()
    try plain.push((0..<500).map { ("c\($0)", Int64($0)) })
    let (peer, _) = try Self.peer(fixture, from: 1)
    let (handle, other) = (
      try peer.prepared(["activity:count"]), try plain.prepare(["activity:count"]).handle
    )
    let keys = try Self.cards(500)
    let short = try peer.get(handle, rows: 500, keys)
    let long = try plain.get(other, rows: 500, keys)
    #expect(short.flags == .compressed && long.flags == [] && short.body.count < long.body.count / 2)
    #expect(try Self.raw(short) == long.body)
    let one = try peer.get(handle, rows: 1, [keys[3]], .row)
    let oneInColumns = try peer.get(handle, rows: 1, [keys[3]])
    #expect(one.flags == [] && oneInColumns.flags == [] && one.type == MessageType.get.reply)

    // Made by a worker.
    let scan = ScanRequest(view: "activity", rowsMax: 400)
    let page = try peer.ask(.scan) { scan.encode(into: &$0) }
    let plainPage = try plain.ask(.scan) { scan.encode(into: &$0) }
    #expect(page.flags == .compressed && plainPage.flags == [])
    #expect(try Self.raw(page) == plainPage.body)
  }

  @Test("take compressed requests, and answer them as any other")
  func requests() throws {
    let fixture = try SessionFixture(options: { $0.compressFrom = 64 })
    let (peer, _) = try Self.peer(fixture, from: 64)
    let rows = try peer.counts((0..<2_000).map { ("c\($0)", Int64($0 % 5)) })
    var body = ByteWriter()
    PushHead(view: "activity", columns: ["count"]).encode(rows, into: &body)
    let sent = try Self.compressed(body.bytes.copied())
    #expect(sent.count < body.count / 3)
    peer.send(type: MessageType.push.rawValue, id: 900, flags: .compressed) { $0.write(sent) }
    let reply = try peer.reply(to: 900)
    #expect(try PushReply(decoding: unsafe reply.body.span.bytes).accepted == 2_000)
    // One that waits behind an answer is kept as it was meant.
    let minimum = fixture.store.visible.next
    let waiting = peer.sendGet(
      try peer.prepared(["activity:count"]), rows: 1, [try card("c1")], minimum: minimum, deadline: 60_000)
    let ping = try Self.compressed([UInt8](repeating: 7, count: 64))
    peer.send(type: MessageType.ping.rawValue, id: 901, flags: .compressed) { $0.write(ping) }
    try fixture.peer().push([("c1", 9)])
    #expect(try peer.reply(to: waiting).type == MessageType.get.reply)
    let pong = try peer.reply(to: 901)
    #expect(try PingReply(decoding: unsafe pong.body.span.bytes).bytes.count == 64)
  }

  @Test("end on a body that is compressed before or without HELLO's word, or is not worth it")
  func notAgreed() throws {
    let fixture = try SessionFixture(options: { $0.compressFrom = 200 })
    let hello = try Self.compressed([UInt8](repeating: 0, count: 300))
    let early = fixture.stranger()
    early.send(type: 1, id: 0, flags: .compressed) { $0.write(hello) }
    #expect(early.frames.last?.code == .malformed && early.action == .close)

    let ping = try Self.compressed([UInt8](repeating: 7, count: 60))
    for least: UInt32 in [0, 1] {
      let (peer, agreed) = try Self.peer(fixture, from: least)
      #expect(agreed == (least == 0 ? 0 : 200))
      peer.send(type: MessageType.ping.rawValue, id: 5, flags: .compressed) { $0.write(ping) }
      #expect(peer.frames.last?.code == .malformed && peer.action == .close, "from \(least)")
    }
  }

  @Test("end on bombs, lies and rubbish, each by its code, and none costs the memory it claims")
  func hostile() async throws {
    let fixture = try SessionFixture(options: {
      $0.compressFrom = 1
      $0.bodyByteCountMax = 1 << 20
    })
    func code(_ body: [UInt8]) throws -> WireCode? {
      let (peer, _) = try Self.peer(fixture, from: 1)
      peer.send(type: MessageType.push.rawValue, id: 5, flags: .compressed) { $0.write(body) }
      #expect(peer.action == .close)
      return peer.frames.last?.code
    }
    let bomb = try Self.compressed([UInt8](repeating: 0, count: 2 << 20))
    #expect(bomb.count < 1_000)
    #expect(try code(bomb) == .tooLong)
    // The same bomb, which says that it is small.
    var lying = bomb
    lying.replaceSubrange(0..<4, with: [0, 0, 1, 0])
    #expect(try code(lying) == .malformed)
    let honest = try Self.compressed([UInt8](repeating: 0, count: 1 << 20))
    for (place, bytes): (Int, [UInt8]) in [
      (0, [0xFF, 0xFF, 0x0F, 0]), (0, [0, 0, 0, 0]), (4, [1]), (8, [0, 0, 0, 0]), (12, [0xFF]),
    ] {
      var wrong = honest
      wrong.replaceSubrange(place..<(place + bytes.count), with: bytes)
      #expect(try code(wrong) == .malformed, "\(bytes) at \(place)")
    }
    for count in 0..<honest.count { #expect(try code(Array(honest.prefix(count))) == .malformed) }
    // Rightly compressed, but no PUSH.
    #expect(try code(honest) == .malformed)
    var random = SplitMix64(seed: 11)
    for _ in 0..<500 {
      var wrong = honest
      wrong[random.below(wrong.count)] ^= UInt8(1 << random.below(8))
      #expect(try code(wrong) != nil)
    }

    await #expect(processExitsWith: .success) {
      // A claim of 16 MiB, a thousand times, over a frame that breaks off at once.
      let claim: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 1, 1, 0, 0]
      let before = SessionCompressionTests.peakKiB()
      for _ in 0..<1_000 {
        var codec = BodyCodec()
        _ = try? codec.decompress(unsafe claim.span.bytes, atLeast: 1, atMost: 16 << 20)
      }
      exit(SessionCompressionTests.peakKiB() - before < 8 << 10 ? 0 : 1)
    }
  }

  /// The most memory that this process ever had.
  static func peakKiB() -> Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  }
}

extension Caller {
  /// The same whether the answer is compressed or not.
  fileprivate func prepared(_ names: [String]) throws -> UInt32 {
    let frame = try ask(.prepare) { PrepareRequest.features(names, project: "").encode(into: &$0) }
    var body = frame.body
    if frame.flags.contains(.compressed) {
      var codec = BodyCodec()
      body = try codec.decompress(unsafe frame.body.span.bytes, atLeast: 1, atMost: 16 << 20)
    }
    return try PrepareReply(decoding: unsafe body.span.bytes).handle
  }
}
