// The logs that benchmarks write and read.

import ApusBytes
import ApusLog
import ApusSystem

enum BenchLog {
  /// A generator that always says the same, so that a log's bytes differ only by their times.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64 = 42
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state
    }
  }

  static func open(
    _ path: String, _ bench: Bench, segmentByteCount: UInt64 = Format.segmentByteCount
  ) throws -> sending Log {
    var options = LogOptions()
    options.segmentByteCount = segmentByteCount
    var random = Seeded()
    return try Log.open(path, on: bench.disk, clock: SystemClock(), random: &random, options: options)
  }

  static func writer(of log: Log) throws -> LogWriter {
    guard let writer = log.writer else { throw BenchError("the log was opened read-only: \(log.report)") }
    return writer
  }

  /// Bytes a frame takes in its file.
  static func frameByteCount(payload: Int) -> Int { Format.frameHeaderByteCount + (payload + 7) / 8 * 8 }

  /// Appends `count` numbered frames in groups, flushing behind each.
  static func fill(_ writer: LogWriter, with payload: inout Payload, count: Int, group: Int) throws {
    // As the appender does: one look at the clocks for all that waited together.
    var moment = try writer.moment()
    for number in 0..<count {
      payload.number(number)
      _ = try writer.append(recordCount: 1, payload: payload.bytes, at: moment)
      if (number + 1) % group == 0 {
        try writer.flush()
        moment = try writer.moment()
      }
    }
    try writer.flush()
  }

  /// Reads every frame from `first` on; their numbers are the answers.
  static func read(_ reader: LogReader, from first: LSN) throws -> AnswerHash {
    var hash = AnswerHash()
    var scanner = try reader.scan(from: first, .written)
    while try scanner.next() != nil { hash.add(Payload.number(of: scanner.payload)) }
    return hash
  }

  /// The files of a log's segments, in order.
  static func segments(of path: String, _ bench: Bench) throws -> [String] {
    try bench.disk.names(in: path + "/log").map { "\(path)/log/\($0)" }
  }
}
