import ApusBytes
import ApusStore

/// Rows written until they are durable and in the index, against puts of bare LMDB, at three densities of updates to keys.
///
/// Unsynced puts are the fastest that LMDB can do, and may be lost. Puts that are synced every thousand, which is what a
/// batch has here, are the peer of equal durability.
///
/// At 10 k keys the goal of five is out of reach of this design. The appending thread is the bound: some 0.45 µs a row, of which a third to a half is the kernel's, for the
/// bytes of the log in its cache, the syncs, and memory for a version of each update that was not there before (cleared page by page; huge pages made it dearer, by half of the
/// thread's time). An unsynced put has none of these, and 10 k keys fit the processor's caches, so it is as cheap there as it gets.
enum StoreAppendBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let updates = bench.size(1_000_000, toy: 4_000)
    return try [
      ("10 k", bench.size(10_000, toy: 500), Row.Goal.atLeast(5)),
      ("1 M", bench.size(1_000_000, toy: 4_000), nil),
      ("10 M", bench.size(10_000_000, toy: 40_000), Row.Goal.atLeast(1)),
    ].flatMap { try compare(bench, updates, keys: $1, $0, $2) }
  }

  private static func compare(
    _ bench: Bench, _ updates: Int, keys: Int, _ name: String, _ goal: Row.Goal?
  ) throws -> [Row] {
    // Whose each update is: drawn before anything is measured.
    var random = Uniform(seed: UInt64(keys))
    let owners = (0..<updates).map { _ in UInt32(truncatingIfNeeded: random.below(keys)) }
    var newest: [UInt32: Int] = [:]
    for (number, owner) in owners.enumerated() { newest[owner] = number }
    let asked = newest.keys.sorted().enumerated().filter { $0.offset % max(1, newest.count / 20_000) == 0 }
      .map(\.element)
    var expected = AnswerHash()
    for owner in asked { expected.add(Double(10 * (newest[owner] ?? 0) * 16 + 45).bitPattern) }

    var (ourProcessor, peerProcessor) = ([Double](), [Double]())
    var syncedWall: [Double] = []
    var checkpointShare: [Double] = []
    func ours() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let store = try BenchStore(path, bench)
      defer { store.store.abandon() }
      var pusher = BenchPusher(store)
      var (wall, pushed) = (0.0, 0.0)
      ourProcessor.append(
        try allProcessorSeconds {
          wall = try seconds {
            pushed = try seconds { try pusher.push(updates) { Int(owners[$0]) } }
            try store.store.checkpoint()
          }
        })
      checkpointShare.append(wall - pushed)
      var reading = try BenchReading(store)
      var hash = AnswerHash()
      for owner in asked { hash.add(try reading.sum(Int(owner))) }
      try hash.check(expected, "store append, \(name)")
      return wall
    }
    func peer(isSynced: Bool) throws -> (wall: Double, processor: Double) {
      let (path, storePath) = (bench.scratch.fresh(), bench.scratch.fresh())
      defer {
        bench.scratch.remove(path)
        bench.scratch.remove(storePath)
      }
      // For its keys alone.
      let store = try BenchStore(storePath, bench)
      defer { store.store.abandon() }
      let bare = try BareLMDB(path, isSynced: isSynced)
      var wall = 0.0
      let processor = try allProcessorSeconds {
        wall = try seconds { try bare.push(store, updates) { Int(owners[$0]) } }
      }
      var hash = AnswerHash()
      var key = store.key()
      let at = store.valueByteCount - store.shape.byteCount
      for owner in asked {
        try key.set(Int(owner))
        unsafe hash.add(
          try bare.read(key.bytes) { unsafe store.shape.sum(UnsafeRawBufferPointer(rebasing: $0[at...])) })
      }
      try hash.check(expected, "store append, \(name), bare")
      return (wall, processor)
    }
    // Rounds of minutes on a busy machine: who waits sees how far it is.
    func told(_ who: String, _ measure: () throws -> Double) rethrows -> Double {
      let time = try measure()
      if !bench.isToy { complain("  \(name) keys, \(who): \(decimal(time)) s") }
      return time
    }
    let turns = try Turns(bench.longRounds, warmsUp: false) {
      try told("ours", ours)
    } peer: {
      syncedWall.append(try told("synced peer") { try peer(isSynced: true).wall })
      return try told("peer") {
        let (wall, processor) = try peer(isSynced: false)
        peerProcessor.append(processor)
        return wall
      }
    }
    let processor = zip(ourProcessor, peerProcessor).map { $1 / $0 }
    return [
      Row(
        "append and checkpoint, \(name) keys, against unsynced LMDB puts",
        ours: rate(updates, turns.oursMedian), peer: rate(updates, turns.peerMedian), turns.speedups,
        goal: goal,
        answers: expected,
        note:
          "\(updates) updates, by the clock; \(decimal(Spread(checkpointShare).median)) s of it behind the last ack"
      ),
      Row(
        "the same, \(name) keys, against LMDB puts synced every \(BenchPusher.rowsPerBatch)",
        ours: rate(updates, turns.oursMedian), peer: rate(updates, Spread(syncedWall).median),
        zip(turns.ours, syncedWall).map { $1 / $0 }, answers: expected, note: "equal durability, by the clock"
      ),
      Row(
        "the same, \(name) keys, against unsynced LMDB puts, by processor time of all threads",
        ours: nanoseconds(Spread(ourProcessor).median, updates),
        peer: nanoseconds(Spread(peerProcessor).median, updates), processor, answers: expected),
    ]
  }
}

func rate(_ count: Int, _ seconds: Double) -> String { "\(decimal(Double(count) / seconds / 1e6)) M rows/s" }
