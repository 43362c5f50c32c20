// What the unhandled dead letters weigh, and which letters were handled. A sum is of at least one letter; the totals are
// the sums' totals; `oldest` is there exactly when a letter is unhandled, and no unhandled letter was appended before it.
//
// The letters themselves are in the log alone: a gigabyte of them may be millions, too many to keep each one's time here.
// So who handles letters says what is the oldest one left (StoreFormat.md, *handled*), and the state takes that over.

package import ApusBytes
package import ApusContracts
package import ApusSystem

/// Letters that one rule of one view version made.
package struct DeadLetterSum: Equatable, Sendable {
  package var view: ViewVersionID
  /// `last_action.one_of`, or a row's rule.
  package var rule: String
  package var letters: UInt64
  /// Of their records, heads included.
  package var byteCount: UInt64

  package init(view: ViewVersionID, rule: String, letters: UInt64, byteCount: UInt64) {
    self.view = view
    self.rule = rule
    self.letters = letters
    self.byteCount = byteCount
  }

  var key: DeadLetterKey { DeadLetterKey(view: view, rule: ExactText(rule)) }
}

struct DeadLetterKey: Hashable, Comparable, Sendable {
  let view: ViewVersionID
  let rule: ExactText

  static func < (a: DeadLetterKey, b: DeadLetterKey) -> Bool { (a.view, a.rule) < (b.view, b.rule) }
}

/// What was done with letters that are handled.
package enum HandledHow: UInt8, Sendable {
  case replayed = 1
  case purged = 2
}

package struct DeadLetterSums: Equatable, Sendable {
  private struct Weight: Equatable {
    var letters: UInt64
    var byteCount: UInt64
  }

  private var weights: [DeadLetterKey: Weight] = [:]
  /// Unhandled letters.
  package private(set) var letters: UInt64 = 0
  package private(set) var byteCount: UInt64 = 0
  /// When the oldest unhandled letter was appended, or somewhat before; nil when all are handled.
  package private(set) var oldest: WallTime?
  package private(set) var handled = LSNRanges()

  package init() {}

  package var isEmpty: Bool { weights.isEmpty && handled.isEmpty }

  package func isHandled(_ lsn: LSN) -> Bool { handled.contains(lsn) }

  /// The sums of what is unhandled, by view version and rule.
  package var listed: [DeadLetterSum] {
    weights.sorted { $0.key < $1.key }.map {
      DeadLetterSum(
        view: $0.key.view, rule: $0.key.rule.text, letters: $0.value.letters, byteCount: $0.value.byteCount)
    }
  }

  /// Takes in what weighs on the quota. False, and nothing happened, when no number could hold the sum.
  mutating func add(_ sum: DeadLetterSum, at time: WallTime) -> Bool {
    let (letters, tooMany) = self.letters.addingReportingOverflow(sum.letters)
    let (byteCount, tooLong) = self.byteCount.addingReportingOverflow(sum.byteCount)
    guard !tooMany, !tooLong else { return false }
    // Each weight is part of a total that did not overflow.
    weights[sum.key, default: Weight(letters: 0, byteCount: 0)].letters += sum.letters
    weights[sum.key]?.byteCount += sum.byteCount
    self.letters = letters
    self.byteCount = byteCount
    oldest = min(oldest ?? time, time)
    return true
  }

  /// Takes out what was handled. `left` is the append time of the oldest letter that stays, as far as was looked.
  /// False, and nothing happened, when there is not as much as the sums say.
  mutating func handle(_ ranges: LSNRanges, _ sums: [DeadLetterSum], oldestLeft left: WallTime) -> Bool {
    var rest = self
    for sum in sums {
      guard var weight = rest.weights[sum.key], weight.letters >= sum.letters,
        weight.byteCount >= sum.byteCount, weight.letters > sum.letters || weight.byteCount == sum.byteCount
      else { return false }
      weight.letters -= sum.letters
      weight.byteCount -= sum.byteCount
      rest.weights[sum.key] = weight.letters == 0 ? nil : weight
      rest.letters -= sum.letters
      rest.byteCount -= sum.byteCount
    }
    rest.handled.formUnion(ranges)
    // Taking letters away makes no other one older.
    rest.oldest = rest.letters == 0 ? nil : oldest.map { max($0, left) }
    self = rest
    return true
  }

  /// What a note says was handled.
  mutating func restore(handled: LSNRanges) { self.handled = handled }
}
