// Is the store what its journal promised? Judged from what a crash left: opened, hashed, compared with a store that was
// rebuilt from the log alone, read from the first key to the last, asked the last requests again.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

struct StoreVerification {
  private let plan: Plan
  private let story: StoreStory
  private let script: StoreScript
  private let disk = RealDisk()
  private var faults: [String]
  private var found: UInt64 = 0
  private var repeated = 0
  private var done = 0
  private var forgotten = 0
  private var index = "none"
  private var tail = "none"

  /// Prints one line that says what was found, and further ones only for faults.
  static func run(_ plan: Plan) -> Int32 {
    do {
      var verification = try StoreVerification(plan)
      try verification.verify()
      return verification.verdict()
    } catch {
      print("verify: FAILED: \(error)")
      return ExitCode.promiseBroken
    }
  }

  private init(_ plan: Plan) throws {
    self.plan = plan
    story = try StoreStory(plan.journal, on: disk)
    script = StoreScript(seed: story.seed)
    faults = story.contradictions
  }

  private func verdict() -> Int32 {
    guard faults.isEmpty else {
      print("verify: FAILED: seed \(story.seed), opening \(story.openings): \(faults.count) faults")
      for fault in faults.prefix(20) { print("  \(fault)") }
      return ExitCode.promiseBroken
    }
    print(
      "verify: ok: seed \(story.seed), \(story.openings) openings, \(story.acked) promised, \(found) found, "
        + "\(repeated) answered again, \(done) done now, \(story.erases.count) erased, \(forgotten) texts forgotten, lost 0, tail \(tail), index \(index)"
    )
    return 0
  }

  private mutating func verify() throws {
    guard try disk.entry(at: plan.data + "/CURRENT") != nil else {
      if story.wasOpened { faults.append("the store is gone") }
      return
    }
    try demandSoundLog("before the opening")
    let stops = Monitor(0)
    var random = SplitMix64(seed: 0)
    let hand = try StoreHand.open(
      plan.data, random: &random, plan.storeOptions, stops: stops, script: script)
    defer { hand.store.abandon() }
    look(at: hand.store.report)
    let state = try demandReplay(hand)
    try demandContents(hand, state)
    if faults.isEmpty, let producer = state.producers[1] {
      let journal = Journal(plan.journal, tells: false)
      // What is said from here on is said with power.
      journal.begin(seed: story.seed)
      journal.say("seen \(found)")
      do { try sendAgain(hand, producer, journal) } catch StoreError.diskFull {
        // There may be no room for another segment; what was there is there.
      }
    }
    if plan.leavesOpen { hand.store.abandon() } else { try hand.close() }
    if stops.withLock({ $0 }) > 0 { faults.append("the store stopped") }
    try demandSoundLog("after the opening")
  }

  private mutating func look(at report: StoreReport) {
    if report.isReadOnly { faults.append("the store opened read-only: \(report.losses)") }
    for damage in report.log.damages + report.log.knownDamages {
      faults.append("a mere crash left damage: \(damage)")
    }
    switch report.index {
    case .made: index = "made"
    case .opened: index = "opened"
    case .rebuilt(let why): index = "rebuilt because \(why)"
    }
    if case .torn = report.log.tail { tail = "torn" }
    if let last = story.frames.filter({ $0.key <= story.promised(after: plan.attack) }).map(\.value.last)
      .max(),
      report.log.nextLSN <= last
    {
      faults.append("LSN \(report.log.nextLSN) is next, and \(last) was given out")
    }
  }

  private mutating func demandSoundLog(_ when: String) throws {
    let check = try LogCheck.run(plan.data, on: disk)
    faults += check.problems.map { "\(when), check: \($0)" }
  }

  // MARK: State

  /// The log alone leads to the same state and rows, byte for byte.
  private mutating func demandReplay(_ hand: StoreHand) throws -> StoreState {
    let hash = try hand.store.stateHash()
    let state = try hand.state()
    let copy = plan.journal + ".replayed"
    try FolderImage(of: plan.data, leavingOut: ["index"]).write(to: copy)
    defer { FolderImage.remove(copy) }
    var random = SplitMix64(seed: 1)
    let replayed = try StoreHand.open(
      copy, random: &random, plan.storeOptions, stops: Monitor(0), script: script)
    defer { replayed.store.abandon() }
    if case .opened = replayed.store.report.index {
      faults.append("the copy's index was not made from the log")
    }
    if try replayed.store.stateHash() != hash {
      faults.append("the state is not what a replay of the log leads to")
    }
    if try replayed.state() != state { faults.append("the note is not what a replay of the log leads to") }
    let scrub = try hand.store.scrub()
    if !scrub.isSound { faults.append("the scrub found \(scrub.damages)") }
    return state
  }

  private mutating func demandContents(_ hand: StoreHand, _ state: StoreState) throws {
    let definitions = state.registry.versions.isEmpty ? -1 : try features(hand) - 2
    if definitions < story.definitionsAcked || definitions > story.definitionsIntended {
      faults.append(
        "definitions \(definitions), \(story.definitionsAcked) acknowledged, \(story.definitionsIntended) sent"
      )
    }
    guard definitions >= 0 else { return }
    found = state.producers[1]?.sequence ?? 0
    if found < story.promised(after: plan.attack) {
      faults.append(
        "LOST: request \(story.promised(after: plan.attack)) was acknowledged, the last is \(found)")
    }
    if found > story.intended {
      faults.append("request \(found) is there, \(story.intended) was the last to be sent")
    }
    if let offset = state.producers[1]?.sourceOffset, offset != Array("\(found)".utf8) {
      faults.append("after request \(found) the source offset is \(offset)")
    }

    // With and without the erasure that nobody answered.
    var candidates = [StoreModel(script, through: found, story.erases)]
    if story.openErase != nil {
      candidates.append(StoreModel(script, through: found, story.erases.dropLast()))
    }
    let read = try hand.read(StoreKey.all)
    let letters = try hand.letters(state)
    let differences = candidates.map { model in
      var words = StoreKey.all.filter { read[$0] != model.cells[$0] }.map {
        "\($0) is read as \(read[$0] ?? []), and is \(model.cells[$0] ?? []) after request \(found)"
      }
      let shown = model.letters.values.reduce(0, +)
      // What is of an erased card goes when the erasure is carried out.
      if letters != shown || state.deadLetters.letters < shown
        || state.deadLetters.letters > model.letterCount
      {
        words.append(
          "\(letters) dead letters are shown and \(state.deadLetters.letters) wait, \(model.letterCount) were set aside, "
            + "\(shown) of cards that were not erased")
      }
      if state.erasures.count != model.erased.count {
        words.append("\(state.erasures.count) cards are erased, and should be \(model.erased.count)")
      }
      return words
    }
    faults += differences.min { $0.count < $1.count } ?? []
    try demandPast(hand)
    try demandForgotten()
  }

  private func features(_ hand: StoreHand) throws -> Int {
    hand.store.catalog.view(VersionedName(name: "activity"), in: StoreScript.project)?.contract.features.count
      ?? 0
  }

  /// At the LSNs of requests that were answered the cards are what they were then.
  private mutating func demandPast(_ hand: StoreHand) throws {
    guard story.openErase == nil else { return }
    let cards = StoreKey.all.filter { $0.shop == nil }
    let frames = story.frames.filter { $0.key <= found }.sorted { $0.key < $1.key }
    var dice = SplitMix64(seed: story.seed &+ found)
    for _ in 0..<min(frames.count, 4) {
      let (number, lsns) = dice.pick(frames)
      do {
        try hand.demandPast(cards, at: lsns.last, StoreModel(script, through: number, story.erases))
      } catch let error as BrokenPromise { faults.append("request \(number): \(error)") }
    }
  }

  /// Where an erasure was carried out, no file of the store has what an erased card's texts began with.
  private mutating func demandForgotten() throws {
    var forgotten: Set<[UInt8]> = []
    for erase in story.erases where erase.isGone {
      for number in 0..<erase.after {
        for (place, row) in script.rows(of: number + 1).enumerated() where row.key.card == erase.card {
          guard case .upsert(.value) = row.doing else { continue }
          forgotten.insert(Array("\(story.seed)-\(number + 1)-\(place)".utf8))
        }
      }
    }
    if forgotten.isEmpty { return }
    self.forgotten = forgotten.count
    let first = Array("\(story.seed)-".utf8)
    for (path, bytes) in try FolderImage(of: plan.data, leavingOut: ["aside"]).files {
      for text in StoreScript.texts(in: bytes, beginning: first) where forgotten.contains(text) {
        faults.append(
          "\(path) has \(String(decoding: text, as: UTF8.self)), of a card that was erased for good")
      }
    }
  }

  // MARK: Retries

  /// Whoever got no answer asks again, under the epoch that it has: what is there is answered as before, the rest is done now.
  private mutating func sendAgain(_ hand: StoreHand, _ producer: Producer, _ journal: Journal) throws {
    if story.epoch > 0, story.epoch < producer.epoch, let batch = try? hand.batch(found + 1) {
      do throws(StoreError) {
        _ = try hand.store.append(
          batch, hand.ticket(found + 1, batch, producer: producer.id, epoch: story.epoch))
        faults.append("epoch \(story.epoch) was not fenced by \(producer.epoch)")
      } catch {
        guard case .fenced = error else { throw error }
      }
    }
    let kept = UInt64(StoreLimits.producerAnswersMax)
    let first = found >= kept ? found - kept + 1 : 1
    for number in first..<(max(found, min(story.intended, found + kept)) + 1) {
      let batch = try hand.batch(number)
      // From here on the journal knows of it, whatever becomes of this process.
      journal.say("intent \(number)")
      let answer = try hand.store.append(
        batch, hand.ticket(number, batch, producer: producer.id, epoch: producer.epoch))
      if answer.isRepeated != (number <= found) || answer.counts != script.counts(of: number) {
        faults.append("request \(number), sent again after \(found), was answered \(answer)")
      }
      if number <= found, let lsns = story.frames[number], lsns != answer.frame.lsns {
        faults.append("request \(number) was promised at \(lsns), and is at \(answer.frame.lsns)")
      }
      if answer.isRepeated { repeated += 1 } else { done += 1 }
      journal.say("ack \(number) \(answer.frame.lsns.first) \(answer.frame.lsns.last) \(answer.durable)")
    }
    let last = max(found, min(story.intended, found + kept))
    guard story.openErase == nil else { return }
    let model = StoreModel(script, through: last, story.erases)
    let read = try hand.read(StoreKey.all)
    for key in StoreKey.all where read[key] != model.cells[key] {
      faults.append(
        "\(key) is read as \(read[key] ?? []) after the retries, and is \(model.cells[key] ?? [])")
    }
  }
}
