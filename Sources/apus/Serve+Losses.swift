// What a server's log says of what cannot be read, and of the index that is made again.

import ApusBytes
import ApusLog
import ApusServer
import ApusStore

extension Logger {
  /// When the store was opened.
  func log(lossesOf store: Store, data: String) {
    log(losses: store.report.losses, data: data)
    let view = store.log.view
    let accepted = LossWords.accepted(view.accepted, held: view.held, erasuresKeptFrom: view.erasuresKeptFrom)
    let losses = store.report.losses.map { LossWords($0, erasuresKeptFrom: view.erasuresKeptFrom) }
    for loss in losses + accepted {
      log(
        .warn, "what lost records said is not known",
        [("lost", .text("\(loss.lsns)")), ("what", .text(loss.what)), ("next", .text(loss.next))])
    }
    for loss in store.heldLosses {
      log(
        .warn, "records are lost, and only the index holds what they said last",
        [("lost", .text("\(loss)")), ("next", .text(Self.next(data)))])
    }
    for name in store.report.log.missing {
      log(
        .warn, "a file of history is missing, and answers are flagged",
        [("file", .text(name)), ("next", .text(Self.next(data)))])
    }
  }

  /// When an index is made again: at the beginning and at the end.
  func log(_ news: IndexNews, data: String) {
    switch news {
    case .rebuilding(let why):
      log(.warn, "the index is made again from the log; until then nothing is read", [("why", .text(why))])
    case .failed(let why, let error):
      log(
        .error, "the index cannot be made again, and is tried again",
        [("why", .text(why)), ("error", .text("\(error)")), ("next", .text(error.next))])
    case .rebuilt(let why, let nanoseconds, let losses):
      log(
        .warn, "the index was made again from the log",
        [("why", .text(why)), ("milliseconds", .number(nanoseconds / 1_000_000))])
      log(losses: losses, data: data)
    }
  }

  private func log(losses: [LSNRange], data: String) {
    for loss in losses {
      log(
        .error, "records are lost, and the store is read-only",
        [("lost", .text("\(loss)")), ("next", .text(Self.next(data)))])
    }
  }

  private static func next(_ data: String) -> String {
    "restore a backup, or stop and see `apus repair --data \(Shell.word(data))`"
  }
}
