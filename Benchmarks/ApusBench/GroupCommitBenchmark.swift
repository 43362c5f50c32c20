import ApusBytes
import ApusLog
import ApusSystem

/// Durable appends by 64 threads that each wait for their acknowledgement, against one thread that writes and syncs frame
/// by frame.
enum GroupCommitBenchmark {
  private static let waiters = 64
  private static let payloadByteCount = 1 << 10

  static func run(_ bench: Bench) throws -> [Row] {
    let each = bench.size(50, toy: 3)
    let count = waiters * each
    let alone = bench.size(200, toy: 4)
    let expected = AnswerHash.counting(to: count)
    var acksPerSync: [Double] = []

    // Seconds a frame.
    func ours() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let (time, acks, syncs) = try commit(in: path, bench, each: each)
      // Every LSN from the first on was given to exactly one waiter, and all of them are read again.
      let first = acks.min() ?? 0
      var hash = AnswerHash()
      for ack in acks.sorted() { hash.add(ack - first) }
      try hash.check(expected, "group commit")
      let log = try BenchLog.open(path, bench)
      var scanner = try log.reader.scan(from: LSN(first))
      var found = 0
      while let frame = try scanner.next() { found += frame.recordCount }
      try log.close()
      guard found == count else { throw BenchError("group commit: \(found) records are read of \(count)") }
      acksPerSync.append(Double(count) / Double(syncs))
      return time / Double(count)
    }

    let frame = Payload(byteCount: BenchLog.frameByteCount(payload: payloadByteCount))
    func peer() throws -> Double {
      let path = bench.scratch.fresh()
      defer { bench.scratch.remove(path) }
      let file = try BareFile(creating: path, byteCount: Int(Format.segmentByteCount))
      let time = try seconds {
        for index in 0..<alone {
          try file.write(frame.bytes, at: index * frame.byteCount)
          try file.syncData()
        }
      }
      return time / Double(alone)
    }

    let turns = try Turns(bench.longRounds, ours: ours, peer: peer)
    let ourRate = "\(decimal(1 / turns.oursMedian)) acks/s"
    return [
      Row(
        "group commit, 64 waiters: acks per sync", ours: ourRate, acksPerSync.suffix(bench.longRounds),
        unit: "acks",
        goal: .atLeast(20), answers: expected),
      Row(
        "group commit, 64 waiters, against a sync per frame", ours: ourRate,
        peer: "\(decimal(1 / turns.peerMedian)) syncs/s", turns.speedups, answers: expected),
    ]
  }

  /// Seconds from the first append to the last acknowledgement, the LSNs, and how many syncs it took.
  private static func commit(
    in path: String, _ bench: Bench, each: Int
  ) throws -> (seconds: Double, acks: [UInt64], syncs: Int) {
    let log = try BenchLog.open(path, bench)
    guard let writer = log.writer else { throw BenchError("the log was opened read-only") }
    let appender = try Appender(writer, .durable) { error in preconditionFailure("the log stopped: \(error)")
    }
    let payload = [UInt8](repeating: 7, count: payloadByteCount)
    // The first frame makes the segment.
    _ = try appender.append(recordCount: 1, payload: payload)
    let before = appender.statistics

    let shared = Monitor(Shared())
    let threads = try (0..<waiters).map { _ in
      try SystemThread.start(name: "waiter") {
        _ = shared.wait(for: nil) { $0.isStarted }
        for _ in 0..<each {
          do throws(LogError) {
            let ack = try appender.append(recordCount: 1, payload: payload)
            shared.withLock { $0.acks.append(ack.lsns.first.rawValue) }
          } catch {
            shared.withLock { $0.failure = error }
            return
          }
        }
      }
    }
    let time = seconds {
      shared.withLock { $0.isStarted = true }
      shared.notifyAll()
      for thread in threads { thread.join() }
    }
    let syncs = appender.statistics.syncs - before.syncs
    try appender.close()
    let end = shared.withLock { $0 }
    if let failure = end.failure { throw failure }
    return (time, end.acks, syncs)
  }

  /// What the waiters share.
  private struct Shared: Sendable {
    var isStarted = false
    var acks: [UInt64] = []
    var failure: LogError?
  }
}
