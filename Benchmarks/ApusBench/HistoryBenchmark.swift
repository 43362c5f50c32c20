import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusStore
import ApusSystem

/// What runs cost: to write, to verify, to merge, to make an index of, and to ask for one key.
enum HistoryBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let subject = try HistorySubject(keys: bench.size(100_000, toy: 200))
    let peer = try HistoryPeer()
    return try whole(bench, subject, peer) + oneKey(bench, subject, peer) + [
      merge(bench), rebuild(bench),
    ]
  }

  private static let id = HistoryFileID(store: Array(repeating: 3, count: 16), file: 1)

  private static func write(
    _ bench: Bench, _ subject: HistorySubject, _ path: String
  ) throws -> RunAttributes {
    let file = try bench.disk.open(path, .create)
    defer { file.close() }
    let writer = try RunWriter(file, id, subject.schema, lsns: subject.lsns)
    try writer.append(all: subject.events)
    return try writer.finish()
  }

  private static func open(
    _ bench: Bench, _ subject: HistorySubject, _ path: String, _ attributes: RunAttributes
  ) throws -> RunReader {
    try RunReader(bench.disk.open(path, .read), id, first: subject.lsns.first, attributes)
  }

  /// Goes over all events; the sum of their LSNs.
  private static func sum(_ events: any EventCursor) throws -> UInt64 {
    var sum: UInt64 = 0
    while try events.advance() { sum &+= events.current.head.lsn.rawValue }
    return sum
  }

  private static func answers(_ sum: UInt64) -> AnswerHash {
    var hash = AnswerHash()
    hash.add(sum)
    return hash
  }

  private static func check(_ found: UInt64, _ expected: UInt64, _ what: String) throws {
    guard found == expected else { throw BenchError("\(what): LSNs sum to \(found), not \(expected)") }
  }

  // MARK: All of a run

  private static func whole(
    _ bench: Bench, _ subject: HistorySubject, _ peer: HistoryPeer?
  ) throws -> [Row] {
    let path = bench.scratch.fresh()
    defer { bench.scratch.remove(path) }
    let attributes = try write(bench, subject, path)
    let reader = try open(bench, subject, path, attributes)
    let expected = subject.sum
    func row(
      _ name: String, _ theirs: [String], _ work: @escaping () throws -> Void
    ) throws -> Row {
      guard let peer else {
        let times = try (0..<bench.longRounds).map { _ in try processorSeconds(work) }
        return Row(
          name, ours: rate(subject.count, Spread(times).median),
          times.map { Double(subject.count) / $0 / 1e6 },
          unit: "M/s", answers: answers(expected))
      }
      let turns = try Turns(bench.longRounds) {
        try processorSeconds(work)
      } peer: {
        let answer = try peer.ask(theirs)
        try check(answer.lsns, expected, theirs[0])
        return answer.seconds
      }
      return Row(
        name, ours: rate(subject.count, turns.oursMedian),
        peer: "pyarrow " + rate(subject.count, turns.peerMedian),
        turns.speedups, answers: answers(expected), note: "\(attributes.size >> 10) KiB")
    }
    let again = bench.scratch.fresh()
    defer { bench.scratch.remove(again) }
    var rows = [
      try row("write a run of sorted events", ["write", path, again]) {
        let made = bench.scratch.fresh()
        defer { bench.scratch.remove(made) }
        guard try write(bench, subject, made).digest == attributes.digest else {
          throw BenchError("write: another digest")
        }
      },
      try row("read a run as events", ["read", path]) { try check(sum(reader.events()), expected, "read") },
    ]
    let verified = try (0..<bench.longRounds).map { _ in try processorSeconds { try reader.verify() } }
    rows.append(
      Row(
        "verify a run", ours: rate(subject.count, Spread(verified).median),
        verified.map { Double(subject.count) / $0 / 1e6 }, unit: "M/s", answers: answers(expected)))
    return rows
  }

  // MARK: One key

  private static func oneKey(
    _ bench: Bench, _ subject: HistorySubject, _ peer: HistoryPeer?
  ) throws -> [Row] {
    let path = bench.scratch.fresh()
    defer { bench.scratch.remove(path) }
    let attributes = try write(bench, subject, path)
    let reader = try open(bench, subject, path, attributes)
    var random = Uniform(seed: 11)
    let asked = try (0..<bench.size(1_000, toy: 10)).map { _ in
      try HistorySubject.key(random.below(subject.keys))
    }
    func ask(_ keys: [[UInt8]]) throws -> (events: Int, lsns: UInt64) {
      var (events, lsns) = (0, UInt64(0))
      for key in keys {
        let found = try reader.events(of: unsafe key.span.bytes)
        events += found.count
        for place in 0..<found.count { lsns &+= found.head(place).lsn.rawValue }
      }
      return (events, lsns)
    }
    let expected = try ask(asked)
    guard expected.events == asked.count * HistorySubject.eventsOfKey else {
      throw BenchError("one key: \(expected.events) events")
    }
    let times = try (0..<bench.longRounds).map { _ in try processorSeconds { _ = try ask(asked) } }
    let each = times.map { $0 / Double(asked.count) * 1e6 }
    var rows = [
      Row(
        "one key's history", ours: "\(decimal(Spread(each).median)) µs", each, unit: "µs",
        answers: answers(expected.lsns),
        note: "\(subject.count) events, \(HistorySubject.eventsOfKey) of them the key's")
    ]
    guard let peer else { return rows }
    for tool in ["pyarrow", "polars", "duckdb"] {
      let few = Array(asked.prefix(bench.size(10, toy: 2)))
      let sum = try ask(few)
      let words = few.map { key in
        key.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      }
      let theirs = try (0..<max(2, bench.longRounds / 2)).map { _ in
        let answer = try peer.ask([tool, path] + words)
        guard answer.events == sum.events, answer.lsns == sum.lsns else {
          throw BenchError("\(tool): \(answer)")
        }
        return answer.seconds / Double(few.count) * 1e6
      }
      let ours = Spread(each).median
      rows.append(
        Row(
          "one key's history, against \(tool) on the same file", ours: "\(decimal(ours)) µs",
          peer: "\(decimal(Spread(theirs).median)) µs", theirs.map { $0 / ours },
          answers: answers(sum.lsns)))
    }
    return rows
  }

  // MARK: Merges and rebuilds

  private static func merge(_ bench: Bench) throws -> Row {
    let parts = 4
    var runs: [RunReader] = []
    var expected: UInt64 = 0
    var count = 0
    for part in 0..<parts {
      let subject = try HistorySubject(keys: bench.size(50_000, toy: 100), part: part, of: parts)
      let path = bench.scratch.fresh()
      runs.append(try open(bench, subject, path, write(bench, subject, path)))
      (expected, count) = (subject.sum, subject.count)
    }
    defer { for run in runs { bench.scratch.remove(run.path) } }
    let times = try (0..<bench.longRounds).map { _ in
      try processorSeconds { try check(sum(RunMerge(runs.map { $0.events() })), expected, "merge") }
    }
    return Row(
      "merge \(parts) runs", ours: rate(count, Spread(times).median), times.map { Double(count) / $0 / 1e6 },
      unit: "M/s", answers: answers(expected))
  }

  /// An index made anew from runs: each entity with one event.
  private static func rebuild(_ bench: Bench) throws -> Row {
    let entities = bench.size(1_000_000, toy: 1_000)
    let path = bench.scratch.fresh()
    defer { bench.scratch.remove(path) }
    let owners = Shuffled(entities)
    do {
      let store = try BenchStore(path, bench)
      var pusher = BenchPusher(store)
      try pusher.push(entities) { owners[$0] }
      try store.store.compact()
      try store.store.close()
    }
    let times = try (0..<bench.longRounds).map { _ in
      bench.scratch.remove(path + "/index")
      var store: BenchStore?
      let taken = try allProcessorSeconds { store = try BenchStore(path, bench) }
      guard let store, case .rebuilt = store.store.report.index else {
        throw BenchError("rebuild: the index was not made anew")
      }
      let rows = Int(try store.store.scrub().rows)
      guard rows == entities else { throw BenchError("rebuild: \(rows) rows") }
      try store.store.close()
      return taken
    }
    return Row(
      "make an index anew from runs", ours: rate(entities, Spread(times).median),
      times.map { Double(entities) / $0 / 1e6 }, unit: "M/s", goal: .atLeast(1),
      answers: answers(UInt64(entities)), note: "ten float64; by processor time, LMDB's pages included")
  }
}
