import ApusBytes
import ApusLog
import Foundation

/// How much more memory the scan of a large log takes than that of a small one.
enum MemoryBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let small = bench.size(64 << 20, toy: 1 << 20)
    let large = bench.size(1 << 30, toy: 8 << 20)
    try proveSight()
    var growths: [Double] = []
    var (smallPeak, largePeak) = (0, 0)
    let (little, much) = (try Subject(bench, byteCount: small), try Subject(bench, byteCount: large))
    defer {
      bench.scratch.remove(little.path)
      bench.scratch.remove(much.path)
    }
    // Once before anything counts: what is allocated at first use is no growth.
    _ = try little.peak()
    for _ in 0..<bench.longRounds {
      smallPeak = try little.peak()
      largePeak = try much.peak()
      growths.append(Double(largePeak - smallPeak) / Double(1 << 10))
    }
    return [
      Row(
        "memory of a scan, \(large >> 20) MiB against \(small >> 20) MiB", ours: "\(largePeak) KiB peak",
        peer: "\(smallPeak) KiB peak", growths, unit: "MiB", goal: .atMost(4), answers: much.expected)
    ]
  }

  private struct Subject {
    let path: String
    let bench: Bench
    let first: LSN
    let expected: AnswerHash

    init(_ bench: Bench, byteCount: Int) throws {
      self.bench = bench
      path = bench.scratch.fresh()
      var payload = Payload(byteCount: 4096)
      let count = byteCount / payload.byteCount
      expected = .counting(to: count)
      let log = try BenchLog.open(path, bench, segmentByteCount: UInt64(bench.size(64 << 20, toy: 1 << 20)))
      let writer = try BenchLog.writer(of: log)
      first = writer.nextLSN
      try BenchLog.fill(writer, with: &payload, count: count, group: 16)
      try log.close()
    }

    /// The most memory that was resident while the log was opened, scanned and closed, in KiB.
    func peak() throws -> Int {
      try MemoryBenchmark.forgetPeak()
      let log = try BenchLog.open(path, bench)
      try BenchLog.read(log.reader, from: first).check(expected, "memory of a scan")
      try log.close()
      return try MemoryBenchmark.peak()
    }
  }

  /// A peak that does not show a block which surely was resident shows nothing.
  private static func proveSight() throws {
    try forgetPeak()
    let before = try peak()
    let block = ByteBlock(byteCount: 64 << 20)
    guard block.bytes.byteCount == block.byteCount, try peak() - before >= 48 << 10 else {
      throw BenchError("memory: a block of 64 MiB does not show in the peak")
    }
  }

  /// Lets the kernel count the peak anew from here.
  private static func forgetPeak() throws {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else {
      throw BenchError("memory: the kernel does not let its peak be forgotten")
    }
    try file.write(contentsOf: Data("5".utf8))
  }

  private static func peak() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let line,
      let peak = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) }
      )
    else { throw BenchError("memory: the kernel does not tell its peak") }
    return peak
  }
}
