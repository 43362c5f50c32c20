// `apus serve` at its sockets: against a bare echo, which is the limit, and against Redis with packed values. Requests were
// made beforehand, one thread sends them to all, and every answer is summed and held against what it must be.

import ApusWire

enum ServerBenchmark {
  private static let connections = 16
  private static let window = 16
  private static let rows = 100

  static func echo(_ bench: Bench) throws -> [Row] {
    try served(bench) { path, entities in
      let apus = try ApusPeer(bench, store: path, entities)
      defer { apus.process.stop() }
      return try echoed(bench, apus, entities.asked(requests: bench.size(20_000, toy: 100), rows: 1))
    }
  }

  static func pipelined(_ bench: Bench) throws -> [Row] {
    try served(bench) { path, entities in
      let redis = try RedisPeer(bench, entities)
      let apus = try ApusPeer(bench, store: path, entities)
      defer {
        apus.process.stop()
        redis.process.stop()
      }
      let one = entities.asked(requests: bench.size(20_000, toy: 100), rows: 1)
      return try pipelined(bench, apus, redis, one)
    }
  }

  static func matrices(_ bench: Bench) throws -> [Row] {
    try served(bench) { path, entities in
      let redis = try RedisPeer(bench, entities)
      let apus = try ApusPeer(bench, store: path, entities)
      defer {
        apus.process.stop()
        redis.process.stop()
      }
      let many = entities.asked(requests: bench.size(1_000, toy: 10), rows: rows)
      return try matrices(bench, apus, redis, many)
    }
  }

  static func allocations(_ bench: Bench) throws -> [Row] {
    try served(bench) { path, entities in
      try ServerAllocations.run(
        bench, store: path, entities, entities.asked(requests: bench.size(20_000, toy: 100), rows: 1),
        entities.asked(requests: bench.size(1_000, toy: 10), rows: rows))
    }
  }

  /// A store that is filled, for a server to open.
  private static func served(_ bench: Bench, _ body: (String, ServedEntities) throws -> [Row]) throws -> [Row]
  {
    let entities = ServedEntities(count: bench.size(100_000, toy: 300))
    let path = bench.scratch.fresh()
    defer {
      Processors.free()
      bench.scratch.remove(path)
    }
    try entities.fill(path, bench)
    return try body(path, entities)
  }

  // MARK: One in flight

  /// Latencies of rounds in turns.
  private struct Latencies {
    let middles: Turns
    /// Of each side, round by round.
    let tails: (ours: [Double], peer: [Double])
    let answers: AnswerHash

    typealias Side = (plan: LoadPlan, connection: LoadConnection)

    init(_ bench: Bench, count: Int, _ what: String, ours: Side, peer: Side) throws {
      var tails = (ours: [Double](), peer: [Double]())
      var answers = AnswerHash()
      var first = (ours: 0, peer: 0)
      middles = try Turns(bench.rounds) {
        let (times, sum) = try ours.plan.oneByOne(ours.connection, first: first.ours, count: count, what)
        answers.add(sum)
        first.ours += count
        tails.ours.append(Self.quantile(times, 0.99))
        return Self.quantile(times, 0.5)
      } peer: {
        let (times, _) = try peer.plan.oneByOne(peer.connection, first: first.peer, count: count, what)
        first.peer += count
        tails.peer.append(Self.quantile(times, 0.99))
        return Self.quantile(times, 0.5)
      }
      // The first round of each only warmed up.
      self.tails = (Array(tails.ours.dropFirst()), Array(tails.peer.dropFirst()))
      self.answers = answers
    }

    private static func quantile(_ times: [UInt64], _ part: Double) -> Double {
      let sorted = times.sorted()
      return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1e9
    }

    var tailRatios: [Double] { zip(tails.ours, tails.peer).map { $0 / $1 } }

    func rows(_ what: String, against peer: String, goal: Row.Goal?, note: String) -> [Row] {
      [
        Row(
          "\(what), p50, against \(peer)", ours: micro(middles.oursMedian), peer: micro(middles.peerMedian),
          middles.costs, goal: goal, answers: answers, note: note),
        Row(
          "\(what), p99, against \(peer)", ours: micro(Spread(tails.ours).median),
          peer: micro(Spread(tails.peer).median), tailRatios, answers: answers, note: note),
      ]
    }
  }

  private static func micro(_ seconds: Double) -> String { "\(decimal(seconds * 1e6)) µs" }

  private static func echoed(_ bench: Bench, _ apus: ApusPeer, _ asked: [[Int]]) throws -> [Row] {
    let plan = try apus.plan(asked, views: 1, .row)
    let echo = try EchoPeer(bench, like: plan)
    defer { echo.process.stop() }
    let count = bench.size(2_000, toy: 50)
    let note =
      "one connection, one in flight; \(plan.requestByteCount) bytes there, \(plan.replyByteCount) back"
    return try [false, true].flatMap { isUnix in
      let what = "one row × 10 features over \(isUnix ? "a Unix socket" : "TCP")"
      let both = try Latencies(
        bench, count: count, what, ours: (plan, apus.connection(views: 1, isUnix: isUnix)),
        peer: (echo.plan, echo.connection(isUnix: isUnix)))
      return both.rows(what, against: "a bare echo", goal: isUnix ? nil : .atMost(1.15), note: note)
    }
  }

  private static func matrices(
    _ bench: Bench, _ apus: ApusPeer, _ redis: RedisPeer, _ asked: [[Int]]
  ) throws -> [Row] {
    let theirs = redis.many(asked)
    let count = bench.size(200, toy: 5)
    let views = ServedEntities.views
    let layouts: [(ReplyLayout, String)] = [(.columns, "columns"), (.denseFloat64, "dense")]
    return try layouts.flatMap { layout, name in
      let ours = try apus.plan(asked, views: views, layout)
      let what = "\(rows) rows × \(10 * views) features over \(views) views, \(name)"
      let both = try Latencies(
        bench, count: count, what, ours: (ours, apus.connection(views: views)),
        peer: (theirs, redis.connection()))
      return both.rows(
        what, against: "Redis MGET", goal: .atMost(0.5),
        note:
          "one in flight; the same \(8 * rows * 10 * views) bytes of values, Redis's as \(rows * views) packed"
      )
    }
  }

  // MARK: Many in flight

  private static func pipelined(
    _ bench: Bench, _ apus: ApusPeer, _ redis: RedisPeer, _ asked: [[Int]]
  ) throws -> [Row] {
    let plans = (ours: try apus.plan(asked, views: 1, .row), peer: redis.one(asked))
    let ours = try (0..<connections).map { _ in try apus.connection(views: 1) }
    let peers = try (0..<connections).map { _ in try redis.connection() }
    let count = bench.size(12_500, toy: 20)
    var processor = (ours: [Double](), peer: [Double]())
    var answers = AnswerHash()
    let what = "one row × 10 features, \(connections) connections × \(window) in flight"
    let turns = try Turns(bench.isToy ? 1 : 11) {
      let before = try apus.process.processorSeconds()
      let time = try seconds {
        answers.add(try plans.ours.pipelined(ours, window: window, count: count, what))
      }
      processor.ours.append(try apus.process.processorSeconds() - before)
      return time
    } peer: {
      let before = try redis.process.processorSeconds()
      let time = try seconds { _ = try plans.peer.pipelined(peers, window: window, count: count, what) }
      processor.peer.append(try redis.process.processorSeconds() - before)
      return time
    }
    let requests = count * connections
    let costs = zip(processor.ours, processor.peer).dropFirst().map { $0 / $1 }
    return [
      Row(
        "\(what): requests a second, against Redis GET",
        ours: "\(decimal(Double(requests) / turns.oursMedian / 1e3)) k/s",
        peer: "\(decimal(Double(requests) / turns.peerMedian / 1e3)) k/s", turns.speedups,
        goal: .atLeast(1.5), answers: answers,
        note: "one loop against one thread; the driver has the other processor"),
      Row(
        "the same: server processor time a request",
        ours: nanoseconds(Spread(Array(processor.ours.dropFirst())).median, requests),
        peer: nanoseconds(Spread(Array(processor.peer.dropFirst())).median, requests), costs,
        goal: .atMost(0.7), answers: answers, note: "all threads, user and kernel"),
    ]
  }
}
