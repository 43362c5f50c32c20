// How a store ends, and what it leaves behind and alone.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("the end of a store")
struct StoreEndTests {
  @Test("a completion may be the last to hold the store")
  func lastInCompletion() throws {
    let fixture = try StoreFixture()
    let ended = Monitor(false)
    let batch = try fixture.batch([("c1", StoreFixture.row)])
    let folder = try TemporaryFolder("apus-store")
    func submit() throws {
      var random = SplitMix64(seed: 1)
      let store = try Store.open(
        folder.path("store"), clock: fixture.clock, random: &random, options: fixture.options)
      _ = try store.apply(StoreFixture.definition(StoreFixture.text))
      let held = Monitor<Store?>(store)
      try store.submit(batch) { _ in
        _ = held.wait(for: nil) { $0 == nil }
        withExtendedLifetime(store) {}
        ended.withLock { $0 = true }
        ended.notifyAll()
      }
      held.withLock { $0 = nil }
      held.notifyAll()
    }
    try submit()
    #expect(ended.wait(for: 5_000_000_000) { $0 })
    // It let go of the log: another may open it.
    let deadline = Monitor(0)
    var random = SplitMix64(seed: 1)
    for _ in 0..<200 {
      if let store = try? Store.open(
        folder.path("store"), clock: fixture.clock, random: &random, options: fixture.options)
      {
        #expect(store.visible > .none)
        return
      }
      _ = deadline.wait(for: 20_000_000) { $0 > 0 }
    }
    Issue.record("the store was never let go of")
  }

  @Test("who waits for the appender is told when the store is abandoned meanwhile")
  func abandonedWhileWaiting() throws {
    let fixture = try StoreFixture()
    let batch = try fixture.batch([("c1", StoreFixture.row)])
    let disk = HookedDisk(SimulatedDisk())
    let folder = try TemporaryFolder("apus-store")
    var random = SplitMix64(seed: 1)
    var options = fixture.options
    // Every submission is refused, and says how many requests wait.
    options.waitingRequestsMax = 0
    let store = try Store.open(
      "store", on: disk, indexes: folder.path("index"), clock: fixture.clock, random: &random,
      options: options)
    func refusal() -> StoreError? {
      do throws(StoreError) { try store.submit(batch) { _ in } } catch { return error }
      return nil
    }
    let gate = Monitor((isReached: false, isOpen: false))
    disk.before { call, _ in
      guard call == .write else { return }
      gate.withLock { $0.isReached = true }
      gate.notifyAll()
      _ = gate.wait(for: nil) { $0.isOpen }
    }
    let second = Monitor<Result<ProducerOpening, StoreError>?>(nil)
    let first = try SystemThread.start(name: "first") { _ = try? store.openProducer("a") }
    #expect(gate.wait(for: 10_000_000_000) { $0.isReached })
    let waiting = try SystemThread.start(name: "second") {
      let result: Result<ProducerOpening, StoreError>
      do throws(StoreError) { result = .success(try store.openProducer("b")) } catch {
        result = .failure(error)
      }
      second.withLock { $0 = result }
      second.notifyAll()
    }
    while case .overloaded(0, _, _) = refusal() {}
    let ending = try SystemThread.start(name: "third") { store.abandon() }
    while refusal() != .closed {}
    gate.withLock { $0.isOpen = true }
    gate.notifyAll()
    #expect(second.wait(for: 10_000_000_000) { $0 != nil })
    #expect(second.withLock { $0 } == .failure(.closed))
    for thread in [first, waiting, ending] { thread.join() }
    let reader = Result { () throws(StoreError) in try store.stateHash() }
    #expect(throws: StoreError.self) { try reader.get() }
  }

  @Test("an index of another store is not removed, however often this one is opened")
  func foreignIndex() throws {
    let folder = try TemporaryFolder("apus-store")
    let fixture = try StoreFixture()
    try fixture.store.close()
    let (mine, theirs) = (fixture.path + "/index", folder.path("store/index"))
    // Another id than the fixture's.
    var random = SplitMix64(seed: 99)
    try Store.open(folder.path("store"), clock: fixture.clock, random: &random, options: fixture.options)
      .close()
    let disk = RealDisk()
    let epoch = try #require(try IndexFolder.list(in: mine).ready.last)
    let foreign = IndexFolder(in: mine, epoch: epoch + 1)
    try disk.rename(
      IndexFolder(in: theirs, epoch: try #require(try IndexFolder.list(in: theirs).ready.last)).path,
      to: foreign.path)
    for _ in 0..<3 {
      try fixture.reopen()
      try fixture.push("c1", 1)
      try fixture.store.checkpoint()
      try fixture.store.close()
      #expect(try IndexFolder.list(in: mine).ready == [epoch + 1, epoch + 2])
    }
  }

  @Test("names of indexes that no program gave are nobody's")
  func strangeNames() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 1)
    try fixture.store.close()
    let disk = RealDisk()
    for name in [
      "index-18446744073709551615", "index-7", "index-+000000009", "index-18446744073709551615.tmp",
    ] {
      try disk.makeFolder(fixture.path + "/index/" + name)
    }
    try fixture.reopen()
    #expect(fixture.store.report.index == .opened)
    #expect(try fixture.read("c1").first?.value == .int64(1))
  }

  @Test("a full disk is not filled further by tries to build an index")
  func triesToBuild() throws {
    let fixture = try StoreFixture()
    for round in 0..<4 {
      fixture.clock.advance(nanoseconds: 1_000)
      _ = try fixture.store.append(
        fixture.batch((0..<1_000).map { ("c\(round * 1_000 + $0)", StoreFixture.row) }))
    }
    try fixture.store.close()
    let folder = fixture.path + "/index"
    for epoch in try IndexFolder.list(in: folder).ready { try IndexFolder(in: folder, epoch: epoch).remove() }
    fixture.options.index.quotaByteCount = 100_000
    for _ in 0..<5 { #expect(throws: StoreError.self) { try fixture.reopen() } }
    let left = try IndexFolder.list(in: folder)
    #expect(left.ready.count + left.building.count + left.retired.count <= 1)
    fixture.options.index = IndexOptions()
    try fixture.reopen()
    #expect(try fixture.read("c3999").first?.value == .int64(1))
  }

  @Test("opening and closing, in good order or not, keeps no file and no thread")
  func nothingIsKept() throws {
    let fixture = try StoreFixture()
    let disk = RealDisk()
    func held() throws -> (files: Int, threads: Int) {
      (try disk.names(in: "/proc/self/fd").count, try disk.names(in: "/proc/self/task").count)
    }
    func round() throws {
      try fixture.push("c1", 1)
      _ = try fixture.read("c1")
      try fixture.closeAndReopen()
      try fixture.killAndReopen()
    }
    try round()
    let before = try held()
    for _ in 0..<50 { try round() }
    let after = try held()
    // Other tests run beside this one; what 100 lives would leave is more.
    #expect(after.files - before.files < 90 && after.threads - before.threads < 90)
  }

  @Test("a reader of a closed store is told so, and not to wait for an index")
  func closedReader() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 1)
    let vector = try fixture.store.vector(features: ["activity:count"], in: "shop")
    var keys = RequestKeys(for: vector)
    try keys.append(named: ["card_id": .string("c1")])
    var reader = try fixture.store.reader()
    _ = try reader.table(vector, keys)
    fixture.store.abandon()
    var error: StoreError?
    do throws(StoreError) { _ = try reader.table(vector, keys) } catch let found { error = found }
    #expect(error == .closed)
  }
}
