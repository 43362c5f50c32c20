// What an opening found and did, for people and for `--json`.

package import ApusBytes
package import ApusLog

package struct StoreReport: Equatable, Sendable {
  package enum IndexOpening: Equatable, Sendable {
    /// There was none, and nothing in the log.
    case made
    case opened
    /// Made again from the log, because.
    case rebuilt(because: String)
  }

  package var log: RecoveryReport
  package var index: IndexOpening
  /// Up to where the index was complete before the tail was replayed.
  package var complete: LSN
  /// Records of the tail.
  package var replayed: UInt64
  package var checkpoints: Int
  /// Records of the tail that say nothing without lost ones: rows of lost definitions, for one.
  package var passedOver: UInt64 = 0
  /// What is lost, until a person accepts it: the store is read-only, and its answers are flagged.
  package var losses: [LSNRange]

  package var isReadOnly: Bool { !losses.isEmpty }
}

extension StoreReport: CustomStringConvertible {
  /// One line for each thing an operator wants to know.
  package var description: String {
    var lines = ["\(log)"]
    switch index {
    case .made: lines.append("index: made, empty")
    case .opened: lines.append("index: complete to LSN \(complete)")
    case .rebuilt(let why): lines.append("index: rebuilt from the log, because \(why)")
    }
    lines.append(
      "replayed \(replayed) record\(replayed == 1 ? "" : "s")"
        + (checkpoints > 0 ? ", \(checkpoints) checkpoint\(checkpoints == 1 ? "" : "s") on the way" : ""))
    if passedOver > 0 {
      lines.append("passed over: \(passedOver) record\(passedOver == 1 ? "" : "s") that rest on lost ones")
    }
    lines += losses.map { "lost: \($0); read-only until a person accepts it" }
    return lines.joined(separator: "\n")
  }
}
