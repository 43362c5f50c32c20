// The index of a store is damaged by other processes, real ones, because LMDB may die of what it finds. Tests/ApusLife says
// what each attack is and how it is judged.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("Damage to a store's index", .enabled(if: LifeProcess.life != nil, "ApusLife is not built"))
struct StoreDamageTests {
  static let attacks = 1_000
  static let seed: UInt64 = 7

  @Test(
    "is answered with nothing or the truth, found by the scrub at the latest, and healed from the log",
    .timeLimit(.minutes(5)))
  func attacks() throws {
    let process = try LifeProcess(of: .store)
    var next = 0
    var signals: [Int32: Int] = [:]
    while next < Self.attacks {
      let outcome = try process.damage(seed: Self.seed, from: next, to: Self.attacks)
      if outcome.exitCode == 0 { break }
      // The attack that ended the process is judged by the next one, from what it left.
      let signal = try #require(outcome.signal, "attacks from \(next) of seed \(Self.seed): \(outcome.words)")
      signals[signal, default: 0] += 1
      let judged = try process.journaledLines().count
      try #require(judged >= next, "seed \(Self.seed): a death in attack \(judged) is judged before the next")
      // A second death of one attack is a store that dies of its own index for good.
      try #require(
        judged > next || next == 0 && signals.values.reduce(0, +) == 1, "attack \(judged) kills twice")
      next = judged
    }
    let lines = try process.journaledLines()
    var counts: [String: Int] = [:]
    for line in lines {
      let word = line.split(separator: " ")[1]
      counts[String(word.prefix { $0 != "(" }), default: 0] += 1
      if word.contains("(") { Issue.record("seed \(Self.seed): \(line)") }
    }
    let words = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("store damage: \(lines.count) attacks: \(words); ended by signals: \(signals)")
    #expect(lines.count == Self.attacks)
    // SIGABRT is LMDB's own; SIGILL and SIGTRAP would be ours.
    #expect(signals.keys.allSatisfy { [6, 7, 11].contains($0) }, "\(signals)")
    // Enough of them hit what counts.
    #expect(counts["untouched", default: 0] * 5 < Self.attacks * 4)
    #expect(counts["healed", default: 0] > Self.attacks / 10)
  }
}
