import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("Writes of a session")
struct SessionWriteTests {
  private func producer(_ peer: Caller, _ name: String = "p") throws -> ProducerReply {
    let frame = try peer.ask(.producer) { ProducerRequest(name: name).encode(into: &$0) }
    if let refusal = frame.refusal { throw refusal }
    return try ProducerReply(decoding: unsafe frame.body.span.bytes)
  }

  private func code(_ body: () throws -> Void) -> WireCode? {
    do { try body() } catch { return (error as? WireRefusal)?.code }
    return nil
  }

  @Test("rows are acknowledged with their LSNs, refused ones by their rules, and what was accepted is read")
  func push() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let reply = try peer.push([("a", 1), ("b", -1), ("c", 3)])
    #expect(reply.accepted == 2 && reply.setAside == 1 && !reply.isRepeated)
    #expect(reply.last.rawValue - reply.first.rawValue == 2 && reply.durable >= reply.last)
    let tally = try #require(reply.tallies.first)
    #expect(tally.rule == "count.min" && tally.firstRow == 1 && tally.view == "activity@1")
    #expect(code { try peer.push([("a", 1), ("b", -1)], policy: .allOrNothing) } == .rowsRefused)
    #expect(code { try peer.push([("a", 1)], view: "activty") } == .unknownName)
    let key = try card("a")
    var rows = WireRows([.int64])
    try rows.append(key: unsafe key.span.bytes, GivenTimes(), [.value(.int64(1))])
    #expect(
      code { _ = try peer.push(PushHead(view: "activity", columns: ["coumt"]), rows) } == .unknownName)
    var bad = WireRows()
    let noKey: [UInt8] = [9, 9]
    try bad.append(key: unsafe noKey.span.bytes)
    #expect(code { _ = try peer.push(PushHead(view: "activity"), bad) } == .badKey)
    #expect(code { _ = try peer.push(PushHead(view: "activity"), bad, .delete) } == .badKey)
  }

  @Test("an int32 stands for an int64 and a float32 for a float64; any other type is refused row by row")
  func types() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let key = try card("a")
    var narrow = WireRows([.int32, .float32])
    try narrow.append(
      key: unsafe key.span.bytes, GivenTimes(), [.value(.int32(5)), .value(.float32(0.5))])
    let head = PushHead(view: "activity", columns: ["count", "mean"])
    #expect(try peer.push(head, narrow).accepted == 1)
    var wrong = WireRows([.string, .float64])
    try wrong.append(
      key: unsafe key.span.bytes, GivenTimes(), [.value(.string("5")), .value(.float64(0.5))])
    let reply = try peer.push(head, wrong)
    #expect(reply.setAside == 1 && reply.tallies.first?.rule == "count.type")
  }

  @Test(
    "a request that is sent again is answered again; other bytes, gaps and old epochs are refused by their codes"
  )
  func producers() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let opened = try producer(peer)
    #expect(opened.lastSequence == 0 && opened.sourceOffset == nil)
    func ticket(_ sequence: UInt64, epoch: UInt32? = nil, id: UInt32? = nil) -> PushHead.Producer {
      PushHead.Producer(
        id: id ?? opened.id, epoch: epoch ?? opened.epoch, sequence: sequence, sourceOffset: [1, 2])
    }
    let first = try peer.push([("a", 1)], producer: ticket(1))
    let again = try fixture.peer().push([("a", 1)], producer: ticket(1))
    #expect(again.isRepeated && again.first == first.first && again.last == first.last)
    #expect(again.accepted == first.accepted && again.timeNanoseconds == first.timeNanoseconds)
    #expect(code { try peer.push([("a", 2)], producer: ticket(1)) } == .sequenceReused)
    #expect(code { try peer.push([("a", 2)], producer: ticket(3)) } == .sequenceGap)
    #expect(code { try peer.push([("a", 2)], producer: ticket(2, id: 77)) } == .unknownProducer)
    for sequence in 2...8 { try peer.push([("a", Int64(sequence))], producer: ticket(UInt64(sequence))) }
    #expect(code { try peer.push([("a", 1)], producer: ticket(1)) } == .sequenceTooOld)
    let reopened = try producer(peer)
    #expect(reopened.id == opened.id && reopened.epoch == opened.epoch + 1)
    #expect(reopened.lastSequence == 8 && reopened.sourceOffset == [1, 2])
    #expect(code { try peer.push([("a", 2)], producer: ticket(9)) } == .fenced)
    #expect(code { _ = try producer(peer, "") } == .badRequest)
  }

  @Test(
    "replies to writes come in the order of their requests, whoever of loop, admitter and appender is done first"
  )
  func order() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let opened = try producer(peer)
    let many = (0..<2_000).map { ("m\($0)", Int64($0)) }
    var ids: [UInt64] = []
    for sequence in 1...6 {
      let ticket = PushHead.Producer(id: opened.id, epoch: opened.epoch, sequence: UInt64(sequence))
      let rows = try peer.counts(sequence % 3 == 1 ? many : [("s\(sequence)", 1)])
      ids.append(
        peer.sendPush(PushHead(producer: ticket, view: "activity", columns: ["count"]), rows))
      // Refused at once, and answered in its turn all the same.
      ids.append(peer.sendPush(PushHead(view: "nothing", columns: ["count"]), rows))
    }
    ids.append(peer.send(.producer) { ProducerRequest(name: "q").encode(into: &$0) })
    while peer.frames.count < ids.count { guard peer.fetch() else { break } }
    #expect(peer.frames.map(\.id) == ids)
    for (place, frame) in peer.frames.dropLast().enumerated() {
      #expect(frame.code == (place % 2 == 0 ? nil : .unknownName))
    }
  }

  @Test("a delete is an event, an erasure is for good, and a dry run only counts")
  func deleting() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    try peer.push([("a", 1), ("b", 2), ("c", 3)])
    let key = try card("a")
    var rows = WireRows()
    try rows.append(key: unsafe key.span.bytes)
    fixture.clock.advance(nanoseconds: 10)
    #expect(try peer.push(PushHead(view: "activity"), rows, .delete).accepted == 1)
    func erase(_ keys: [EraseRequest.Key], dry: Bool) throws -> EraseReply {
      let frame = try peer.ask(.erase) { EraseRequest(keys: keys, isDryRun: dry).encode(into: &$0) }
      if let refusal = frame.refusal { throw refusal }
      return try EraseReply(decoding: unsafe frame.body.span.bytes)
    }
    let b = EraseRequest.Key(name: "card_id", value: .string("b"))
    let a = EraseRequest.Key(name: "card_id", value: .string("a"))
    let dry = try erase([a, b], dry: true)
    #expect(dry.lsn == .none && dry.views == [EraseReply.View(name: "activity@1", count: 1)])
    #expect(try erase([b], dry: false).lsn > .none)
    #expect(try erase([b], dry: true).views.isEmpty)
    #expect(
      code { _ = try erase([EraseRequest.Key(name: "x", value: .string("b"))], dry: false) } == .unknownName)
    #expect(
      code { _ = try erase([EraseRequest.Key(name: "x", value: .string("b"))], dry: true) } == .unknownName)
    #expect(
      code { _ = try erase([EraseRequest.Key(name: "card_id", value: .int64(1))], dry: true) } == .badKey)
    #expect(
      code { _ = try erase([EraseRequest.Key(name: "card_id", value: .int64(1))], dry: false) } == .badKey)
  }

  @Test("a full mailbox is answered with OVERLOADED and a wait, in turn, and the connection goes on")
  func overload() throws {
    let fixture = try SessionFixture(storeOptions: { $0.waitingRequestsMax = 0 })
    let peer = try fixture.peer()
    let id = peer.sendPush(
      PushHead(view: "activity", columns: ["count"]), try peer.counts([("a", 1)]))
    let refusal = try #require(try peer.reply(to: id).refusal)
    #expect(refusal.code == .overloaded && refusal.waitMilliseconds > 0 && peer.action == .goOn)
  }

  @Test(
    "a connection with as many requests under way as it may have is paused, and read again when one is answered"
  )
  func pause() throws {
    let fixture = try SessionFixture(options: { $0.inFlightMax = 2 })
    let peer = try fixture.peer()
    let lsn = fixture.store.visible.advanced(by: 5)
    let first = peer.send(.wait) { WaitRequest(lsn, .visible).encode(into: &$0) }
    #expect(peer.action == .goOn && !peer.session.isIdle)
    let second = peer.send(.wait) { WaitRequest(lsn, .durable).encode(into: &$0) }
    #expect(peer.action == .pause && peer.resumes == 0)
    let other = try fixture.peer()
    try other.push((0..<9).map { ("c\($0)", 1) })
    _ = try peer.reply(to: first)
    _ = try peer.reply(to: second)
    while peer.resumes == 0 { guard peer.fetch() else { break } }
    #expect(peer.resumes == 1 && peer.session.isIdle)
  }

  @Test(
    "a connection is owed its answers until its loop has them: one that was ended before would lose what was written"
  )
  func owed() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let id = peer.sendPush(PushHead(view: "activity", columns: ["count"]), try peer.counts([("a", 1)]))
    // The appender is done, and says so; the loop has not heard of it.
    #expect(peer.port.letters.wait(for: 60_000_000_000) { !$0.isEmpty })
    #expect(!peer.session.isIdle)
    #expect(try peer.reply(to: id).code == nil)
    #expect(peer.session.isIdle)
  }

  @Test(
    "a write that comes when the server stops is refused in its turn, behind the answers that are under way")
  func refusedInTurn() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let head = PushHead(view: "activity", columns: ["count"])
    let first = peer.sendPush(head, try peer.counts([("a", 1)]))
    var output = ByteWriter()
    peer.session.stopping(&output, now: 0)
    let second = peer.sendPush(head, try peer.counts([("a", 2)]))
    let third = peer.send(.producer) { ProducerRequest(name: "late").encode(into: &$0) }
    while peer.frames.count < 3 { guard peer.fetch() else { break } }
    #expect(peer.frames.map(\.id) == [first, second, third])
    #expect(peer.frames.map(\.code) == [nil, .shuttingDown, .shuttingDown])
  }
}
