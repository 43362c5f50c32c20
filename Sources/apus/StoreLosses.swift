// What of a store cannot be read, said by `status` and `describe` in the same words, and by a server's log when it starts.

import ApusBytes
import ApusLog
import ApusStore

extension StoreFacts {
  /// For people, a line each.
  func lossLines(_ place: StorePlace) -> [String] {
    let repair = "see `apus repair --data \(Shell.word(place.folder))`"
    return losses.map { "LOST          \($0): read-only; \(repair)" }
      + held.map { "LOST          \($0), but the newest rows lack nothing: the index has them; \(repair)" }
      + LossWords.all(of: self).flatMap { ["UNKNOWN       \($0.what)", "              next: \($0.next)"] }
      + missing.map { "MISSING       \($0): answers are flagged; \(repair)" }
  }

  /// For programs.
  var lossJSON: JSON {
    [
      "losses": .list(losses.map(\.json)), "held_losses": .list(held.map(\.json)),
      "unknown": .list(LossWords.all(of: self).map(\.json)),
      "missing_files": .list(missing.map { .text($0) }),
    ]
  }

  /// Why its index is not to be had at the moment, and what of it there is.
  var rebuilding: String {
    "is being made again from the log\(index.because.map { ", because \($0)" } ?? ""); until then nothing is read"
  }
}
