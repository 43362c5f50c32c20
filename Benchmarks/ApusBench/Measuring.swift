// How two things are compared: in turns, within one run, as medians with their spread.

import Glibc

/// The median of several figures, and how far they lie apart.
struct Spread: Codable {
  let median: Double
  let least: Double
  let most: Double

  init(_ figures: [Double]) {
    precondition(!figures.isEmpty, "something was measured")
    let sorted = figures.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    least = sorted[0]
    most = sorted[sorted.count - 1]
  }
}

/// Seconds that ours and the peer took for the same work, round by round.
struct Turns {
  private(set) var ours: [Double] = []
  private(set) var peer: [Double] = []

  /// A round of each to warm up, unless every round begins with nothing anyhow, then `rounds` in turns. Who begins alternates, so that nobody gains by what the other left.
  init(
    _ rounds: Int, warmsUp: Bool = true, ours our: () throws -> Double, peer their: () throws -> Double
  ) rethrows {
    if warmsUp {
      _ = try our()
      _ = try their()
    }
    for round in 0..<rounds {
      if round % 2 == 0 {
        ours.append(try our())
        peer.append(try their())
      } else {
        peer.append(try their())
        ours.append(try our())
      }
    }
  }

  /// How many times the peer's speed ours is. Above 1, ours is faster.
  var speedups: [Double] { zip(ours, peer).map { $1 / $0 } }
  /// How many times the peer's time ours is. Below 1, ours is faster.
  var costs: [Double] { zip(ours, peer).map { $0 / $1 } }
  var oursMedian: Double { Spread(ours).median }
  var peerMedian: Double { Spread(peer).median }
}

private let clock = ContinuousClock()

func seconds(_ work: () throws -> Void) rethrows -> Double {
  try clock.measure(work) / .seconds(1)
}

/// What the calling thread had of a processor during `work`.
///
/// For work that never waits: on a quiet machine it is the same as the time that passed, and on a busy one it leaves out the
/// turns of others.
func processorSeconds(_ work: () throws -> Void) rethrows -> Double {
  let before = processorTime()
  try work()
  return processorTime() - before
}

private func processorTime() -> Double {
  var time = timespec()
  guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else {
    preconditionFailure("a thread has a clock")
  }
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// What all threads of this process had of the processors during `work`, in the kernel too.
func allProcessorSeconds(_ work: () throws -> Void) rethrows -> Double {
  let before = allProcessorTime()
  try work()
  return allProcessorTime() - before
}

private func allProcessorTime() -> Double {
  var time = timespec()
  guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else {
    preconditionFailure("a process has a clock")
  }
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Blocks that this process has had to read from a disk so far.
func blocksRead() -> Int {
  var usage = rusage()
  guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
    preconditionFailure("a process has a usage")
  }
  return usage.ru_inblock
}

/// What an answer is folded into. Not a checksum: every answer must only be looked at, at almost no cost.
struct AnswerHash: Equatable {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always) mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }

  /// The hash of 0, 1, …, `count` − 1.
  static func counting(to count: Int) -> AnswerHash {
    var hash = AnswerHash()
    for word in 0..<count { hash.add(UInt64(word)) }
    return hash
  }

  func check(_ expected: AnswerHash, _ what: String) throws {
    guard self == expected else {
      throw BenchError("\(what): the answers hash to \(self.text), not \(expected.text)")
    }
  }

  var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
