import ApusBytes
import ApusStore
import CAllocations

/// One row of ten features, read in the process, against LMDB's own `get` of as many bytes; and how often a read asks for
/// memory, which is never.
enum StoreReadBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let entities = bench.size(1_000_000, toy: 10_000)
    let reads = bench.size(200_000, toy: 2_000)
    let path = bench.scratch.fresh()
    let barePath = bench.scratch.fresh()
    defer {
      bench.scratch.remove(path)
      bench.scratch.remove(barePath)
    }
    // All of it stays in the overlay until the checkpoint.
    let store = try BenchStore(path, bench) { options in
      options.generationByteCount = 1 << 30
      options.overlayByteCountBudget = 2 << 30
      options.generationAgeNanoseconds = .max
    }
    defer { store.store.abandon() }
    var pusher = BenchPusher(store)
    try pusher.push(entities) { $0 }
    let bare = try BareLMDB(barePath)
    try bare.push(store, entities) { $0 }

    var rows = [try compare(bench, store, bare, entities, reads, "in the overlay", nil)]
    try store.store.checkpoint()
    rows.insert(
      try compare(bench, store, bare, entities, reads, "in the index", .atMost(1.3)), at: 0)
    rows.append(try allocations(store, entities, reads))
    return rows
  }

  private static func compare(
    _ bench: Bench, _ store: BenchStore, _ bare: BareLMDB, _ entities: Int, _ reads: Int, _ place: String,
    _ goal: Row.Goal?
  ) throws -> Row {
    var reading = try BenchReading(store)
    var seed: UInt64 = 0
    var all = AnswerHash()
    var (ours, theirs) = ([AnswerHash](), [AnswerHash]())
    let turns = try Turns(bench.rounds) {
      try processorSeconds { ours.append(try reading.pass(reads, below: entities, seed: UInt64(ours.count))) }
    } peer: {
      try processorSeconds {
        theirs.append(try bare.pass(store, reads, below: entities, seed: UInt64(theirs.count)))
      }
    }
    for (our, their) in zip(ours, theirs) {
      try our.check(their, "store read, \(place)")
      all.add(our.value)
      seed += 1
    }
    return Row(
      "read one row × 10 features, \(place), against LMDB's get", ours: nanoseconds(turns.oursMedian, reads),
      peer: nanoseconds(turns.peerMedian, reads), turns.costs, goal: goal, answers: all,
      note: "\(entities) entities, uniform; ttl and status judged")
  }

  /// Counted by an allocator in front of glibc's. One that is not 0 fails the run: it is a promise, and no figure.
  private static func allocations(_ store: BenchStore, _ entities: Int, _ reads: Int) throws -> Row {
    guard apus_allocations_counted() != 0 else { throw BenchError("store read: nobody counts allocations") }
    let start = apus_allocations()
    let proof = [UInt8](repeating: 1, count: 4096 + reads)
    guard apus_allocations() > start, proof.count > 4096 else {
      throw BenchError("store read: the counter does not count")
    }
    var reading = try BenchReading(store)
    // A reader's bookmarks grow with what is read, until they do not.
    var (seed, grown) = (100 as UInt64, UInt64.max)
    while grown > 0, seed < 120 {
      let before = apus_allocations()
      _ = try reading.pass(max(reads, 4 * entities), below: entities, seed: seed)
      grown = UInt64(clamping: apus_allocations() - before)
      seed += 1
    }
    let before = apus_allocations()
    let hash = try reading.pass(reads, below: entities, seed: 2)
    let made = apus_allocations() - before
    guard made == 0 else { throw BenchError("store read: \(made) allocations in \(reads) reads") }
    return Row(
      "allocations a read", ours: "\(made) in \(reads) reads", [Double(made) / Double(reads)], unit: "a read",
      goal: .atMost(0), answers: hash)
  }
}

func nanoseconds(_ seconds: Double, _ count: Int) -> String { "\(decimal(seconds * 1e9 / Double(count))) ns" }
