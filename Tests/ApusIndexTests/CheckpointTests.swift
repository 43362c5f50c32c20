import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

/// A life of checkpoints that each rewrite every row, ended by a signal.
enum Killed {
  static func row(_ lsn: UInt64) -> TestRow {
    TestRow(lsn: lsn, bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: lsn), count: 200))
  }

  static func rows(_ lsn: UInt64) -> [(key: [UInt8], row: TestRow)] {
    (0..<2_000).map { (Keys.whole($0), row(lsn)) }
  }

  static func live(in parent: String, for nanoseconds: Int) throws {
    var options = IndexOptions()
    options.dirtyPagesMax = 40
    let opening = try Index.open(IndexFolder(in: parent, epoch: 1), of: Fixture.storeID, options: options)
    guard case .usable(let index) = opening else { return }
    let clock = ContinuousClock()
    let end = clock.now + .nanoseconds(nanoseconds)
    let killer = try SystemThread.start(name: "killer") {
      while clock.now < end {}
      _ = Glibc.kill(getpid(), SIGKILL)
    }
    for lsn in UInt64(2)... {
      try index.checkpoint(
        rows(lsn).map { TestUpdate(key: $0.key, lsn: lsn, row: $0.row.bytes) }, through: lsn)
    }
    killer.join()
  }
}

@Suite("Checkpoints of an index")
struct CheckpointTests {
  @Test("leave what a model says, after any story of writing, replacing and removing", arguments: 1...6)
  func model(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let fixture = try Fixture()
    var options = IndexOptions()
    options.dirtyPagesMax = random.pick([18, 40, 32_768])
    options.appendRunMin = random.pick([1, 7, IndexFormat.appendRunMin])
    var index = try fixture.build([], options: options)
    var model: [[UInt8]: TestRow] = [:]
    var lsn: UInt64 = 0
    for round in 0..<12 {
      let span = random.pick([50, 1_000, 4_000])
      let removing = random.pick([0.0, 0.1, 0.95])
      lsn += 10
      let ids = Set((0..<span).map { _ in random.below(3_000) }).sorted()
      let updates = ids.map { id in
        TestUpdate(
          key: Keys.whole(id / 4, view: UInt32(id % 4)), lsn: lsn - UInt64(random.below(15)) % lsn,
          row: random.chance(removing) ? nil : random.bytes(random.pick([3, 64, 64, 64, 3_000])))
      }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      let report = try index.checkpoint(updates, through: lsn, note: [UInt8(round)])
      #expect(report.written + report.unchanged + report.removed == updates.count)
      for update in updates where model[update.key].map({ $0.lsn < update.lsn }) ?? true {
        model[update.key] = update.row.map { TestRow(lsn: update.lsn, bytes: $0) }
      }
      if random.chance(0.3) {
        // Closed and opened again: the last reference goes, and with it the lock.
        index = try reopened(&index, fixture, options)
      }
      #expect(try index.progress() == [lsn, lsn])
      let scrub = try index.scrubbed()
      #expect(scrub.damages == [])
      #expect(scrub.rows == UInt64(model.count))
    }
    for (key, row) in model { #expect(try index.row(key) == row) }
  }

  private func reopened(
    _ index: inout Index, _ fixture: Fixture, _ options: IndexOptions
  ) throws -> Index {
    let other = try Fixture()
    // The other takes the variable's place, so that nobody holds on to the first.
    index = try other.build([])
    return try fixture.opened(options: options)
  }

  /// A checkpoint over clean leaves takes several transactions; before each, the file is copied as a crash would leave it.
  @Test(
    "of several transactions say touched and complete truly at every commit, and are done again after a crash"
  )
  func cutShort() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.dirtyPagesMax = 40
    let rows = RowTests.rows(4_000).map { (key: $0.key, row: TestRow(lsn: 5, bytes: $0.row.bytes)) }
    let index = try fixture.build(rows, complete: 5, options: options)
    let updates = rows.map { TestUpdate(key: $0.key, lsn: 9, row: Array($0.row.bytes.reversed())) }

    let copies = Monitor<[[UInt8]]>([])
    let data = fixture.folder.data
    var lengths: [UInt64] = []
    var all = TestUpdates(updates)
    var writer = try index.writer()
    var count = 0
    let report = try writer.checkpoint(&all, through: LSN(9), note: unsafe [7, 7].span.bytes) {
      row, update, result in
      if count % 100 == 0, let copy = try? bytes(of: data), copies.withLock({ $0.last != copy }) {
        copies.withLock { $0.append(copy) }
        lengths.append(UInt64(copy.count))
      }
      count += 1
      return latest(row, update, &result)
    }
    #expect(report.transactions > 3)
    let images = copies.withLock { $0 }
    #expect(images.count >= report.transactions)

    var seen: Set<[UInt64]> = []
    for image in images {
      let crash = try Fixture()
      try RealDisk().makeFolder(crash.folder.path)
      try write(image, to: crash.folder.data)
      let index = try crash.opened()
      let progress = try index.progress()
      seen.insert(progress)
      #expect(progress == [5, 5] || progress == [9, 5])
      let newer = try rows.filter { try index.row($0.key)?.lsn == 9 }.count
      #expect((newer > 0) == (progress == [9, 5]))
      #expect(try index.scrubbed().isSound)
      try index.checkpoint(updates, through: 9, note: [7, 7])
      #expect(try index.progress() == [9, 9])
      #expect(try updates.allSatisfy { try index.row($0.key)?.bytes == $0.row })
      #expect(try index.scrubbed().isSound)
    }
    #expect(seen == [[5, 5], [9, 5]])
    #expect(writer.complete == LSN(9))
    #expect(try index.progress() == [9, 9])
  }

  @Test("of nothing raise complete")
  func empty() throws {
    let index = try Fixture().build([])
    let report = try index.checkpoint([], through: 70, note: [1])
    #expect(report.transactions == 1 && report.written == 0)
    #expect(try index.progress() == [70, 70])
  }

  @Test("over the quota are refused, change nothing, and go on when there is more")
  func quota() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.quotaByteCount = 1 << 20
    let updates = RowTests.rows(20_000).map { TestUpdate(key: $0.key, lsn: 2, row: $0.row.bytes) }
    do {
      let index = try fixture.build([], complete: 1, options: options)
      #expect(failure { try index.checkpoint(updates, through: 2) } == .full(.quota(byteCount: 1 << 20)))
      #expect(!index.isSuspect)
      #expect(try index.progress() == [1, 1])
      #expect(try index.row(updates[0].key) == nil)
      #expect(index.usedByteCount <= 1 << 20)
    }
    let index = try fixture.opened()
    try index.checkpoint(updates, through: 2)
    #expect(try index.scrubbed().rows == 20_000)
  }

  @Test("beyond the map are refused as full, and the index remains usable")
  func mapFull() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.mapByteCount = 1 << 20
    let index = try fixture.build([], complete: 1, options: options)
    let updates = RowTests.rows(20_000).map { TestUpdate(key: $0.key, lsn: 2, row: $0.row.bytes) }
    #expect(failure { try index.checkpoint(updates, through: 2) } == .full(.map))
    try index.checkpoint(Array(updates.prefix(100)), through: 2)
    #expect(try index.progress() == [2, 2])
    #expect(try index.scrubbed().rows == 100)
  }

  @Test("are whole or not there after a kill at any moment", .timeLimit(.minutes(2)))
  func killed() async throws {
    var random = SplitMix64(seed: 8)
    for _ in 0..<12 {
      let fixture = try Fixture()
      do { try fixture.build(Killed.rows(1), complete: 1) }
      let (parent, nanoseconds) = (fixture.temporary.path, random.within(1_000_000...60_000_000))
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [parent = parent as String, nanoseconds = nanoseconds as Int] in
        try Killed.live(in: parent, for: nanoseconds)
      }
      let index = try fixture.opened()
      let progress = try index.progress()
      #expect(progress[0] == progress[1] || progress[0] == progress[1] + 1)
      for (key, _) in Killed.rows(1) {
        let row = try #require(try index.row(key))
        #expect(progress.contains(row.lsn) && row == Killed.row(row.lsn))
      }
      #expect(try index.scrubbed().isSound)
      try index.checkpoint([], through: progress[0] + 1)
    }
  }

  @Test("whose commit fails are the last: the index is given up, and the next opening knows")
  func failedCommit() async throws {
    let fixture = try Fixture()
    do { try fixture.build(Killed.rows(1), complete: 1) }
    let parent = fixture.temporary.path
    await #expect(processExitsWith: .success) { [parent = parent as String] in
      let fixture = FlipFolder(parent)
      guard case .usable(let index) = try Index.open(fixture.folder, of: Fixture.storeID) else { _exit(1) }
      // A file that may not grow: no error of space, as LMDB sees it.
      _ = signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: rlim_t(index.usedByteCount), rlim_max: rlim_t(index.usedByteCount))
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let updates = Killed.rows(2).map { TestUpdate(key: $0.key, lsn: 2, row: $0.row.bytes) }
      for _ in 0..<2 {
        guard case .abandoned = failure({ try index.checkpoint(updates, through: 2) }) else { _exit(2) }
      }
      if !index.isSuspect { _exit(3) }
    }
    guard case .suspect(.marked) = try fixture.open() else {
      Issue.record("a failed commit left no mark")
      return
    }
  }

  @Test("with updates out of order, of an older LSN, or by a second writer are our own mistake, and trap")
  func wrongSelf() async {
    await #expect(processExitsWith: .failure) {
      let index = try Fixture().build([])
      let updates = [3, 2].map { TestUpdate(key: Keys.whole($0), lsn: 1, row: []) }
      try index.checkpoint(updates, through: 1)
    }
    await #expect(processExitsWith: .failure) {
      let index = try Fixture().build([], complete: 8)
      try index.checkpoint([], through: 7)
    }
    await #expect(processExitsWith: .failure) {
      let index = try Fixture().build([])
      let first = try index.writer()
      let second = try index.writer()
      _ = (first.complete, second.complete)
    }
  }
}
