// What is lost, what only looks so, and what is left to go on with.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("the store and what is lost")
struct StoreLossTests {
  /// The write of a push that fails, counted from its beginning: of the manifest, a segment's header, a frame.
  @Test("what a full disk took leaves nothing visible, so the next opening misses nothing", arguments: 1...6)
  func dropped(at write: Int) throws {
    let disk = SimulatedDisk()
    let fixture = try StoreFixture(on: disk)
    try fixture.push("c1", 1)
    // LSNs are skipped now, up to the log's ceiling.
    try fixture.killAndReopen()
    let visible = fixture.store.visible
    disk.failCall(disk.calls[.write] + write, of: .write, with: .noSpace)
    do {
      try fixture.push("c2", 2)
      return
    } catch {}
    #expect(fixture.store.visible == visible)
    try? fixture.store.checkpoint()
    try fixture.killAndReopen()
    #expect(fixture.store.report.losses == [])
    try fixture.push("c2", 2)
    #expect(try fixture.read("c1").first?.value == .int64(1))
  }

  @Test("a segment that was begun and not written is nothing that the index could have", arguments: 1...6)
  func begunSegment(upTo write: Int) throws {
    let disk = SimulatedDisk()
    let fixture = try StoreFixture(on: disk)
    try fixture.push("c1", 1)
    try fixture.killAndReopen()
    disk.failCall(disk.calls[.write] + write, of: .write, with: .inputOutput)
    do {
      try fixture.push("c2", 2)
      return
    } catch {}
    try fixture.killAndReopen()
    #expect(fixture.store.report.losses == [])
    try fixture.closeAndReopen()
    #expect(fixture.store.report.losses == [])
    try fixture.push("c2", 2)
  }

  @Test("records that rest on lost ones whose loss was accepted do not keep the store from opening")
  func acceptedLoss() throws {
    let disk = SimulatedDisk()
    let fixture = try StoreFixture(on: disk)
    let opening = try fixture.store.openProducer("pay")
    var frames: [FrameMoment] = []
    for sequence in 1...4 {
      let batch = try fixture.batch([("c\(sequence)", StoreFixture.row)])
      let ticket = ProducerTicket(
        producer: opening.producer, epoch: opening.epoch, sequence: UInt64(sequence), digest: batch.digest)
      frames.append(try fixture.store.append(batch, ticket).frame)
    }
    try fixture.store.close()
    for epoch in try IndexFolder.list(in: fixture.folder.path("index")).ready {
      try IndexFolder(in: fixture.folder.path("index"), epoch: epoch).remove()
    }
    let name = try #require(try disk.names(in: "store/log").first)
    let bytes = try disk.contents(of: "store/log/\(name)")
    // The second request's frame: found by its key.
    let wanted = [UInt8]("c2".utf8) + [0]
    let at = try #require(bytes.indices.first { bytes[$0...].starts(with: wanted) })
    try disk.flipBit("store/log/\(name)", byte: at, bit: 0)
    try fixture.reopen()
    #expect(fixture.store.report.losses == [frames[1].lsns])
    #expect(throws: StoreError.self) { try fixture.store.openProducer("x") }
    #expect(try fixture.read("c4").first?.value == .int64(1))
    try fixture.store.close()
    var random = SplitMix64(seed: 3)
    _ = try Log.acceptLoss(of: frames[1].lsns, in: "store", on: disk, clock: fixture.clock, random: &random)
    try fixture.reopen()
    #expect(fixture.store.report.losses == [])
    #expect(try fixture.read("c4").first?.value == .int64(1))
    let again = try fixture.store.openProducer("pay")
    #expect(again.lastSequence == 4 && again.epoch == 2)
  }
}
