// A set's stream against a server that does as the test says.

import ApusBytes
import ApusClient
import ApusSystem
import ApusWire
import Testing

@Suite("A training set's stream")
struct TrainingSetTests {
  private static let request = TrainingSetRequest(.view("activity"))

  private static func frame(_ type: MessageType, _ id: UInt64, _ body: (inout ByteWriter) -> Void) -> [UInt8]
  {
    var writer = ByteWriter()
    let frame = FrameWriter.begin(type, id: id, in: &writer)
    body(&writer)
    frame.finish(in: &writer)
    return writer.bytes.copied()
  }

  private static func reply(_ id: UInt64) -> [UInt8] {
    Frames.reply(to: .export, id: id) {
      ExportReply(
        lsn: LSN(7), rows: 2, identity: [UInt8](repeating: 1, count: 32),
        contentDigest: [UInt8](repeating: 2, count: 32), manifest: "{}\n"
      ).encode(into: &$0)
    }
  }

  private func came(_ set: TrainingSet) async throws(ClientError) -> [UInt8] {
    var all: [UInt8] = []
    for try await piece in set { all += piece }
    return all
  }

  @Test("sends no more than the server takes, and gives credit for what was taken")
  func flows() async throws {
    let spine = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let asked = try connection.next()
      guard asked.type == .export, try connection.next().type == .credit else { throw ScriptedPeer.Silence() }
      var got: [UInt8] = []
      var sequence: UInt64 = 0
      // One byte, then some, then all.
      for credit in [1, 99, 900] as [UInt64] {
        try connection.send(
          TrainingSetTests.frame(.credit, asked.id) { StreamCredit(credit).encode(into: &$0) })
        var left = Int(credit)
        while left > 0 {
          let frame = try connection.next()
          let data = try StreamData(decoding: unsafe frame.body.span.bytes)
          guard frame.type == .data, data.sequence == sequence, data.bytes.count <= left else {
            throw ScriptedPeer.Silence()
          }
          sequence += 1
          left -= data.bytes.count
          got += data.bytes
        }
      }
      guard try connection.next().type == .end, got == (0..<1_000).map({ UInt8(truncatingIfNeeded: $0) })
      else {
        throw ScriptedPeer.Silence()
      }
      try connection.send(
        TrainingSetTests.frame(.progress, asked.id) {
          StreamProgress(.joining, done: 1, total: 2).encode(into: &$0)
        })
      // As much as was allowed, and again when a part of it was taken.
      let piece = [UInt8](repeating: 5, count: 1 << 18)
      for place in 0..<4 as Range<UInt64> {
        try connection.send(
          TrainingSetTests.frame(.data, asked.id) { StreamData(place, piece).encode(into: &$0) })
      }
      guard try connection.next().type == .credit else { throw ScriptedPeer.Silence() }
      try connection.send(
        TrainingSetTests.frame(.data, asked.id) { StreamData(4, [6]).encode(into: &$0) }
          + TrainingSetTests.reply(asked.id))
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let (pieces, more) = AsyncStream.makeStream(of: [UInt8].self)
    for place in 0..<10 { more.yield(Array(spine[(place * 100)..<(place * 100 + 100)])) }
    more.finish()
    let set = try client.trainingSet(TrainingSetRequest(.service("score")), spine: pieces)
    let all = try await came(set)
    #expect(all.count == 4 << 18 | 1 && all.last == 6)
    let outcome = try await set.outcome()
    #expect(outcome.rows == 2 && outcome.manifest == "{}\n" && set.progress?.phase == .joining)
    set.cancel()
    #expect(await peer.ended() == nil)
  }

  @Test("is no set when the server breaks the rules, refuses, or is gone", arguments: 0..<4)
  func broken(_ how: Int) async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let asked = try connection.next()
      _ = try connection.next()
      switch how {
      case 0:
        try connection.send(
          TrainingSetTests.frame(.data, asked.id) { StreamData(1, [1]).encode(into: &$0) })
        try connection.end()
      case 1:
        for place in 0..<5 as Range<UInt64> {
          try connection.send(
            TrainingSetTests.frame(.data, asked.id) {
              StreamData(place, [UInt8](repeating: 0, count: 1 << 18)).encode(into: &$0)
            })
        }
        try connection.end()
      case 2:
        try connection.send(
          Frames.error(WireRefusal(.overloaded, "one is under way", waitMilliseconds: 9), id: asked.id))
        try connection.end()
      default:
        try connection.send(
          TrainingSetTests.frame(.data, asked.id) { StreamData(0, [1]).encode(into: &$0) })
      }
    }
    let client = try ApusClient(peer.address, options: .patient)
    let set = try client.trainingSet(Self.request, eventsWithin: Int64.min...Int64.max)
    // Asked for the outcome alone nothing is taken, so that what is beyond the credit is so.
    let error = await #expect(throws: ClientError.self) {
      if how == 1 { _ = try await set.outcome() } else { _ = try await came(set) }
    }
    let code: ClientError.Code = how < 2 ? .badReply : how == 2 ? .overloaded : .connectionLost
    #expect(error?.code == code && error?.isRetryable == (how >= 2))
    await #expect(throws: ClientError.self) { try await set.outcome() }
    _ = await peer.ended()
  }
}
