// The whole store, from definitions to reads, through closing and dying.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("the store")
struct StoreTests {
  private func value(_ cell: FeatureTable.Cell) -> Value? { cell.value }

  @Test("a row that was acknowledged is read at once, and after a close, a kill and a rebuild")
  func roundTrip() throws {
    let fixture = try StoreFixture()
    let answer = try fixture.push("c1", 3, 1.5)
    #expect(answer.counts.accepted == 1)
    #expect(answer.durable >= answer.frame.lsns.last)
    #expect(try fixture.read("c1").map(\.value) == [.int64(3), .float64(1.5), .string("buy")])

    try fixture.killAndReopen()
    #expect(fixture.store.report.replayed == 2)
    #expect(try fixture.read("c1").map(\.value) == [.int64(3), .float64(1.5), .string("buy")])
    try fixture.closeAndReopen()
    #expect(fixture.store.report.replayed == 0)
    #expect(try fixture.read("c1").map(\.value) == [.int64(3), .float64(1.5), .string("buy")])
    let hash = try fixture.store.stateHash()

    try fixture.store.close()
    for epoch in try IndexFolder.list(in: fixture.path + "/index").ready {
      try IndexFolder(in: fixture.path + "/index", epoch: epoch).remove()
    }
    try fixture.reopen()
    #expect(fixture.store.report.index == .rebuilt(because: "there was none"))
    #expect(try fixture.read("c1").map(\.value) == [.int64(3), .float64(1.5), .string("buy")])
    #expect(try fixture.store.stateHash() == hash)
  }

  @Test("a partial row leaves the other features as they were, across a checkpoint")
  func partial() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 3, 1.5)
    try fixture.store.checkpoint()
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    _ = try fixture.store.append(fixture.batch([("c1", [.value(.int64(4)), .absent, .null])]))
    let cells = try fixture.read("c1")
    #expect(cells.map(\.value) == [.int64(4), .float64(1.5), nil])
    #expect(cells.map(\.status) == [.present, .present, .nullValue])
    try fixture.store.checkpoint()
    #expect(try fixture.read("c1") == cells)
    #expect(fixture.store.statistics.overlay.generationCount == 1)
  }

  @Test("a refused row is set aside in the same frame, or refuses the whole request")
  func refused() throws {
    let fixture = try StoreFixture()
    let rows: [(String, [FeatureInput])] = [
      ("c1", [.value(.int64(1)), .absent, .absent]),
      ("c2", [.value(.int64(-1)), .absent, .absent]),
    ]
    let answer = try fixture.store.append(fixture.batch(rows))
    #expect(answer.counts.accepted == 1 && answer.counts.setAside == 1)
    #expect(answer.frame.lsns.count == 2)
    #expect(answer.refused.map(\.rule) == ["count.min"])
    #expect(throws: StoreError.self) { try fixture.batch(rows, .allOrNothing) }
    try fixture.killAndReopen()
    #expect(try fixture.read("c2").map(\.status) == [.notFound, .notFound, .notFound])
  }

  @Test("a producer's retry is answered once more and written once, also after a kill")
  func retries() throws {
    let fixture = try StoreFixture()
    let opening = try fixture.store.openProducer("pay-1")
    let batch = try fixture.batch([("c1", [.value(.int64(1)), .absent, .absent])])
    let ticket = ProducerTicket(
      producer: opening.producer, epoch: opening.epoch, sequence: 1, digest: batch.digest, sourceOffset: [9])
    let first = try fixture.store.append(batch, ticket)
    let again = try fixture.store.append(batch, ticket)
    #expect(again.isRepeated && again.frame == first.frame && again.counts == first.counts)
    try fixture.killAndReopen()
    let third = try fixture.store.append(batch, ticket)
    #expect(third.isRepeated && third.frame == first.frame)
    let next = try fixture.store.openProducer("pay-1")
    #expect(next.lastSequence == 1 && next.sourceOffset == [9] && next.epoch == 2)
    #expect(throws: StoreError.fenced(producer: 1, epoch: 1, now: 2)) {
      try fixture.store.append(batch, ticket)
    }
  }

  @Test("an erased key answers erased, also from the index, and begins anew with later events")
  func erased() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 3)
    try fixture.store.checkpoint()
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c1"))], in: "shop")
    #expect(try fixture.read("c1").map(\.reason) == [.erased, .erased, .erased])
    try fixture.killAndReopen()
    #expect(try fixture.read("c1").map(\.reason) == [.erased, .erased, .erased])
    let refused = try fixture.store.append(fixture.batch([("c1", [.value(.int64(4)), .absent, .absent])]))
    #expect(refused.counts.erased == 1)
  }

  @Test("what is told after an erasure is read, also when the clock was set back before it")
  func erasedAfterStepBack() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 3)
    fixture.clock.jumpWall(nanoseconds: -90_000_000_000)
    _ = try fixture.store.confirmClock()
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c1"))], in: "shop")
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    // Still behind what was erased: it could not win against it, so it is refused and not lost.
    #expect(try fixture.push("c1", 4).counts.erased == 1)
    fixture.clock.advance(nanoseconds: 90_000_000_000)
    #expect(try fixture.push("c1", 5).counts.accepted == 1)
    #expect(try fixture.read("c1").map(\.value) == [.int64(5), .float64(0.5), .string("buy")])
    try fixture.killAndReopen()
    #expect(try fixture.read("c1").map(\.value) == [.int64(5), .float64(0.5), .string("buy")])
  }

  @Test("a definition that changes between admission and writing has the batch admitted again")
  func readmitted() throws {
    let fixture = try StoreFixture()
    let batch = try fixture.batch([("c1", [.value(.int64(1)), .absent, .value(.string("refund"))])])
    try fixture.apply(
      StoreFixture.text.replacing("[buy, refund]", with: "[buy]"), accepting: [.producers, .readers])
    let answer = try fixture.store.append(batch)
    #expect(answer.counts.accepted == 0 && answer.counts.setAside == 1)
    #expect(answer.refused.map(\.rule) == ["action.one_of"])
  }

  @Test("many rows beyond the budget are checkpointed as they come, and all of them are read")
  func generations() throws {
    let fixture = try StoreFixture { options in
      options.generationByteCount = 1 << 18
      options.overlayByteCountBudget = 1 << 24
    }
    for round in 0..<40 {
      let rows = (0..<200).map { at in
        ("c\(round * 100 + at)", [FeatureInput.value(.int64(Int64(round))), .absent, .absent])
      }
      fixture.clock.advance(nanoseconds: 1_000)
      _ = try fixture.store.append(fixture.batch(rows))
    }
    #expect(fixture.store.statistics.checkpoints.transactions > 0)
    for at in stride(from: 0, to: 4_100, by: 37) {
      let newest = min(39, at / 100)
      #expect(try fixture.read("c\(at)").first?.value == .int64(Int64(newest)))
    }
    let hash = try fixture.store.stateHash()
    try fixture.killAndReopen()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try fixture.store.scrub().isSound)
  }
}
