import ApusBytes
import ApusContracts
import ApusStore
import ApusWire

/// Why one key's values are what they are, in a store that holds ten events of every key: asked of `apus serve` over one connection, one
/// question after another, against GETs of the same keys that are asked in the same way.
enum ExplainBenchmark {
  static let eventsOfKey = 10
  private static let view = "v0"

  static func run(_ bench: Bench) throws -> [Row] {
    let keys = bench.size(1_000_000, toy: 200)
    let path = bench.scratch.fresh()
    defer { bench.scratch.remove(path) }
    try fill(bench, path, keys)
    let apus = try ApusPeer(bench, store: path, ServedEntities(count: keys))
    defer { apus.process.stop() }
    let connection = try apus.connection(views: 1)
    var random = Uniform(seed: 13)
    let asked = try (0..<bench.size(1_000, toy: 20)).map { _ in
      let entity = random.below(keys)
      return Asked(entity, try key(entity))
    }
    let gets = asked.enumerated().map { $1.get(id: UInt64($0) + 2) }
    let explains = asked.enumerated().map { $1.explain(id: UInt64($0) + 2) }
    let histories = asked.enumerated().map { $1.history(id: UInt64($0) + 2) }
    try check(connection, asked, explains, histories, keys)
    /// Microseconds of one answer: as they pass, or as the server has them of a processor.
    func ask(_ frames: [[UInt8]], _ type: MessageType, isProcessor: Bool) throws -> Double {
      let before = try apus.process.processorSeconds()
      let taken = try seconds {
        for frame in frames { _ = try ApusPeer.ask(connection, frame, type) }
      }
      let worked = try apus.process.processorSeconds() - before
      return (isProcessor ? worked : taken) / Double(frames.count) * 1e6
    }
    var answers = AnswerHash()
    answers.add(UInt64(keys * eventsOfKey))
    func row(
      _ name: String, _ frames: [[UInt8]], _ type: MessageType, isProcessor: Bool = false,
      goal: Row.Goal? = nil
    ) throws -> Row {
      let turns = try Turns(bench.longRounds) {
        try ask(frames, type, isProcessor: isProcessor)
      } peer: {
        try ask(gets, .get, isProcessor: isProcessor)
      }
      return Row(
        name, ours: "\(decimal(turns.oursMedian)) µs", peer: "\(decimal(turns.peerMedian)) µs", turns.costs,
        goal: goal, answers: answers,
        note: "\(keys * eventsOfKey) events, \(eventsOfKey) of them the key's; one connection, one at a time")
    }
    return [
      try row("EXPLAIN of one key, against GET", explains, .explain, goal: .atMost(20)),
      try row("the same, the server's processor time", explains, .explain, isProcessor: true),
      try row("HISTORY of one key, against GET", histories, .history),
      try row("the same, the server's processor time", histories, .history, isProcessor: true),
    ]
  }

  /// Ten events of every key, all but the last of them in history.
  private static func fill(_ bench: Bench, _ path: String, _ keys: Int) throws {
    let store = try BenchStore(path, bench)
    var pusher = BenchPusher(store)
    for update in 0..<eventsOfKey { try pusher.push(keys, from: update * keys) { $0 } }
    _ = try store.store.compact()
    try store.store.close()
  }

  private static func key(_ entity: Int) throws -> [UInt8] {
    var encoder = KeyEncoder()
    try encoder.append(int64: Int64(entity))
    return encoder.bytes.copied()
  }

  private struct Asked {
    let entity: Int
    private let key: [UInt8]

    init(_ entity: Int, _ key: [UInt8]) { (self.entity, self.key) = (entity, key) }

    func get(id: UInt64) -> [UInt8] {
      ApusPeer.frame(.get, id: id) { body in
        GetRequest.encode(handle: ApusPeer.handle, rows: 1, layout: .row, into: &body)
        body.write(short: unsafe key.span.bytes)
      }
    }

    func explain(id: UInt64) -> [UInt8] {
      ApusPeer.frame(.explain, id: id) { body in
        ExplainRequest.encode(handle: ApusPeer.handle, rows: 1, .newest, into: &body)
        body.write(short: unsafe key.span.bytes)
      }
    }

    func history(id: UInt64) -> [UInt8] {
      ApusPeer.frame(.history, id: id) { body in
        HistoryRequest(eventsMax: 100, view: view, key: key).encode(into: &body)
      }
    }
  }

  /// That the last event of each key wins, and the one before it comes second.
  private static func check(
    _ connection: LoadConnection, _ asked: [Asked], _ explains: [[UInt8]], _ histories: [[UInt8]], _ keys: Int
  ) throws {
    for (number, asked) in asked.prefix(20).enumerated() {
      let body = try ApusPeer.ask(connection, explains[number], .explain)
      let reply = try ExplainReply(decoding: unsafe body.span.bytes)
      for (place, cell) in reply.cells.enumerated() {
        func said(_ update: Int) -> ExplainReply.Said {
          .value(.float64(Double((update * keys + asked.entity) * 16 + place)))
        }
        guard cell.winner?.said == said(eventsOfKey - 1),
          cell.loser?.candidate.said == said(eventsOfKey - 2), cell.loser?.why == .older
        else { throw BenchError("EXPLAIN: \(cell)") }
      }
      let page = try ApusPeer.ask(connection, histories[number], .history)
      let told = try HistoryReply(decoding: unsafe page.span.bytes)
      guard told.events.count == eventsOfKey, told.events.last?.fate == .wins else {
        throw BenchError("HISTORY: \(told)")
      }
    }
  }
}
