// `ApusBench [--toy] [--only WORD] [--results FOLDER]`
//
// Every benchmark checks the answers it got, and a wrong one fails the run; a goal that is not met does not, because
// shared cores make figures jump. Exit codes: 0 all answers were right, 1 something failed, 2 the arguments are wrong.

import ApusSystem
import Glibc

/// What a run is told: how large, how often, where.
struct Bench {
  /// Small enough to run with the tests; its figures mean nothing.
  let isToy: Bool
  let disk = RealDisk()
  /// On the file system that is measured; gone when the run is over.
  let scratch: Scratch
  /// For those who draw what they measured.
  let plots = PlotBook()

  /// Many short rounds: what else the machine does then falls into few of them, and not into the median.
  var rounds: Int { isToy ? 1 : 25 }
  /// Rounds of what takes seconds.
  var longRounds: Int { isToy ? 1 : 5 }

  /// The larger of two sizes, unless it is a toy run.
  func size(_ real: Int, toy: Int) -> Int { isToy ? toy : real }

  /// What the largest benchmark leaves on the disk at once, with as much again to spare.
  var bytesNeeded: UInt64 { isToy ? 256 << 20 : 16 << 30 }

  static let all: [(name: String, run: @Sendable (Bench) throws -> [Row])] = [
    // First, while little was allocated that could be used again.
    ("memory", MemoryBenchmark.run),
    ("checksum", ChecksumBenchmark.run),
    ("append", AppendBenchmark.run),
    ("group commit", GroupCommitBenchmark.run),
    ("scan", ScanBenchmark.run),
    ("open", OpenBenchmark.run),
    ("store-read", StoreReadBenchmark.run),
    ("store-views", StoreViewsBenchmark.run),
    ("store-append", StoreAppendBenchmark.run),
    ("store-growth", StoreGrowthBenchmark.run),
    ("store-rows", StoreRowsBenchmark.run),
    ("bulk", BulkBenchmark.run),
    ("history", HistoryBenchmark.run),
    ("history-explain", ExplainBenchmark.run),
    ("export", ExportBenchmark.run),
    ("server-echo", ServerBenchmark.echo),
    ("server-pipelined", ServerBenchmark.pipelined),
    ("server-rows", ServerBenchmark.matrices),
    ("server-allocations", ServerBenchmark.allocations),
  ]

  static func run(_ words: [String]) -> Int32 {
    if let code = EchoPeer.serve(words) { return code }
    guard let arguments = Arguments(words) else {
      complain("usage: ApusBench [--toy] [--only WORD] [--results FOLDER]")
      return 2
    }
    do {
      let scratch = try Scratch(in: environment("APUS_BENCH_DIR") ?? arguments.results ?? ".")
      defer { scratch.remove() }
      let bench = Bench(isToy: arguments.isToy, scratch: scratch)
      let free = try bench.disk.freeBytes(at: scratch.path)
      guard free >= bench.bytesNeeded else {
        throw BenchError(
          "\(bench.bytesNeeded >> 20) MiB must be free on the file system, and \(free >> 20) are")
      }
      var rows: [Row] = []
      for (name, run) in all where arguments.wants(name) {
        complain("measuring: \(name)")
        rows += try run(bench)
      }
      let report = Report(rows, plots: bench.plots.plots, isToy: arguments.isToy)
      print(report.text, terminator: "")
      if let results = arguments.results { try report.write(to: results) }
      return 0
    } catch {
      complain("failed: \(error)")
      return 1
    }
  }

  private struct Arguments {
    var isToy = false
    var only: String?
    var results: String?

    /// What needs servers of other packages is asked for by its name when sizes are those of toys, which tests use.
    func wants(_ name: String) -> Bool {
      only.map { name.contains($0) }
        ?? !(isToy && (name.hasPrefix("server-") || name == "bulk" || name == "history-explain"))
    }

    init?(_ words: [String]) {
      var rest = words[...]
      while let word = rest.popFirst() {
        switch word {
        case "--toy": isToy = true
        case "--only":
          guard let next = rest.popFirst() else { return nil }
          only = next
        case "--results":
          guard let next = rest.popFirst() else { return nil }
          results = next
        default: return nil
        }
      }
    }
  }
}

/// A benchmark that cannot be believed, or cannot run.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func environment(_ name: String) -> String? {
  unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// Says something to whoever waits.
func complain(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}
