// Who was erased stays so, whatever of the log is lost, and whether there is an index or none.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("erasures whose records are lost")
struct LostErasureTests {
  private let disk = SimulatedDisk()

  /// Two cards, of which one is erased; then another row. What was read before is the row of the other one.
  private func story(
    change: (inout StoreOptions) -> Void = { _ in }
  ) throws -> (fixture: StoreFixture, erase: FrameMoment) {
    let fixture = try StoreFixture(on: disk, change: change)
    try fixture.push("gone", 1)
    try fixture.push("stays", 2)
    fixture.clock.advance(nanoseconds: 1_000_000)
    let erase = try fixture.erase("gone")
    fixture.clock.advance(nanoseconds: 1_000_000)
    try fixture.push("later", 3)
    return (fixture, erase)
  }

  /// Damages the erasure's record: its salt stands nowhere else in a segment.
  private func damage(_ fixture: StoreFixture) throws {
    let salt = fixture.store.catalog.erasures.salt
    try fixture.store.close()
    for name in try disk.names(in: "store/log") {
      let bytes = try disk.contents(of: "store/log/\(name)")
      guard let at = bytes.indices.first(where: { bytes[$0...].starts(with: salt) }) else { continue }
      return try disk.flipBit("store/log/\(name)", byte: at, bit: 3)
    }
    Issue.record("no segment has the erasure")
  }

  private func accept(_ lsns: LSNRange, _ fixture: StoreFixture) throws {
    try? fixture.store.close()
    var random = SplitMix64(seed: 3)
    _ = try Log.acceptLoss(of: lsns, in: "store", on: disk, clock: fixture.clock, random: &random)
    try fixture.reopen()
    #expect(!fixture.store.report.isReadOnly)
  }

  @Test("without an index, read-only and after the loss was accepted, nothing of the erased key is answered")
  func lost() throws {
    let (fixture, erase) = try story()
    try damage(fixture)
    try fixture.removeIndex()
    try fixture.reopen()
    #expect(fixture.store.report.losses == [erase.lsns])
    try fixture.expectErased()
    #expect(try fixture.read("stays").first?.value == .int64(2))
    try accept(erase.lsns, fixture)
    try fixture.expectErased()
    #expect(try fixture.read("later").first?.value == .int64(3))
    #expect(try fixture.store.facts().state.pendingErasures?.last == erase.lsns.last)

    // What comes late of then is refused, and what is newer begins anew.
    var batch = fixture.store.batch(.live, .setAside)
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")))
    let late = EventTime(nanoseconds: erase.time.nanoseconds)
    batch.upsert(key: [.string("gone")], GivenTimes(eventTime: late), StoreFixture.row)
    #expect(try fixture.store.append(batch.admitted()).counts.erased == 1)
    fixture.clock.advance(nanoseconds: 1_000_000)
    try fixture.push("gone", 5)
    #expect(try fixture.read("gone").first?.value == .int64(5))
  }

  @Test("its bytes go for good, and no index that is made from what is left brings them back")
  func carriedOut() throws {
    let (fixture, erase) = try story()
    try damage(fixture)
    try fixture.removeIndex()
    try accept(erase.lsns, fixture)
    _ = try fixture.store.compact(erasing: true)
    let state = try fixture.store.facts().state
    #expect(state.pendingErasures == nil && state.receipts.last?.events == 1)
    #expect(fixture.store.log.view.keptErasures.isEmpty, "the ledger says it now")
    try fixture.store.close()
    try fixture.removeIndex()
    try fixture.reopen()
    try fixture.expectErased()
    #expect(try fixture.read("stays").first?.value == .int64(2))
  }

  @Test("whoever looks at the folder knows of it, too, and the state is what it is without a loss")
  func looking() throws {
    let (fixture, _) = try story()
    let before = try fixture.store.facts().state
    try fixture.store.close()
    try fixture.removeIndex()
    try fixture.reopen()
    #expect(try fixture.store.facts().state == before, "nothing is lost: the manifest adds nothing")
    try damage(fixture)
    let look = try #require(try StoreLook.open("store", on: disk))
    #expect(look.state.erasures == before.erasures)
  }

  @Test(
    "an erasure that the manifest had no room for is not acknowledged, stands, and is kept by the next opening"
  )
  func fullDisk() throws {
    let fixture = try StoreFixture(on: disk)
    try fixture.push("gone", 1)
    let before = fixture.store.log.view.keptErasures.count
    // The frame is written first, and the manifest's edit behind it.
    disk.failCall(disk.calls[.write] + 2, of: .write, with: .noSpace)
    do {
      _ = try fixture.erase("gone")
      Issue.record("it was acknowledged")
    } catch {}
    try fixture.killAndReopen()
    try fixture.expectErased()
    #expect(fixture.store.log.view.keptErasures.count == before + 1)
  }

  @Test("erasures of more keys than the manifest holds are refused, and nothing of them is written")
  func full() throws {
    let fixture = try StoreFixture(on: disk)
    let visible = fixture.store.visible
    let keys = (0...ManifestState.keptErasureKeysMax).map {
      ErasedKey(name: "card_id", value: .string("c\($0)"))
    }
    let refusal = try #require(throws: StoreError.self) { _ = try fixture.store.erase(keys, in: "shop") }
    #expect(refusal == .erasuresFull(keys: 0, max: ManifestState.keptErasureKeysMax))
    #expect(fixture.store.visible == visible)
  }

  @Test(
    "an erasure that is in the log alone, as a crash between the two leaves it, is in the manifest after the next opening"
  )
  func between() throws {
    let fixture = try StoreFixture(on: disk)
    try fixture.push("gone", 1)
    #expect(fixture.store.log.view.erasuresKeptFrom == .first)
    let project = try #require(fixture.store.catalog.registry.project("shop")).id
    let name = try #require(VersionedName(spelling: "activity"))
    let view = try #require(fixture.store.catalog.view(name, in: "shop"))
    try fixture.store.close()
    let salt = [UInt8](repeating: 9, count: Erasures.saltByteCount)
    var key = KeyEncoder()
    try key.append(string: "gone")
    let hash = ErasureHasher(salt: salt).hash(project: project, view.keys[0], key.bytes)
    var record = ByteWriter()
    record.writeErase(project: project, salt: salt, [hash])
    var random = SplitMix64(seed: 3)
    let log = try Log.open("store", on: disk, clock: fixture.clock, random: &random)
    let writer = try #require(log.writer)
    let lsn = try writer.append(recordCount: 1, payload: record.bytes).lsns.last
    try writer.sync()
    writer.abandon()
    try fixture.reopen()
    try fixture.expectErased()
    let kept = try #require(fixture.store.log.view.keptErasures.first)
    #expect(kept.lsn == lsn && kept.salt == salt && kept.keyCount == 1)
    #expect(kept.time == fixture.store.catalog.erasures.erase(of: hash)?.time)
  }
}

extension StoreFixture {
  @discardableResult
  fileprivate func erase(_ card: String) throws -> FrameMoment {
    try store.erase([ErasedKey(name: "card_id", value: .string(card))], in: "shop")
  }

  fileprivate func removeIndex() throws {
    for epoch in try IndexFolder.list(in: folder.path("index")).ready {
      try IndexFolder(in: folder.path("index"), epoch: epoch).remove()
    }
  }

  fileprivate func expectErased() throws {
    for cell in try read("gone") {
      #expect(cell.status == .notFound && cell.reason == .erased, "\(cell)")
    }
  }
}
