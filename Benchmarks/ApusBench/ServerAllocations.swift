// How often the loop of `apus serve` asks for memory while it answers: never, once its buffers have grown. Counted in the
// real program, by a library in front of glibc's allocator, thread by thread.

import ApusWire
import Foundation

enum ServerAllocations {
  private static let passesMax = 60
  private static let quietPasses = 5

  static func run(
    _ bench: Bench, store: String, _ entities: ServedEntities, _ one: [[Int]], _ many: [[Int]]
  ) throws -> [Row] {
    guard let library = environment("APUS_BENCH_PROBE") else {
      throw BenchError(
        "server allocations: APUS_BENCH_PROBE must name the library that counts (Benchmarks/run.sh)")
    }
    let board = try Board(bench.scratch.fresh())
    let apus = try ApusPeer(
      bench, store: store, entities,
      environment: ["LD_PRELOAD": library, "APUS_PROBE_FILE": board.path])
    defer { apus.process.stop() }
    let loop = { try board.asked(byThread: "apus-loop-0", of: apus.process.identifier) }

    let views = ServedEntities.views
    let kinds: [(String, [[Int]], Int, ReplyLayout, Int)] = [
      ("one row", one, 1, .row, bench.size(20_000, toy: 200)),
      ("100 rows × 50 features, columns", many, views, .columns, bench.size(2_000, toy: 20)),
      ("100 rows × 50 features, dense", many, views, .denseFloat64, bench.size(2_000, toy: 20)),
    ]
    return try kinds.map { name, asked, views, layout, count in
      let start = try loop()
      let plan = try apus.plan(asked, views: views, layout)
      let connections = try (0..<4).map { _ in try apus.connection(views: views) }
      guard try loop() > start else { throw BenchError("server allocations: nobody counts") }
      try settle(bench) {
        try answer(plan, connections, count)
      } asked: {
        try loop()
      }
      let passes = bench.isToy ? 1 : 3
      let before = try loop()
      var hash = AnswerHash()
      for _ in 0..<passes { hash.add(try answer(plan, connections, count)) }
      let made = try loop() - before
      let gets = passes * count * (1 + connections.count)
      return Row(
        "allocations a GET, \(name)", ours: "\(made) in \(gets) GETs",
        [Double(made) / Double(gets)], unit: "a GET", goal: .atMost(0), answers: hash,
        note: "in the loop of apus serve")
    }
  }

  /// Goes on until every buffer that goes round has once been as large as it must be. Which do is a matter of chance, so one
  /// pass that asks for nothing is not the last word.
  private static func settle(_ bench: Bench, _ pass: () throws -> Void, asked: () throws -> UInt64) throws {
    var before = try asked()
    var quiet = 0
    for _ in 0..<(bench.isToy ? 3 : passesMax) where quiet < quietPasses {
      try pass()
      let now = try asked()
      quiet = now == before ? quiet + 1 : 0
      before = now
    }
  }

  /// One after another on one connection, then pipelined on all.
  @discardableResult
  private static func answer(_ plan: LoadPlan, _ connections: [LoadConnection], _ count: Int) throws -> UInt64
  {
    let what = "server allocations"
    let alone = try plan.oneByOne(connections[0], first: 0, count: count, what)
    return alone.sum &+ (try plan.pipelined(connections, window: 8, count: count, what))
  }

  /// The file that the library counts into.
  private struct Board {
    private static let threads = 1_024
    private static let entryByteCount = 16
    let path: String

    init(_ path: String) throws {
      self.path = path
      let zeroes = Data(count: Self.threads * Self.entryByteCount)
      guard FileManager.default.createFile(atPath: path, contents: zeroes) else {
        throw BenchError("\(path) cannot be made")
      }
    }

    /// The sum over the threads of a process that have this name.
    func asked(byThread name: String, of process: Int32) throws -> UInt64 {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      var sum: UInt64?
      for at in stride(from: 0, to: bytes.count, by: Self.entryByteCount) {
        let (thread, asked) = unsafe bytes.withUnsafeBytes {
          unsafe (
            $0.loadUnaligned(fromByteOffset: at, as: Int32.self),
            $0.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
          )
        }
        if thread == 0 { break }
        let words = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/comm", encoding: .utf8)
        if words?.trimmingCharacters(in: .newlines) == name { sum = (sum ?? 0) + asked }
      }
      guard let sum else { throw BenchError("server allocations: no thread \(name) is counted") }
      return sum
    }
  }
}
