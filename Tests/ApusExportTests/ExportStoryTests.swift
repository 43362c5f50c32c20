// Random stories of training sets against a brute-force oracle. `make torture` plays many more; a failing seed repeats:
// APUS_EXPORT_FIRST_SEED=<seed> APUS_EXPORT_SEEDS=1.

import ApusTestSupport
import Glibc
import Testing

private func setting(_ name: String, or standard: UInt64) -> UInt64 {
  unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) } ?? standard
}

@Suite("Training sets against the oracle")
struct ExportStoryTests {
  private static let shards: UInt64 = 2

  @Test("whatever a store was told, and wherever it lies, a set has what a plain list of events says")
  func stories() async {
    let first = setting("APUS_EXPORT_FIRST_SEED", or: 1)
    let count = setting("APUS_EXPORT_SEEDS", or: 500)
    let total = await withTaskGroup(of: ExportStory.Summary.self) { group in
      for shard in 0..<Self.shards {
        group.addTask {
          var total = ExportStory.Summary()
          for seed in first..<first + count where seed % Self.shards == shard {
            do { total += try ExportStory.play(seed) } catch {
              Issue.record("\(error)")
              break
            }
          }
          return total
        }
      }
      return await group.reduce(into: ExportStory.Summary()) { $0 += $1 }
    }
    let counts = total.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    print("export: \(total.stories) stories from seed \(first): \(counts.joined(separator: ", "))")
    guard count >= 500 else { return }
    // A story in which nothing happens proves nothing.
    for what in [
      "compacted", "restarted", "erased", "redefined", "days passed", "put aside", "leaked", "assumed",
      "made again",
      "exported known", "exported happened", "exported lsn", "cell 1 ", "cell 2 ", "cell 4 ",
      "cell 3 never_seen",
      "cell 3 not_yet_known", "cell 3 deleted", "cell 3 erased", "cell 3 beyond_history",
    ] {
      #expect(total.counts[what, default: 0] > 0, "\(what) never happened")
    }
  }
}
