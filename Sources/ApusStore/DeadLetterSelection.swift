// Which letters are to be handled, and what became of them. An outcome counts every letter that was looked at exactly once:
// as handled, erased or refused.

package import ApusBytes
package import ApusContracts
package import ApusSystem

package struct DeadLetterSelection: Equatable, Sendable {
  /// Nil: of all view versions.
  package var views: Set<ViewVersionID>?
  /// The rule that refused them: `last_action.one_of`.
  package var rule: String?
  package var lsns = LSNRange(.first, through: LSN(.max))
  /// Nil: whenever they came.
  package var arrivedBefore: WallTime?
  /// Only those whose key was erased since.
  package var isOfErasedOnly = false
  /// So many are looked at, the oldest first; refused ones count, too.
  package var limit = UInt64.max

  package init() {}

  package func takes(_ found: FoundDeadLetter) -> Bool {
    lsns.contains(found.lsn) && (views?.contains(found.letter.viewVersion) ?? true)
      && (rule.map { $0 == found.letter.rule } ?? true) && (arrivedBefore.map { found.arrived < $0 } ?? true)
      && (found.isErased || !isOfErasedOnly)
  }
}

/// Letters of one rule of one view version.
package struct LetterTally: Equatable, Sendable {
  package var view: ViewVersionID
  package var rule: String
  package var letters: UInt64
  /// The first of them, and what was said of it.
  package var example: LSN
  package var words: String
}

package struct DeadLetterOutcome: Equatable, Sendable {
  private var handledTallies: [DeadLetterKey: LetterTally] = [:]
  private var refusedTallies: [DeadLetterKey: LetterTally] = [:]
  /// Of keys that were erased: purged, whatever was asked for.
  package internal(set) var erased: UInt64 = 0
  /// What left the quota.
  package internal(set) var byteCount: UInt64 = 0
  /// Of the replayed: event times that were ahead of the clock, and are now the clock's.
  package internal(set) var setBack: UInt64 = 0
  /// The last letter that was looked at.
  package internal(set) var last: LSN?
  /// Whether the limit ended it, and there may be more.
  package internal(set) var isCut = false
  /// The last that was written; nil when nothing was.
  package internal(set) var frame: FrameMoment?
  /// Why it ended before its time. What is counted is done.
  package internal(set) var failure: StoreError?

  package init() {}

  /// Replayed or purged, by the rules that had refused them.
  package var handled: [LetterTally] { handledTallies.sorted { $0.key < $1.key }.map(\.value) }
  /// Those that wait as before, by the rules that refuse them today.
  package var refused: [LetterTally] { refusedTallies.sorted { $0.key < $1.key }.map(\.value) }
  package var handledCount: UInt64 { handledTallies.values.reduce(0) { $0 + $1.letters } }
  package var refusedCount: UInt64 { refusedTallies.values.reduce(0) { $0 + $1.letters } }

  mutating func addHandled(_ found: FoundDeadLetter) {
    Self.add(found, rule: found.letter.rule, found.letter.words, to: &handledTallies)
    byteCount += found.byteCount
  }

  mutating func addErased(_ found: FoundDeadLetter) {
    erased += 1
    byteCount += found.byteCount
  }

  mutating func addRefused(_ found: FoundDeadLetter, _ fault: RowFault) {
    Self.add(found, rule: fault.rule, fault.words, to: &refusedTallies)
  }

  private static func add(
    _ found: FoundDeadLetter, rule: String, _ words: String, to tallies: inout [DeadLetterKey: LetterTally]
  ) {
    let view = found.letter.viewVersion
    let new = LetterTally(view: view, rule: rule, letters: 0, example: found.lsn, words: words)
    tallies[DeadLetterKey(view: view, rule: ExactText(rule)), default: new].letters += 1
  }

  /// Takes in what became of the letters that follow.
  mutating func add(_ next: DeadLetterOutcome) {
    for (key, tally) in next.handledTallies {
      Self.join(tally, key, into: &handledTallies)
    }
    for (key, tally) in next.refusedTallies {
      Self.join(tally, key, into: &refusedTallies)
    }
    erased += next.erased
    byteCount += next.byteCount
    setBack += next.setBack
    last = next.last ?? last
    frame = next.frame ?? frame
  }

  private static func join(
    _ tally: LetterTally, _ key: DeadLetterKey, into tallies: inout [DeadLetterKey: LetterTally]
  ) {
    if tallies[key] == nil { tallies[key] = tally } else { tallies[key]?.letters += tally.letters }
  }
}
