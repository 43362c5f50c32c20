// Random stories of a whole store against a brute-force oracle. `make torture` plays many more; a failing seed repeats:
// APUS_ORACLE_FIRST_SEED=<seed> APUS_ORACLE_SEEDS=1.

import ApusTestSupport
import Glibc
import Testing

private func setting(_ name: String, or standard: UInt64) -> UInt64 {
  unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) } ?? standard
}

@Suite("The store against the oracle")
struct OracleTests {
  /// As many at once as a small machine has processors.
  private static let shards: UInt64 = 2

  @Test("whatever a store is told, and however it ends, it answers what a plain list of events says")
  func stories() async {
    let first = setting("APUS_ORACLE_FIRST_SEED", or: 1)
    let count = setting("APUS_ORACLE_SEEDS", or: 1_000)
    let total = await Self.play(first, count) { try OracleStory.play($0) }
    let counts = total.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    print("oracle: \(total.stories) stories from seed \(first): \(counts.joined(separator: ", "))")
    guard count >= 1_000 else { return }
    // A story in which nothing happens proves nothing.
    for what in [
      "accepted", "set aside", "set back", "erased at admission", "answered again", "admitted again",
      "groups", "large batches",
      "replayed letters", "purged letters", "letters refused again", "letters of erased keys",
      "erasures", "definitions changed", "expired producers", "clocks confirmed", "killed", "closed",
      "powerCut",
      "closed, index deleted", "power gone in a request", "frames in flight kept",
      "frames lost of a buffered log", "opening cut short", "all refused", "refused: clockJump",
      "refused: sequenceReused", "refused: sequenceTooOld", "refused: sequenceGap", "refused: fenced",
      "refused: producerExpired", "refused: retired", "refused: deadLettersOld",
      "refused: plan", "cell 1 0", "cell 2 0", "cell 3 1", "cell 3 3", "cell 3 4", "cell 4 0",
      "read at an LSN", "read by what was known", "past: notYet", "past: lsnLost", "past: unknownView",
      "past cell 1 0", "past cell 2 0", "past cell 3 1", "past cell 3 2", "past cell 3 3", "past cell 3 4",
      "past cell 4 0", "lost because 1", "lost because 2", "lost because 4",
      "packs", "merges", "runs", "erased events that were left out",
      "handled letters that were left out",
    ] {
      #expect(total.counts[what, default: 0] > 0, "\(what) never happened")
    }
  }

  @Test("the order in which events arrive changes no answer, where no two of a key have equal times")
  func anyOrder() async {
    let first = setting("APUS_ORACLE_FIRST_SEED", or: 1)
    let count = max(1, setting("APUS_ORACLE_SEEDS", or: 1_000) / 10)
    let total = await Self.play(first, count) { try OracleOrder.play($0) }
    print("oracle, any order: \(total.stories) stories from seed \(first): \(total.counts)")
    if count >= 100 {
      #expect(total.counts["present", default: 0] > 0 && total.counts["deleted", default: 0] > 0)
    }
  }

  private static func play(
    _ first: UInt64, _ count: UInt64, _ story: @escaping @Sendable (UInt64) throws -> OracleStory.Summary
  ) async -> OracleStory.Summary {
    await withTaskGroup(of: OracleStory.Summary.self) { group in
      for shard in 0..<shards {
        group.addTask {
          var total = OracleStory.Summary()
          for seed in first..<first + count where seed % shards == shard {
            do {
              total += try story(seed)
            } catch {
              Issue.record("\(error)")
              break
            }
          }
          return total
        }
      }
      return await group.reduce(into: OracleStory.Summary()) { $0 += $1 }
    }
  }
}
