// Letters are replayed or purged: each is judged as a row that comes now, with the times that SEMANTICS gives it, and what
// is accepted and what is handled stand in one frame.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport

extension OracleStory {
  /// What becomes of the letters that were looked at.
  private struct Handled {
    var states: [ToldStore] = []
    var handled = 0
    var refused = 0
    var erased = 0
    var last: UInt64?
    var isCut = false
    var oldestKept: Int64?

    mutating func keep(_ arrived: Int64) { oldestKept = min(oldestKept ?? arrived, arrived) }
  }

  func handleLetters(_ random: inout SplitMix64) throws {
    let isReplay = random.chance(0.7)
    var selection = DeadLetterSelection()
    if random.chance(0.3), let some = told.waiting.randomElement(using: &random) {
      selection.rule = some.rule
    }
    if random.chance(0.3), let some = told.waiting.randomElement(using: &random) {
      selection.views = [ViewVersionID(UInt32(some.row.version + 1))]
    }
    if random.chance(0.3) { selection.limit = UInt64(random.within(1...3)) }
    if random.chance(0.1) { selection.isOfErasedOnly = true }
    say("\(isReplay ? "replay" : "purge") letters: \(selection), \(told.waiting.count) wait")
    let isWanted = told.waiting.contains { takes($0, selection) }
    // Who has nothing to write asks for no moment.
    let time = isWanted ? moment() : 0
    let expected = time.map { handled(selection, isReplay, at: $0) }
    let found = try write(expected?.states ?? [], refusedBy: expected == nil ? "clockJump" : nil) {
      let outcome =
        try isReplay ? store.replayDeadLetters(selection) : store.purgeDeadLetters(selection)
      if let failure = outcome.failure { throw failure }
      return outcome
    }
    guard let expected, let found else { return }
    try check(Int(found.handledCount), expected.handled, "handled letters")
    try check(Int(found.refusedCount), expected.refused, "letters that are refused again")
    try check(Int(found.erased), expected.erased, "letters of erased keys")
    try check(found.last?.rawValue, expected.last, "the last letter")
    try check(found.isCut, expected.isCut, "whether the limit ended it")
    try check(found.frame?.lsns.last.rawValue, expected.states.last?.lastLSN, "last LSN")
    count(isReplay ? "replayed letters" : "purged letters", expected.handled)
    count("letters refused again", expected.refused)
    count("letters of erased keys", expected.erased)
    if disk.isOff { return }
    let sums = try store.facts().state.deadLetters
    try check(Int(sums.letters), told.waiting.count, "letters that wait")
    try check(sums.oldest?.nanoseconds, told.oldestLetter, "the oldest letter")
  }

  private func takes(_ letter: ToldWaiting, _ selection: DeadLetterSelection) -> Bool {
    (selection.rule.map { $0 == letter.rule } ?? true)
      && (selection.views?.contains(ViewVersionID(UInt32(letter.row.version + 1))) ?? true)
      && (!selection.isOfErasedOnly || isHidden(letter, in: told))
  }

  /// Whether anything in its key, in whatever place, was erased after it came.
  private func isHidden(_ letter: ToldWaiting, in store: ToldStore) -> Bool {
    let version = store.definitions.versions[letter.row.version]
    return letter.row.key.contains { value in
      store.definitions.entities[version.entity].keys.contains { key in
        store.erases[ToldKeyPart(key: key, value: value)].map { letter.lsn <= $0.lsn } ?? false
      }
    }
  }

  private func handled(_ selection: DeadLetterSelection, _ isReplay: Bool, at time: Int64) -> Handled {
    var result = Handled()
    var state = told
    var next = nextLSN
    var portion: [ToldWaiting] = []
    var left = selection.limit
    for letter in told.waiting {
      guard takes(letter, selection) else {
        result.keep(letter.arrived)
        continue
      }
      if left == 0 {
        result.isCut = true
        result.keep(letter.arrived)
        break
      }
      left -= 1
      portion.append(letter)
      if portion.count == options.lettersOfFrameMax {
        handle(portion, isReplay, at: time, &state, &next, &result)
        portion = []
      }
    }
    handle(portion, isReplay, at: time, &state, &next, &result)
    return result
  }

  private func handle(
    _ portion: [ToldWaiting], _ isReplay: Bool, at time: Int64, _ state: inout ToldStore,
    _ next: inout UInt64,
    _ result: inout Handled
  ) {
    guard let last = portion.last else { return }
    result.last = last.lsn
    var replayed: [ToldSeat] = []
    var gone: Set<UInt64> = []
    var isAnyPurged = false
    for letter in portion {
      var isErased = isHidden(letter, in: state)
      if !isErased, isReplay {
        let batch = again(letter, at: time, in: state)
        switch batch?.seats[0].verdict {
        case .accepted:
          replayed += batch?.seats ?? []
          result.handled += 1
          gone.insert(letter.lsn)
          continue
        case .erased: isErased = true
        case .refused, nil:
          result.refused += 1
          result.keep(letter.arrived)
          continue
        }
      }
      if isErased { result.erased += 1 } else { result.handled += 1 }
      isAnyPurged = true
      gone.insert(letter.lsn)
    }
    guard !gone.isEmpty else { return }
    if !replayed.isEmpty {
      var batch = ToldBatch([], .now, isAllOrNothing: false, at: time, in: state)
      batch.seats = replayed
      _ = state.take(batch, from: next, at: time, producer: false)
    }
    next += UInt64(replayed.count + (replayed.isEmpty ? 0 : 1) + (isAnyPurged ? 1 : 0))
    state.waiting.removeAll { gone.contains($0.lsn) }
    (state.lastLSN, state.lastTime) = (next - 1, time)
    let looked = result.oldestKept ?? last.arrived
    state.oldestLetter = state.waiting.isEmpty ? nil : state.oldestLetter.map { max($0, looked) }
    result.states.append(state)
  }

  /// The letter's row as one that is loaded now. Nil when its version takes no rows.
  private func again(_ letter: ToldWaiting, at time: Int64, in state: ToldStore) -> ToldBatch? {
    if state.definitions.versions[letter.row.version].isRetired { return nil }
    var row = letter.row
    row.said.removeAll { $0.said == .absent }
    let arrived = min(letter.arrived, time)
    row.times = ToldTimes(
      event: row.times.event ?? arrived, created: row.times.created ?? arrived, known: nil)
    return ToldBatch([row], .now, isAllOrNothing: false, at: time, in: state)
  }
}
