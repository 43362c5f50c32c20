// Readers on several threads beside writing, checkpoints, scrubs and rebuilds: every frame sets all cards to one number, so
// whoever sees two numbers in one read has seen two moments.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("the store beside itself")
struct StoreConcurrencyTests {
  private static let cards = 40
  /// Frames that are written; a long run asks for more.
  private static let rounds =
    unsafe getenv("APUS_STORE_ROUNDS").flatMap { unsafe Int(String(cString: $0)) } ?? 1_500

  private struct Progress: Sendable {
    var isOver = false
    var reads = 0
    var rebuilding = 0
    var mixed: [String] = []
    var ended = 0
  }

  @Test(
    "a read of many cards is of one frame, and of all of it, while writing, checkpoints, scrubs and a rebuild go on"
  )
  func together() throws {
    let fixture = try StoreFixture { options in
      options.generationByteCount = 1 << 18
      options.overlayByteCountBudget = 1 << 26
      options.durability = .buffered
    }
    try write(0, to: fixture)
    let progress = Monitor(Progress())
    let readers = 3
    for number in 0..<readers {
      let store = fixture.store
      _ = try SystemThread.start(name: "reader-\(number)") {
        do { try Self.read(store, progress) } catch {
          progress.withLock { $0.mixed.append("\(error)") }
        }
        progress.withLock { $0.ended += 1 }
        progress.notifyAll()
      }
    }
    for round in 1...Self.rounds {
      fixture.clock.advance(nanoseconds: 1_000)
      try write(Int64(round), to: fixture)
      if round % 500 == 250 {
        do throws(StoreError) {
          let report = try fixture.store.scrub()
          #expect(report.isSound, "\(report)")
        } catch {
          // The rebuild below may still go on.
          guard error == .rebuilding else { throw error }
        }
      }
      if round == Self.rounds / 2, let index = fixture.store.shared.newest.1.index {
        fixture.store.shared.report(.damaged(.key([1])), epoch: index.epoch)
      }
    }
    progress.withLock { $0.isOver = true }
    _ = progress.wait(for: nil) { $0.ended == readers }
    let end = progress.withLock { $0 }
    #expect(end.mixed == [])
    #expect(end.reads > 0)
    try fixture.store.checkpoint()
    #expect(fixture.store.statistics.rebuilds == 1)
    #expect(fixture.store.statistics.checkpoints.transactions > 2)
    #expect(try fixture.read("c0").first?.value == .int64(Int64(Self.rounds)))
  }

  private func write(_ number: Int64, to fixture: StoreFixture) throws {
    let rows = (0..<Self.cards).map { card in
      (
        "c\(card)",
        [FeatureInput.value(.int64(number)), .value(.float64(Double(number))), .value(.string("buy"))]
      )
    }
    while true {
      do throws(StoreError) {
        _ = try fixture.store.append(fixture.admitted(rows))
        return
      } catch {
        // Back-pressure: the checkpointer needs its time.
        guard case .overloaded = error else { throw error }
        if let trouble = fixture.store.statistics.trouble { throw trouble }
      }
    }
  }

  private static func read(_ store: Store, _ progress: Monitor<Progress>) throws {
    guard let service = VersionedName(spelling: "score") else { return }
    let vector = try store.vector(service: service, in: "shop")
    var keys = RequestKeys(for: vector)
    for card in 0..<cards { try keys.append(named: ["card_id": .string("c\(card)")]) }
    var reader = try store.reader()
    var before: Int64 = 0
    while !progress.withLock({ $0.isOver }) {
      let table: FeatureTable
      do throws(StoreError) { table = try reader.table(vector, keys) } catch {
        guard error == .rebuilding else { throw error }
        progress.withLock { $0.rebuilding += 1 }
        continue
      }
      guard case .int64(let first)? = table[0, 0].value else { throw StoreError.rebuilding }
      var wrong: [String] = []
      if first < before { wrong.append("\(first) after \(before)") }
      before = first
      for row in 0..<cards
      where table[row, 0].value != .int64(first) || table[row, 1].value != .float64(Double(first)) {
        wrong.append("LSN \(table.moment.lsn): \(first) and \(String(describing: table[row, 0].value))")
      }
      progress.withLock { progress in
        progress.reads += 1
        if progress.mixed.count < 5 { progress.mixed += wrong }
      }
    }
  }
}
