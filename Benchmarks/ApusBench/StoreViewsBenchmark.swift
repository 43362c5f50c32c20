import ApusStore

/// All of an entity's 25 views × 10 features in one read, against one view of it.
enum StoreViewsBenchmark {
  private static let views = 25

  static func run(_ bench: Bench) throws -> [Row] {
    let entities = bench.size(40_000, toy: 200)
    let reads = bench.size(40_000, toy: 500)
    let path = bench.scratch.fresh()
    defer { bench.scratch.remove(path) }
    let store = try BenchStore(path, bench, views: views)
    defer { store.store.abandon() }
    for view in 0..<views {
      var pusher = BenchPusher(store)
      try pusher.push(entities, view: view) { $0 }
    }
    try store.store.checkpoint()

    var all = try BenchReading(store, views: views)
    var one = try BenchReading(store)
    var (ofAll, ofOne) = ([AnswerHash](), [AnswerHash]())
    let turns = try Turns(bench.rounds) {
      try processorSeconds { ofAll.append(try all.pass(reads, below: entities, seed: UInt64(ofAll.count))) }
    } peer: {
      try processorSeconds { ofOne.append(try one.pass(reads, below: entities, seed: UInt64(ofOne.count))) }
    }
    // Every view of an entity says the same number: ten doubles that begin with sixteen times the entity's.
    func expected(_ seed: Int, _ views: Int) -> AnswerHash {
      var hash = AnswerHash()
      var random = Uniform(seed: UInt64(seed))
      for _ in 0..<reads {
        let number = random.below(entities)
        hash.add(Double(views * (10 * number * 16 + 45)).bitPattern)
      }
      return hash
    }
    var answers = AnswerHash()
    for round in ofAll.indices {
      try ofAll[round].check(expected(round, views), "store views")
      try ofOne[round].check(expected(round, 1), "store views, one")
      answers.add(ofAll[round].value)
    }
    return [
      Row(
        "read 25 views × 10 features of an entity, against one view",
        ours: nanoseconds(turns.oursMedian, reads), peer: nanoseconds(turns.peerMedian, reads), turns.costs,
        goal: .atMost(3), answers: answers, note: "\(entities) entities, uniform, in the index")
    ]
  }
}
