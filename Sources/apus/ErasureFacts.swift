// How far erasures are: those whose bytes are still there, by when they will be gone, and the receipt of those that are.

import ApusBytes
import ApusStore
import ApusSystem

struct ErasureFacts {
  private let keys: Int
  private let pending: PendingErasures?
  private let receipt: ErasureReceipt?
  /// Nil where only the server that opens the folder knows.
  private let within: Int64?

  init(_ facts: StoreFacts) {
    let state = facts.state
    keys = state.erasures.count
    pending = state.pendingErasures
    receipt = state.receipts.last
    within = facts.eraseWithinNanoseconds
  }

  private var deadline: WallTime? { within.flatMap { pending?.deadline(within: $0) } }

  var words: String {
    var words = Numbers.grouped(keys)
    if let pending {
      words += "; bytes of \(Numbers.count(pending.count, "key")) are still in files"
      if let deadline { words += ", until \(deadline.inWords)" }
    }
    if let receipt {
      words += "; receipt through LSN \(receipt.through) of \(receipt.time.inWords)"
      let left = receipt.left
      if !left.isEmpty {
        words += ", not erased: \(left.joined(separator: ", ")); `apus repair --clear-aside` removes them"
      }
    }
    return words
  }

  var pendingJSON: JSON {
    guard let pending else { return .null }
    return [
      "keys": .number(pending.count), "through_lsn": .number(pending.last.rawValue),
      "since": .text("\(pending.oldest)"), "gone_by": deadline.map { .text("\($0)") } ?? .null,
    ]
  }

  var receiptJSON: JSON {
    guard let receipt else { return .null }
    let left = receipt.left
    return [
      "lsn": .number(receipt.lsn.rawValue), "time": .text("\(receipt.time)"),
      "through_lsn": .number(receipt.through.rawValue), "events": .number(receipt.events),
      "letters": .number(receipt.letters),
      "rewritten": .list(receipt.files.filter { !left.contains($0) }.map { .text($0) }),
      "left": .list(left.map { .text($0) }),
    ]
  }
}
