import ApusLog

/// How long an opening takes behind a clean stop, and behind a killed process with one long unfinished segment, whose cache the
/// opening drops: what it reads comes from the disk.
enum OpenBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let tail = bench.size(256 << 20, toy: 1 << 20)
    let count = tail / 4096
    let expected = AnswerHash.counting(to: count)
    var (killed, clean) = ([Double](), [Double]())
    for _ in 0..<bench.longRounds {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      var payload = Payload(byteCount: 4096)
      let made = try BenchLog.open(path, bench, segmentByteCount: UInt64(tail + tail / 4))
      let writer = try BenchLog.writer(of: made)
      let first = writer.nextLSN
      try BenchLog.fill(writer, with: &payload, count: count, group: 16)
      // An appender has synced 10 ms after the last frame; what comes later is not the opening's time.
      try writer.sync()
      writer.abandon()

      killed.append(try open(path, bench) { try BenchLog.read($0, from: first).check(expected, "open") })
      clean.append(try open(path, bench) { try BenchLog.read($0, from: first).check(expected, "open") })
    }
    func row(_ name: String, _ times: [Double]) -> Row {
      let milliseconds = times.map { $0 * 1000 }
      let median = "\(decimal(Spread(milliseconds).median)) ms"
      return Row(name, ours: median, milliseconds, unit: "ms", goal: .atMost(2000), answers: expected)
    }
    return [
      row("open, killed, a tail of \(tail >> 20) MiB", killed),
      row("open, clean stop, \(tail >> 20) MiB", clean),
    ]
  }

  private static func open(_ path: String, _ bench: Bench, check: (LogReader) throws -> Void) throws -> Double
  {
    var log: Log?
    let time = try seconds { log = try BenchLog.open(path, bench) }
    if let log {
      try check(log.reader)
      try log.close()
    }
    return time
  }
}
