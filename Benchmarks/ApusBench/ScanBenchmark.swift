import ApusBytes
import ApusLog

/// A verified scan of a closed log against `pread` of the same files in blocks of the same size.
enum ScanBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    var rows: [Row] = []
    for (payloadByteCount, name) in [
      (256, "256 B"), (1 << 10, "1 KiB"), (4 << 10, "4 KiB"), (64 << 10, "64 KiB"),
    ] {
      let subject = try Subject(bench, payloadByteCount: payloadByteCount)
      defer { bench.scratch.remove(subject.path) }
      let isGate = payloadByteCount == 4 << 10
      rows.append(
        try compare(bench, subject, "scan \(name), in page cache", goal: isGate ? .atLeast(0.7) : nil))
      guard isGate else { continue }
      rows.append(try compare(bench, subject, "scan \(name), against a checksum too", isChecked: true))
      rows.append(try compare(bench, subject, "scan \(name), from the disk", isCold: true))
    }
    return rows
  }

  /// A closed log of two finished segments.
  private final class Subject {
    let path: String
    let log: Log
    let first: LSN
    let count: Int
    let files: [BareFile]

    init(_ bench: Bench, payloadByteCount: Int) throws {
      path = bench.scratch.fresh()
      let frame = BenchLog.frameByteCount(payload: payloadByteCount)
      let segmentByteCount = bench.size(16 << 20, toy: 1 << 20)
      count = 2 * (segmentByteCount - 8192) / frame
      var payload = Payload(byteCount: payloadByteCount)
      let made = try BenchLog.open(path, bench, segmentByteCount: UInt64(segmentByteCount))
      let writer = try BenchLog.writer(of: made)
      first = writer.nextLSN
      try BenchLog.fill(writer, with: &payload, count: count, group: 16)
      try made.close()
      log = try BenchLog.open(path, bench)
      files = try BenchLog.segments(of: path, bench).map { try BareFile(reading: $0) }
    }

    deinit { try? log.close() }
  }

  /// `isChecked`: the peer computes a checksum of each block, which is what any verified scan must do at least.
  private static func compare(
    _ bench: Bench, _ subject: Subject, _ name: String, isCold: Bool = false, isChecked: Bool = false,
    goal: Row.Goal? = nil
  ) throws -> Row {
    let expected = AnswerHash.counting(to: subject.count)
    var bareAnswers: [AnswerHash] = []
    var byteCount = 0
    var block = ByteBlock(byteCount: FrameWalker.blockByteCount)
    func prepare() throws {
      if isCold { for file in subject.files { try file.dropCache() } }
    }

    // What comes from the disk is waited for; what is in the page cache is not, and that it is there is checked.
    var blocks: [Double] = []
    func measure(_ work: () throws -> Void) rethrows -> Double {
      let before = blocksRead()
      defer { blocks.append(Double(blocksRead() - before)) }
      return try isCold ? seconds(work) : processorSeconds(work)
    }
    let turns = try Turns(bench.rounds) {
      try prepare()
      var hash = AnswerHash()
      let time = try measure { hash = try BenchLog.read(subject.log.reader, from: subject.first) }
      try hash.check(expected, name)
      return time
    } peer: {
      try prepare()
      var hash = AnswerHash()
      byteCount = 0
      let time = try measure {
        for file in subject.files {
          var at = 0
          while true {
            let count = try file.read(into: &block, at: at)
            if count == 0 { break }
            hash.add(isChecked ? UInt64(CRC32C.checksum(block.bytes)) : Payload.number(of: block.bytes))
            at += count
          }
          byteCount += at
        }
      }
      bareAnswers.append(hash)
      return time
    }
    // The least that a verified scan does: read a block, and checksum it whole.
    func read(checking: Bool) throws -> Double {
      var sum: UInt32 = 0
      return try processorSeconds {
        for file in subject.files {
          var at = 0
          while case let count = try file.read(into: &block, at: at), count > 0 {
            if checking { sum ^= CRC32C.checksum(block.bytes) }
            at += count
          }
        }
      }
    }
    var note = ""
    if goal != nil {
      let bound = try Turns(
        bench.rounds, ours: { try read(checking: true) }, peer: { try read(checking: false) })
      note = "pread and one checksum a block alone: \(decimal(Spread(bound.speedups).median)) ×"
    }
    // The first two rounds warm up.
    guard isCold || Spread(Array(blocks.dropFirst(2))).median == 0 else {
      throw BenchError("\(name): the scan reads from the disk")
    }
    for hash in bareAnswers { try hash.check(bareAnswers[0], name + ", bare") }
    return Row(
      name, ours: speed(byteCount, in: turns.oursMedian),
      peer: "pread " + speed(byteCount, in: turns.peerMedian),
      turns.speedups, goal: goal, answers: expected, note: note)
  }
}
