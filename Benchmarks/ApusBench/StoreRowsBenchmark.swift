import ApusBytes
import ApusStore

/// What rows of 64 bytes, 1 KiB and 4 KiB cost: a vector of float32 each, read and appended.
enum StoreRowsBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    try [(16, "64 B", 400_000), (256, "1 KiB", 100_000), (1024, "4 KiB", 40_000)].flatMap {
      try compare(bench, count: $0, $1, entities: bench.size($2, toy: $2 / 400))
    }
  }

  private static func compare(
    _ bench: Bench, count: Int, _ name: String, entities: Int
  ) throws -> [Row] {
    let reads = bench.size(100_000, toy: 500)
    let shape = RowShape.vector(count)
    let owners = Shuffled(entities)

    // Appends, into a fresh store each time; the last of each is read.
    var (store, bare): (BenchStore?, BareLMDB?)
    var made: [String] = []
    defer {
      store?.store.abandon()
      for path in made { bench.scratch.remove(path) }
    }
    func fresh() -> String {
      made.append(bench.scratch.fresh())
      return made[made.count - 1]
    }
    let appends = try Turns(bench.longRounds) {
      store?.store.abandon()
      let next = try BenchStore(fresh(), bench, shape)
      store = next
      return try seconds {
        var pusher = BenchPusher(next)
        try pusher.push(entities) { owners[$0] }
        try next.store.checkpoint()
      }
    } peer: {
      guard let store else { throw BenchError("store rows: there is no store") }
      let next = try BareLMDB(fresh())
      bare = next
      return try seconds { try next.push(store, entities) { owners[$0] } }
    }
    guard let store, let bare else { throw BenchError("store rows: there is no store") }

    var reading = try BenchReading(store)
    var (ours, theirs) = ([AnswerHash](), [AnswerHash]())
    let turns = try Turns(bench.rounds) {
      try processorSeconds { ours.append(try reading.pass(reads, below: entities, seed: UInt64(ours.count))) }
    } peer: {
      try processorSeconds {
        theirs.append(try bare.pass(store, reads, below: entities, seed: UInt64(theirs.count)))
      }
    }
    var answers = AnswerHash()
    for (our, their) in zip(ours, theirs) {
      try our.check(their, "store rows, \(name)")
      answers.add(our.value)
    }
    return [
      Row(
        "read a row of \(name), against LMDB's get", ours: nanoseconds(turns.oursMedian, reads),
        peer: nanoseconds(turns.peerMedian, reads), turns.costs, answers: answers,
        note: "\(entities) entities; every byte looked at"),
      Row(
        "append and checkpoint rows of \(name), against unsynced LMDB puts",
        ours: rate(entities, appends.oursMedian), peer: rate(entities, appends.peerMedian), appends.speedups,
        answers: answers, note: "each entity once, shuffled, by the clock"),
    ]
  }
}
