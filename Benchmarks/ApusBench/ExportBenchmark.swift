import ApusSystem
import Foundation

/// Training sets by `apus export`, in Parquet, against DuckDB's `ASOF JOIN` and Polars' `join_asof` of the same events; *as known* against DuckDB with both
/// inequalities. Every cell of every tool must be the same. Each is a process of its own and has all cores; ours reads the store, which others
/// are spared, and checks what it reads.
enum ExportBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    guard let peer = try ExportPeer() else {
      complain("export: no interpreter with Polars and DuckDB, so there is nothing to compare with")
      return []
    }
    var rows: [Row] = []
    for (events, name, views) in [(1_000_000, "1 M", 1), (10_000_000, "10 M", 1), (10_000_000, "10 M", 3)] {
      rows += try compare(bench, peer, bench.size(events, toy: events / 500), name, views)
    }
    return rows
  }

  private static func compare(
    _ bench: Bench, _ peer: ExportPeer, _ events: Int, _ name: String, _ views: Int
  ) throws -> [Row] {
    let place = bench.scratch.fresh()
    try bench.disk.makeFolder(place)
    defer { bench.scratch.remove(place) }
    let labels = events / 10
    _ = try peer.ask(["make", place, "\(events)", "\(labels)", "\(views)"])
    try Data(definition(views).utf8).write(to: URL(filePath: place + "/bench.yaml"))
    let apus = try PeerProcess.sibling("apus")
    let data = place + "/store"
    _ = try peer.ask(["time", apus, "apply", place + "/bench.yaml", "--data", data])
    for view in 0..<views {
      _ = try peer.ask([
        "time", apus, "push", "v\(view)", "\(place)/events\(view).parquet", "--event-time", "ts",
        "--known-at",
        "column:known", "--data", data,
      ])
    }
    _ = try peer.ask(["time", apus, "compact", "--data", data])

    let export = [
      "time", apus, "export", "--spine", place + "/labels.parquet", "--time", "label_time", "--service", "s",
      "--data", data, "--out",
    ]
    let title = "\(name) events, \(views == 1 ? "1 view" : "\(views) views")"
    var happened = Turn()
    var known = Turn()
    var answers = AnswerHash()
    for _ in 0..<bench.longRounds {
      happened.ours.append(try peer.cost(export + [place + "/ours.parquet", "--ignore-known-at"]))
      happened.duckdb.append(
        try peer.cost(["duckdb", "happened", place, "\(views)", place + "/duck.parquet"]))
      happened.polars.append(
        try peer.cost(["polars", "happened", place, "\(views)", place + "/polars.parquet"]))
      known.ours.append(try peer.cost(export + [place + "/known.parquet"]))
      known.duckdb.append(
        try peer.cost(["duckdb", "known", place, "\(views)", place + "/duckknown.parquet"]))
    }
    for (ours, theirs) in [("ours", "duck"), ("ours", "polars"), ("known", "duckknown")] {
      let found = try peer.ask([
        "differ", place, "\(views)", "\(place)/\(ours).parquet", "\(place)/\(theirs).parquet",
      ])
      guard found == [Double(labels), 0] else { throw BenchError("export: \(ours) and \(theirs): \(found)") }
      answers.add(UInt64(labels))
    }
    return happened.rows("as happened, \(title)", labels, goal: 2, answers)
      + known.rows("as known, \(title)", labels, goal: 5, answers)
  }

  /// What each took, round by round.
  private struct Turn {
    var ours: [ExportPeer.Cost] = []
    var duckdb: [ExportPeer.Cost] = []
    var polars: [ExportPeer.Cost] = []

    /// Round by round, the best of the others over ours.
    private func ratios(_ figure: (ExportPeer.Cost) -> Double) -> [Double] {
      ours.indices.map { round in
        let others = [duckdb, polars].compactMap { $0.indices.contains(round) ? figure($0[round]) : nil }
        return (others.min() ?? 0) / figure(ours[round])
      }
    }

    private func told(_ costs: [ExportPeer.Cost], _ name: String) -> String? {
      costs.isEmpty ? nil : "\(name) \(Self.words(costs))"
    }

    private static func words(_ costs: [ExportPeer.Cost]) -> String {
      let seconds = Spread(costs.map(\.seconds)).median
      let memory = Spread(costs.map(\.peakByteCount)).median / 1_048_576
      return "\(decimal(seconds)) s, \(decimal(memory)) MiB"
    }

    func rows(_ name: String, _ labels: Int, goal: Double, _ answers: AnswerHash) -> [Row] {
      let peers = [told(duckdb, "DuckDB"), told(polars, "Polars")].compactMap { $0 }.joined(separator: "; ")
      return [
        Row(
          "export \(name)", ours: Self.words(ours), peer: peers, ratios(\.seconds), goal: .atLeast(goal),
          answers: answers, note: "\(labels) labels, 3 features of each view, to Parquet"),
        Row(
          "export \(name): processor time",
          ours: "\(decimal(Spread(ours.map(\.processorSeconds)).median)) s", peer: peers,
          ratios(\.processorSeconds), answers: answers),
        Row(
          "export \(name): peak memory", ours: Self.words(ours), peer: peers,
          ratios(\.peakByteCount).map { 1 / $0 }, goal: .atMost(0.5), answers: answers),
      ]
    }
  }

  private static func definition(_ views: Int) -> String {
    var lines = ["project: bench", "entities:", "  card: {keys: {card_id: int64}}", "views:"]
    for view in 0..<views {
      lines += ["  v\(view):", "    entity: card", "    ttl: none", "    features:"]
      for feature in 0..<3 {
        lines.append("      v\(view)f\(feature): {type: \(feature == 0 ? "int64" : "float64")}")
      }
    }
    lines += ["services:", "  s:", "    features:"]
    for view in 0..<views {
      lines.append("      - {view: v\(view), take: [v\(view)f0, v\(view)f1, v\(view)f2]}")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
