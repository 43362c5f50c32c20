// What a client is told when the store is in trouble: a full disk, a clock that jumped, records that are lost, an index that is being
// made again, a producer that was silent for too long. Writes are refused by their code, reads go on, and so do writes once it is over.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

/// A served store whose disk and clock do what a test wants.
private final class Troubled {
  let folder: TemporaryFolder
  let simulated: SimulatedDisk
  let disk: HookedDisk
  let clock: SimulatedClock
  let store: Store
  let server: SessionServer
  let loop: SessionLoop

  /// `before`: the same store, after the process that had it is gone.
  init(after before: Troubled? = nil, _ change: (inout StoreOptions) -> Void = { _ in }) throws {
    folder = try before?.folder ?? TemporaryFolder("apus-troubled")
    simulated = before?.simulated ?? SimulatedDisk()
    disk = HookedDisk(simulated)
    clock = before?.clock ?? SimulatedClock()
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    change(&options)
    var random = SplitMix64(seed: 7)
    store = try Store.open(
      "store", on: disk, indexes: folder.path("index"), clock: clock, random: &random, options: options)
    server = try SessionServer(store, console: EchoConsole(), clock: clock)
    loop = SessionLoop(server)
    if before == nil {
      let file = DefinitionFile(name: "shop.yaml", bytes: Array(shopText.utf8))
      _ = try store.apply(try DefinitionReader.read([file]), accepting: [.producers, .readers])
    }
  }

  deinit { end() }

  private var hasEnded = false

  /// As a process that was killed.
  func end() {
    if hasEnded { return }
    hasEnded = true
    server.close()
    store.abandon()
  }

  func peer() throws -> Caller {
    let peer = Caller(loop)
    try #require(try peer.hello().code == nil)
    return peer
  }
}

@Suite("A session in trouble")
struct SessionTroubleTests {
  /// The refusal of a push; nil when it was taken.
  private func refusal(
    _ peer: Caller, _ count: Int64, _ producer: PushHead.Producer? = nil
  ) throws -> WireRefusal? {
    do {
      try peer.push([("c1", count)], producer: producer)
      return nil
    } catch let refusal as WireRefusal {
      return refusal
    }
  }

  private func count(_ peer: Caller, _ name: String = "c1") throws -> Int64? {
    let reply = try peer.prepare(["activity:count"])
    let frame = try peer.get(reply.handle, rows: 1, [try card(name)])
    if let refusal = frame.refusal { throw refusal }
    var map = GetReplyMap(ReplyShape(reply.columns))
    let body = frame.body
    try map.check(unsafe body.span.bytes, rows: 1, layout: .columns, options: [])
    guard case .int64(let number)? = try GetReplyView(unsafe body.span.bytes, map).value(0, 0) else {
      return nil
    }
    return number
  }

  @Test("DISK_FULL: with less room than the reserve, and when the kernel says so, until there is room again")
  func diskFull() throws {
    let served = try Troubled { $0.diskReserveByteCount = 1 << 20 }
    let peer = try served.peer()
    #expect(try refusal(peer, 1) == nil)
    served.disk.say(freeByteCount: 1_000)
    served.clock.advance(nanoseconds: 100_000_000)
    let low = try #require(try refusal(peer, 2))
    #expect(low.code == .diskFull && low.class == .retry && low.waitMilliseconds > 0 && !low.next.isEmpty)
    #expect(try count(peer) == 1)
    served.disk.say(freeByteCount: nil)
    served.clock.advance(nanoseconds: 100_000_000)
    #expect(try refusal(peer, 3) == nil)

    served.disk.fail { call, path in call == .write && path.contains("log") ? .noSpace : nil }
    let full = try #require(try refusal(peer, 4))
    #expect(full.code == .diskFull && full.class == .retry)
    #expect(try count(peer) == 3)
    served.disk.fail(nil)
    served.clock.advance(nanoseconds: 1_000_000_000)
    #expect(try refusal(peer, 5) == nil)
    #expect(try count(peer) == 5)
  }

  @Test(
    "CLOCK_JUMP: writes stop and reads go on, also when the clock comes back by itself, until a person confirms it"
  )
  func clockJump() throws {
    let served = try Troubled()
    let peer = try served.peer()
    #expect(try refusal(peer, 1) == nil)
    served.clock.jumpWall(nanoseconds: 61_000_000_000)
    for _ in 0..<2 {
      let jump = try #require(try refusal(peer, 2))
      #expect(jump.code == .clockJump && jump.class == .retry && jump.waitMilliseconds > 0)
      #expect(try peer.ask(.producer) { ProducerRequest(name: "p").encode(into: &$0) }.code == .clockJump)
      #expect(try count(peer) == 1)
      served.clock.jumpWall(nanoseconds: -61_000_000_000)
    }
    #expect(try served.store.confirmClock() != nil)
    #expect(try refusal(peer, 3) == nil)
  }

  @Test("PRODUCER_EXPIRED: after a week of silence, until the producer is opened again")
  func producerExpired() throws {
    let served = try Troubled()
    let peer = try served.peer()
    func open() throws -> ProducerReply {
      let frame = try peer.ask(.producer) { ProducerRequest(name: "till").encode(into: &$0) }
      if let refusal = frame.refusal { throw refusal }
      return try ProducerReply(decoding: unsafe frame.body.span.bytes)
    }
    let first = try open()
    #expect(try refusal(peer, 1, .init(id: first.id, epoch: first.epoch, sequence: 1)) == nil)
    served.clock.advance(nanoseconds: 8 * 86_400 * 1_000_000_000)
    let late = try #require(try refusal(peer, 2, .init(id: first.id, epoch: first.epoch, sequence: 2)))
    #expect(late.code == .producerExpired && late.class == .request && late.waitMilliseconds == 0)
    #expect(late.details == [.init("producer", "\(first.id)")])
    let second = try open()
    let next = PushHead.Producer(id: second.id, epoch: second.epoch, sequence: second.lastSequence + 1)
    #expect(try refusal(peer, 3, next) == nil)
    #expect(try count(peer) == 3)
  }

  @Test("REBUILDING: while the index is made again nothing is read, writes are taken, and then all is there")
  func rebuilding() throws {
    let served = try Troubled()
    let peer = try served.peer()
    #expect(try refusal(peer, 1) == nil)
    let index = served.store.shared.newest.1.index
    served.store.shared.publish { $0.index = nil }
    do {
      _ = try count(peer)
      Issue.record("read without an index")
    } catch let refusal as WireRefusal {
      #expect(refusal.code == .rebuilding && refusal.class == .retry && refusal.waitMilliseconds > 0)
    }
    let scan = ScanRequest(view: "activity", rowsMax: 10)
    #expect(try peer.ask(.scan) { scan.encode(into: &$0) }.code == .rebuilding)
    #expect(try refusal(peer, 2) == nil)
    served.store.shared.publish { $0.index = index }
    #expect(try count(peer) == 2)
  }

  @Test(
    "READ_ONLY: with records lost nothing is written or waited for, and answers say that they may lack some"
  )
  func readOnly() throws {
    let served = try Troubled()
    do {
      let peer = try served.peer()
      for number in 1...4 { try peer.push([("c\(number)", Int64(number))]) }
    }
    served.end()
    let name = try #require(served.simulated.names(in: "store/log").first)
    let bytes = try served.simulated.contents(of: "store/log/\(name)")
    // The second push's frame, by its key.
    let at = try #require(bytes.indices.first { bytes[$0...].starts(with: [UInt8]("c2".utf8) + [0]) })
    try served.simulated.flipBit("store/log/\(name)", byte: at, bit: 0)

    let damaged = try Troubled(after: served)
    #expect(damaged.store.report.losses.count == 1)
    let peer = try damaged.peer()
    let refused = try #require(try refusal(peer, 9))
    #expect(refused.code == .readOnly && refused.class == .request && refused.details.first?.name == "lost")
    #expect(try peer.ask(.producer) { ProducerRequest(name: "p").encode(into: &$0) }.code == .readOnly)
    let later = damaged.store.visible.next
    #expect(try peer.ask(.wait) { WaitRequest(later, .visible).encode(into: &$0) }.code == .readOnly)
    #expect(try count(peer, "c4") == 4)
    let handle = try peer.prepare(["activity:count"]).handle
    let reply = try peer.get(handle, rows: 1, [try card("c2")])
    // Bit 1 of the flags: the store may lack something.
    #expect(reply.body[16] & 2 != 0)
  }
}
