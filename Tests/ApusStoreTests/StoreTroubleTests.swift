// No room for the index, little room on the disk, a sync that fails: what the store says, and what is there afterwards.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A store in trouble")
struct StoreTroubleTests {
  private func rows(_ round: Int) -> [(String, [FeatureInput])] {
    (0..<400).map { ("c\(round * 400 + $0)", [.value(.int64(Int64(round))), .absent, .absent]) }
  }

  @Test(
    "whose index has no room refuses writers, serves readers, loses nothing, and goes on when there is room")
  func quota() throws {
    let fixture = try StoreFixture { options in
      options.index.quotaByteCount = 400 << 10
      options.generationByteCount = 160 << 10
      options.overlayByteCountBudget = 2 << 20
      options.log.segmentByteCount = 8 << 20
    }
    var rounds = 0
    var refusal: StoreError?
    while refusal == nil, rounds < 400 {
      fixture.clock.advance(nanoseconds: 1_000)
      do throws(StoreError) {
        _ = try fixture.store.append(batch(fixture, rounds))
        rounds += 1
      } catch {
        // While the index still has room, it is only late: whoever waits for it gets some.
        do throws(StoreError) { try fixture.store.makeRoom() } catch let trouble {
          #expect(trouble == .index(.full(.quota(byteCount: 400 << 10))))
          refusal = error
        }
      }
    }
    guard case .overloaded = refusal else {
      Issue.record("\(String(describing: refusal)) after \(rounds) rounds")
      return
    }
    guard case .index(.full) = fixture.store.statistics.trouble else {
      Issue.record("\(String(describing: fixture.store.statistics.trouble))")
      return
    }
    #expect(fixture.store.statistics.checkpoints.transactions > 0)
    // Who waits for room is told why there will be none.
    #expect(throws: StoreError.index(.full(.quota(byteCount: 400 << 10)))) { try fixture.store.makeRoom() }
    try expect(fixture, rounds)
    // A refused request left no trace.
    #expect(try fixture.read("c\(rounds * 400)").map(\.reason) == [.neverSeen, .neverSeen, .neverSeen])
    try fixture.store.close()

    fixture.options.index.quotaByteCount = 1 << 40
    try fixture.reopen()
    try expect(fixture, rounds)
    _ = try fixture.store.append(batch(fixture, rounds))
    try fixture.store.checkpoint()
    #expect(fixture.store.statistics.trouble == nil)
    try expect(fixture, rounds + 1)
    #expect(try fixture.store.scrub().isSound)
  }

  @Test("whose overlay is full has room again for who waits, and nothing of what was refused")
  func room() throws {
    let fixture = try StoreFixture { options in
      // Any of these batches is too much, and nothing is frozen by itself.
      options.overlayByteCountBudget = 64 << 10
      options.generationByteCount = 1 << 30
    }
    for round in 0..<5 {
      let batch = try batch(fixture, round)
      if round > 0 {
        #expect(throws: StoreError.self) { try fixture.store.append(batch) }
        try fixture.store.makeRoom()
      }
      _ = try fixture.store.append(batch)
    }
    try expect(fixture, 5)
    #expect(fixture.store.visible == LSN(1 + 5 * 400))
  }

  private func batch(_ fixture: StoreFixture, _ round: Int) throws(StoreError) -> AdmittedBatch {
    var batch = fixture.store.batch()
    guard let view = fixture.store.catalog.view(VersionedName(name: "activity"), in: "shop") else {
      throw .unknownProject("shop")
    }
    try batch.turn(to: view)
    for (card, inputs) in rows(round) { batch.upsert(key: [.string(card)], GivenTimes(), inputs) }
    return try batch.admitted()
  }

  private func expect(_ fixture: StoreFixture, _ rounds: Int) throws {
    for card in stride(from: 0, to: rounds * 400, by: 97) {
      #expect(try fixture.read("c\(card)").first?.value == .int64(Int64(card / 400)), "card \(card)")
    }
  }

  @Test("with less room on its disk than the reserve takes no rows until there is more, and then by itself")
  func reserve() throws {
    let fixture = try StoreFixture { $0.diskReserveByteCount = 1 << 20 }
    try fixture.push("c1", 1)
    fixture.disk.say(freeByteCount: 1_000)
    // The disk is asked ten times a second.
    fixture.clock.advance(nanoseconds: 100_000_000)
    for _ in 0..<3 {
      #expect(throws: StoreError.diskLow(freeByteCount: 1_000, reserve: 1 << 20)) {
        try fixture.push("c1", 2)
      }
    }
    #expect(try fixture.read("c1").first?.value == .int64(1))
    fixture.disk.say(freeByteCount: nil)
    fixture.clock.advance(nanoseconds: 100_000_000)
    try fixture.push("c1", 3)
    #expect(try fixture.read("c1").first?.value == .int64(3))
  }

  @Test("acknowledges nothing after a failed sync, says so once, and opens with what it had acknowledged")
  func failedSync() throws {
    let fixture = try StoreFixture()
    try fixture.closeAndReopen()
    for card in 0..<20 { try fixture.push("c\(card)", Int64(card)) }
    let failed = Monitor(0)
    fixture.disk.fail { call, path in
      guard call == .syncData, path.contains("/log/") else { return nil }
      // Once is enough: the kernel calls clean what it could not write.
      return failed.withLock { count in
        count += 1
        return count == 1 ? .inputOutput : nil
      }
    }
    for number in 0..<4 {
      do throws(StoreError) {
        _ = try fixture.store.append(batch(fixture, number))
        Issue.record("acknowledged after a failed sync")
      } catch {
        guard case .stopped = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
    #expect(throws: StoreError.self) {
      try fixture.apply(
        StoreFixture.text.replacing("[buy, refund]", with: "[buy]"), accepting: [.producers, .readers])
    }
    #expect(throws: StoreError.self) { try fixture.store.openProducer("pay") }
    #expect(fixture.stops.withLock { $0 } == 1)
    #expect(fixture.store.health.hasStopped && fixture.store.health.isFlagged)
    #expect(try fixture.read("c7").first?.value == .int64(7))
    fixture.disk.fail(nil)
    try fixture.killAndReopen()
    #expect(!fixture.store.health.isFlagged)
    for card in 0..<20 {
      // The request that failed was written and may be there: it is later, and speaks of the same cards.
      let value = try fixture.read("c\(card)").first?.value
      #expect(value == .int64(Int64(card)) || value == .int64(0), "card \(card)")
    }
    try fixture.push("c1", 40)
    #expect(try fixture.read("c1").first?.value == .int64(40))
  }

  @Test("closing says so when the last sync failed: what was acknowledged before it may be lost then")
  func closingAfterFailedSync() throws {
    let fixture = try StoreFixture { $0.durability = .buffered }
    try fixture.push("c1", 1)
    fixture.disk.fail { call, path in call == .syncData && path.contains("/log/") ? .inputOutput : nil }
    do throws(StoreError) {
      try fixture.store.close()
      Issue.record("closed as if everything were durable")
    } catch {
      if case .stopped = error { return }
      Issue.record("\(error)")
    }
  }
}
