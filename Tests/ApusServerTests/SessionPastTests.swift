import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("GET at an exact LSN")
struct SessionPastTests {
  /// What a GET was asked, and its answer.
  private struct Receipt {
    let names: [String]
    let keys: [[UInt8]]
    let layout: ReplyLayout
    let options: GetOptions
    let body: [UInt8]
    let lsn: LSN
    let time: ReadTime
  }

  private static let lists: [[String]] = [
    ["activity:count", "activity:mean", "activity:small"],
    ["activity:count", "activity:action", "activity:tags", "limits:limit"],
    ["profile:level", "profile:opened"],
  ]

  private func key(_ list: Int, _ random: inout SplitMix64) throws -> [UInt8] {
    let number = random.below(6)
    return try encoded(list == 2 ? [.int64(Int64(number))] : [.string("c\(number)")])
  }

  private func push(_ fixture: SessionFixture, _ random: inout SplitMix64) throws {
    let views = ["activity", "limits", "profile"]
    let name = try #require(VersionedName(spelling: random.pick(views)))
    let view = try #require(fixture.store.catalog.view(name, in: "shop"))
    let number = random.below(6)
    let key: [Value] = name.name == "profile" ? [.int64(Int64(number))] : [.string("c\(number)")]
    let shift = random.pick([0, 0, -5_000, 2_000_000_000]) as Int64
    let times = GivenTimes(eventTime: EventTime(nanoseconds: fixture.now.nanoseconds + shift))
    var batch = fixture.store.batch()
    try batch.turn(to: view)
    if random.chance(0.15) {
      batch.delete(key: key, times)
    } else {
      batch.upsert(
        key: key, times,
        view.contract.features.map { feature in
          if random.chance(0.4) { return .absent }
          if random.chance(0.2) { return .null }
          switch feature.type {
          case .int64: return .value(.int64(Int64(random.below(100))))
          case .int32: return .value(.int32(Int32(random.below(100))))
          case .float64: return .value(.float64(Double(random.below(100)) / 3))
          case .string: return .value(.string(random.pick(["buy", "refund", ""])))
          case .list(of: .string): return .value(.list(.string(["a", "é"])))
          default: return .absent
          }
        })
    }
    _ = try fixture.store.append(batch.admitted())
  }

  private func ask(_ list: Int, _ peer: Caller, _ random: inout SplitMix64) throws -> Receipt {
    let prepared = try peer.prepare(Self.lists[list])
    let layouts = ReplyLayout.allCases.filter { ReplyShape(prepared.columns).takes($0) }
    let layout = random.pick(layouts)
    let options = GetOptions(rawValue: random.pick([0, 4, 8, 16, 28]))
    let rows = layout == .row ? 1 : random.within(1...5)
    var keys: [[UInt8]] = []
    for _ in 0..<rows { keys.append(try key(list, &random)) }
    let frame = try peer.get(prepared.handle, rows: rows, keys, layout, options)
    try #require(frame.type == MessageType.get.reply, "\(frame.refusal.debugDescription)")
    let body = frame.body
    var map = GetReplyMap(ReplyShape(prepared.columns))
    try map.check(unsafe body.span.bytes, rows: rows, layout: layout, options: options)
    let view = GetReplyView(unsafe body.span.bytes, map)
    let (lsn, time) = (view.lsn, view.time)
    return Receipt(
      names: Self.lists[list], keys: keys, layout: layout, options: options, body: body, lsn: lsn, time: time)
  }

  private func repeated(_ receipt: Receipt, _ peer: Caller) throws -> ReplyFrame {
    let prepared = try peer.prepare(receipt.names)
    return try peer.ask(.get) { body in
      GetRequest.encode(
        handle: prepared.handle, rows: receipt.keys.count, layout: receipt.layout, options: receipt.options,
        exact: receipt.lsn, time: receipt.time, into: &body)
      for key in receipt.keys { body.write(short: unsafe key.span.bytes) }
    }
  }

  @Test(
    "what GETs answered while rows and definitions changed is repeated byte for byte, also from history",
    arguments: UInt64(1)...4)
  func receipts(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    var receipts: [Receipt] = []
    for round in 0..<150 {
      fixture.clock.advance(nanoseconds: random.pick([1_000, 1_000_000, 900_000_000_000]))
      try push(fixture, &random)
      if random.chance(0.5) { receipts.append(try ask(random.below(3), peer, &random)) }
      // Another ttl: older answers were judged by the one before.
      if round == 50 { try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 10m")) }
      if round == 100 { try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 3h")) }
      if round == 75 { _ = try fixture.store.compact() }
    }
    for receipt in receipts {
      let frame = try repeated(receipt, peer)
      #expect(
        frame.body == receipt.body, "seed \(seed), LSN \(receipt.lsn): \(frame.refusal.debugDescription)")
    }
    _ = try fixture.store.compact()
    #expect(fixture.store.statistics.history.runs > 0)
    for receipt in receipts {
      let frame = try repeated(receipt, peer)
      #expect(frame.body == receipt.body, "seed \(seed), compacted, LSN \(receipt.lsn)")
    }
  }

  @Test("replies keep their order around a read of the past, and what cannot be read is told by its code")
  func order() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    try peer.push([("a", 3)])
    let prepared = try peer.prepare(["activity:count"])
    let key = try encoded([.string("a")])
    func past(_ lsn: LSN) -> UInt64 {
      peer.send(.get) { body in
        GetRequest.encode(
          handle: prepared.handle, rows: 1, layout: .columns, exact: lsn, time: ReadTime(nanoseconds: 0),
          into: &body)
        body.write(short: unsafe key.span.bytes)
      }
    }
    let first = past(fixture.store.visible)
    let second = peer.sendGet(prepared.handle, rows: 1, [key])
    let third = past(fixture.store.visible.next)
    let fourth = past(.none)
    while peer.frames.count < 4, peer.fetch() {}
    #expect(peer.frames.map(\.id) == [first, second, third, fourth])
    #expect(peer.frames.map(\.code) == [nil, nil, .notYet, .unknownName])
    #expect(peer.action == .goOn)
  }
}
