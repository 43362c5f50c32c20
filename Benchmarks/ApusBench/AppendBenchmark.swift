import ApusBytes
import ApusLog
import ApusSystem

/// Buffered append against a bare `pwrite` of as many bytes, in the same chunks, into a file preallocated alike.
///
/// The peer gets its chunk ready-made and in cache: it is the limit, not a log.
enum AppendBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    var rows: [Row] = []
    for (payloadByteCount, name) in [
      (256, "256 B"), (1 << 10, "1 KiB"), (4 << 10, "4 KiB"), (64 << 10, "64 KiB"),
    ] {
      for group in [1, 16] {
        let isGate = group == 16 && (payloadByteCount == 1 << 10 || payloadByteCount == 4 << 10)
        rows.append(
          try compare(bench, payloadByteCount, name, group: group, goal: isGate ? .atLeast(0.8) : nil))
      }
    }
    return rows
  }

  private static func compare(
    _ bench: Bench, _ payloadByteCount: Int, _ name: String, group: Int, goal: Row.Goal?
  ) throws -> Row {
    let frame = BenchLog.frameByteCount(payload: payloadByteCount)
    let groups = max(2, bench.size(16 << 20, toy: 256 << 10) / (payloadByteCount * group))
    let count = groups * group
    let fileByteCount = (count + 1) * frame + (1 << 20)
    let expected = AnswerHash.counting(to: count)
    let what = "append \(name), flushed \(group == 1 ? "one by one" : "in groups of \(group)")"

    var payload = Payload(byteCount: payloadByteCount)
    func ours() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let log = try BenchLog.open(path, bench, segmentByteCount: UInt64(fileByteCount))
      let writer = try BenchLog.writer(of: log)
      defer { writer.abandon() }
      // The first frame makes the segment.
      let first = try writer.append(recordCount: 1, payload: payload.bytes).lsns.last.next
      try writer.flush()
      let time = try processorSeconds {
        try BenchLog.fill(writer, with: &payload, count: count, group: group)
      }
      try BenchLog.read(log.reader, from: first).check(expected, what)
      return time
    }

    var chunk = Payload(byteCount: frame * group)
    func peer() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let file = try BareFile(creating: path, byteCount: fileByteCount)
      let start = 4096
      try file.write(chunk.bytes, at: 0)
      let time = try processorSeconds {
        for index in 0..<groups {
          for number in 0..<group { chunk.number(index * group + number, at: number * frame) }
          try file.write(chunk.bytes, at: start + index * chunk.byteCount)
        }
      }
      var hash = AnswerHash()
      var block = ByteBlock(byteCount: chunk.byteCount)
      for index in 0..<groups {
        _ = try file.read(into: &block, at: start + index * chunk.byteCount)
        for number in 0..<group { hash.add(Payload.number(of: block.bytes.extracting((number * frame)...))) }
      }
      try hash.check(expected, what + ", bare")
      return time
    }

    // What every log with these promises does at least for a frame: two looks at the clocks, one pass that checks and copies
    // the payload, a header behind that pass. Nothing is remembered and nothing decided.
    let clock: any Clock = SystemClock()
    func least() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let file = try BareFile(creating: path, byteCount: fileByteCount)
      var buffer = ByteWriter(capacity: frame * group)
      let header = Payload(byteCount: Format.frameHeaderByteCount)
      var crc: UInt32 = 0
      return try processorSeconds {
        for index in 0..<groups {
          for number in 0..<group {
            payload.number(index * group + number)
            crc ^= UInt32(truncatingIfNeeded: clock.wall().nanoseconds)
            crc ^= UInt32(truncatingIfNeeded: clock.monotonic().nanoseconds)
            buffer.write(header.bytes)
            crc = buffer.write(payload.bytes, extending: crc)
            crc = CRC32C.extend(crc, header.bytes)
          }
          try file.write(buffer.bytes, at: 4096 + index * buffer.count)
          buffer.removeAll()
        }
      }
    }

    let turns = try Turns(bench.rounds, ours: ours, peer: peer)
    let bound = goal == nil ? nil : try Turns(bench.rounds, ours: least, peer: peer)
    let note =
      bound.map { "clocks, one pass and pwrite alone: \(decimal(Spread($0.speedups).median)) ×" } ?? ""
    let bytes = count * frame
    return Row(
      what, ours: speed(bytes, in: turns.oursMedian), peer: "pwrite " + speed(bytes, in: turns.peerMedian),
      turns.speedups, goal: goal, answers: expected, note: note)
  }
}
