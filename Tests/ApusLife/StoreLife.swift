// A life of a whole store: rounds of opening, pushing as a producer, deleting, erasing, defining, checkpointing, scrubbing,
// reading back, ending. What it reads must at every moment be what its model says.
//
// Each opening first settles what the one before left open: the producer tells up to where its requests are there, what was
// acknowledged must be, and what may be asked again is asked again.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

struct StoreLife {
  private let plan: Plan
  private let journal: Journal
  private let hand: StoreHand
  private let stops: Monitor<Int>
  private var dice: SplitMix64
  private var model: StoreModel
  private var opening = ProducerOpening(producer: 0, epoch: 0, lastSequence: 0, sourceOffset: nil)
  /// The request to be sent next.
  private var next: UInt64 = 1
  private var erases: Int
  private var definitions: Int

  /// How often in a row something that passes is tried again.
  private static let triesMax = 12

  static func run(_ plan: Plan) -> Int32 {
    do {
      let journal = Journal(plan.journal, tells: plan.tells)
      journal.begin(seed: plan.seed)
      for _ in 0..<plan.rounds { try round(plan, journal) }
      return 0
    } catch let error as StoreError where error.mayMeetAnInnocent {
      complain("seed \(plan.seed): the store refused: \(error); next: \(error.next)")
      return ExitCode.refused
    } catch {
      complain("seed \(plan.seed): PROMISE BROKEN: \(error)")
      return ExitCode.promiseBroken
    }
  }

  private static func round(_ plan: Plan, _ journal: Journal) throws {
    let story = try StoreStory(plan.journal, on: RealDisk())
    var dice = SplitMix64(seed: plan.seed &+ UInt64(story.openings) &* 0x1_0000_0001)
    let script = StoreScript(seed: plan.seed)
    let base: any Disk = plan.stutters ? StutteringDisk(seed: dice.next()) : RealDisk()
    let disk = HookedDisk(base)
    journal.say("opening")
    var identity = dice.split()
    let stops = Monitor(0)
    var options = plan.storeOptions
    options.generationAgeNanoseconds = dice.pick([1_000_000, 10_000_000, 10_000_000_000])
    let hand = try StoreHand.open(
      plan.data, on: disk, random: &identity, options, stops: stops, script: script)
    guard hand.store.report.losses.isEmpty else {
      throw BrokenPromise(description: "the store opened read-only: \(hand.store.report)")
    }
    var life = StoreLife(plan: plan, journal: journal, hand: hand, stops: stops, dice: dice, story: story)
    do {
      try life.settle(story)
      if plan.asks { life.askBeforeSyncs(of: disk) }
      try life.live()
      disk.before(nil)
      try life.end()
    } catch {
      disk.before(nil)
      try life.stop(after: error)
      throw error
    }
  }

  private init(
    plan: Plan, journal: Journal, hand: StoreHand, stops: Monitor<Int>, dice: SplitMix64, story: StoreStory
  ) {
    self.plan = plan
    self.journal = journal
    self.hand = hand
    self.stops = stops
    self.dice = dice
    model = StoreModel()
    erases = story.erases.count
    definitions = max(0, story.definitionsIntended)
  }

  /// The words before each sync of a segment, so that an attack finds something to tear.
  private func askBeforeSyncs(of disk: HookedDisk) {
    let journal = journal
    disk.before { call, path in
      guard call == .syncData, path.contains("/log/") else { return }
      journal.say("sync")
      journal.ask("sync")
    }
  }

  // MARK: Opening

  private mutating func settle(_ story: StoreStory) throws {
    try define(definitions)
    opening = try hand.store.openProducer(StoreScript.producer)
    let found = opening.lastSequence
    guard found >= story.promised(after: plan.attack) else {
      throw BrokenPromise(
        description:
          "LOST: request \(story.promised(after: plan.attack)) was acknowledged, \(found) is the last that is there"
      )
    }
    guard found <= story.intended else {
      throw BrokenPromise(description: "request \(found) is there, \(story.intended) was the last to be sent")
    }
    if let offset = opening.sourceOffset, offset != Array("\(found)".utf8) {
      throw BrokenPromise(description: "after request \(found) the source offset is \(offset)")
    }
    journal.say("opened \(found) \(opening.epoch)")
    // Of an erasure that nobody answered nothing is known; done again, it was done before any other request.
    if let open = story.openErase { try erase(open, card: story.erases[open].card, after: found) }
    model = StoreModel(
      StoreScript(seed: plan.seed), through: found, try StoreStory(plan.journal, on: RealDisk()).erases)
    next = found + 1
    if dice.coin() { try sendAgain(story) }
    try demand(dice.coin() ? StoreKey.all : [])
  }

  /// The last requests again, whose answers the store has kept.
  private func sendAgain(_ story: StoreStory) throws {
    let found = opening.lastSequence
    let kept = UInt64(StoreLimits.producerAnswersMax)
    for number in (found >= kept ? found - kept + 1 : 1)..<(found + 1) {
      let batch = try hand.batch(number)
      let ticket = hand.ticket(number, batch, producer: opening.producer, epoch: opening.epoch)
      let answer = try hand.store.append(batch, ticket)
      let isSame = story.frames[number].map { $0 == answer.frame.lsns } ?? true
      guard answer.isRepeated, isSame, answer.counts == hand.script.counts(of: number) else {
        throw BrokenPromise(description: "request \(number), sent again, was answered \(answer)")
      }
      journal.say("ack \(number) \(answer.frame.lsns.first) \(answer.frame.lsns.last) \(answer.durable)")
    }
  }

  // MARK: Living

  private mutating func live() throws {
    let goal = next + UInt64(plan.frames)
    while next < goal {
      try trying { (life) throws in try life.push() }
      switch dice.below(40) {
      case 0, 1, 2:
        let card = dice.below(StoreScript.cards)
        let number = erases
        try trying { life throws in try life.erase(number, card: card, after: life.next - 1) }
        model.erase(card: card)
      case 3, 4, 5, 6: try trying { life throws in try life.checkpoint() }
      case 7, 8: try trying { life throws in try life.scrub() }
      case 9 where definitions < StoreScript.definitionsMax:
        try trying { life throws in try life.define(life.definitions + 1) }
      case 10...15: try trying { life throws in try life.demand([life.dice.pick(StoreKey.all)]) }
      case 16: try trying { life throws in try life.demand(StoreKey.all) }
      case 17...20 where plan.compacts: try trying { life throws in try life.compact(erasing: false) }
      case 21 where plan.compacts: try trying { life throws in try life.compact(erasing: true) }
      case 22...24 where plan.compacts: try trying { life throws in try life.demandPast() }
      default: break
      }
    }
  }

  /// What passes is tried again, a few times.
  private mutating func trying(_ body: (inout StoreLife) throws -> Void) throws {
    for attempt in 1... {
      do { return try body(&self) } catch let error as StoreError where error.passes {
        journal.say("full")
        guard plan.asks && journal.ask("full") || attempt < Self.triesMax else { throw error }
      }
    }
  }

  private struct Answers: Sendable {
    var open = 0
    var failed: (number: UInt64, error: StoreError)?
    var broken: String?
  }

  /// Sends some requests at once, at most as many as a producer may have under way, and waits for all of them.
  private mutating func push() throws {
    let answers = Monitor(Answers())
    let first = next
    let last = first + UInt64(dice.below(min(plan.group, StoreLimits.producerAnswersMax)))
    var refusal: StoreError?
    for number in first...last {
      let batch = try hand.batch(number)
      let ticket = hand.ticket(number, batch, producer: opening.producer, epoch: opening.epoch)
      journal.say("intent \(number)")
      answers.withLock { $0.open += 1 }
      do throws(StoreError) { try submit(number, batch, ticket, answers) } catch {
        answers.withLock { $0.open -= 1 }
        refusal = error
        break
      }
    }
    _ = answers.wait(for: nil) { $0.open == 0 }
    let (failed, broken) = answers.withLock { ($0.failed, $0.broken) }
    if let broken { throw BrokenPromise(description: broken) }
    // What came behind a request that failed has failed too, or would leave a gap.
    let end = failed?.number ?? (refusal == nil ? last + 1 : first)
    while next < end {
      model.apply(hand.script.rows(of: next))
      next += 1
    }
    if let failed { throw failed.error }
    if let refusal { throw refusal }
  }

  private func submit(
    _ number: UInt64, _ batch: AdmittedBatch, _ ticket: ProducerTicket, _ answers: Monitor<Answers>
  ) throws(StoreError) {
    let journal = journal
    let counts = hand.script.counts(of: number)
    let demandsDurable = plan.durability == .durable
    try hand.store.submit(batch, ticket) { result in
      var broken: String?
      switch result {
      case .success(let answer):
        let lsns = answer.frame.lsns
        journal.say("ack \(number) \(lsns.first) \(lsns.last) \(answer.durable)")
        if answer.counts != counts || answer.isRepeated {
          broken = "request \(number) was answered \(answer), \(counts) was right"
        }
        if demandsDurable, answer.durable < lsns.last {
          broken = "request \(number) is not durable: \(answer)"
        }
      case .failure: break
      }
      answers.withLock {
        $0.open -= 1
        $0.broken = $0.broken ?? broken
        if case .failure(let error) = result, $0.failed.map({ number < $0.number }) ?? true {
          $0.failed = (number, error)
        }
      }
      answers.notifyAll()
    }
  }

  private mutating func erase(_ number: Int, card: Int, after last: UInt64) throws {
    journal.say("erase \(number) \(card) \(last)")
    erases = max(erases, number + 1)
    while true {
      do throws(StoreError) {
        try hand.erase(card: card)
        break
      } catch {
        // Whoever asks again asks for the same card.
        guard error.passes, plan.asks, journal.ask("full") else { throw error }
      }
    }
    journal.say("erased \(number)")
  }

  private mutating func define(_ changes: Int) throws {
    journal.say("define \(changes)")
    definitions = changes
    _ = try hand.store.apply(
      StoreScript.definition(changes, compacts: plan.compacts), accepting: [.producers, .readers])
    journal.say("defined \(changes)")
  }

  /// An index that was given up is built again soon, and no request waits for that.
  private func checkpoint() throws {
    do throws(StoreError) { try hand.store.checkpoint() } catch {
      guard case .index(.abandoned) = error else { throw error }
      journal.say("abandoned")
    }
  }

  /// What compaction meets keeps it from its work, and nobody else from theirs.
  private func compact(erasing: Bool) throws {
    let erased = erases
    journal.say("compacting")
    do throws(StoreError) { try hand.store.compact(erasing: erasing) } catch {
      if case .stopped = error { throw error }
      guard error.mayMeetAnInnocent || error.passes else { throw error }
      return journal.say("uncompacted")
    }
    journal.say("compacted")
    if erasing { journal.say("forgotten \(erased)") }
  }

  /// A request that was answered is looked back to: then the cards were what the script says up to it, but for what was erased since.
  private mutating func demandPast() throws {
    let story = try StoreStory(plan.journal, on: RealDisk())
    let frames = story.frames.sorted { $0.key < $1.key }
    if frames.isEmpty { return }
    let frame = dice.pick(frames)
    let cards = (0..<4).map { _ in StoreKey(card: dice.below(StoreScript.cards), shop: nil) }
    try hand.demandPast(
      cards, at: frame.value.last, StoreModel(hand.script, through: frame.key, story.erases))
  }

  private mutating func scrub() throws {
    let report = try hand.store.scrub()
    if report.isSound { return }
    // On a disk that is gone, an index may be neither what it was nor what it was to become. Then the next request says so.
    try push()
    throw BrokenPromise(description: "a scrub found \(report.damages)")
  }

  /// What is read is what the model says.
  private func demand(_ keys: [StoreKey]) throws {
    if keys.isEmpty { return }
    for (key, cells) in try hand.read(keys) where cells != model.cells[key] {
      throw BrokenPromise(
        description: "\(key) is read as \(cells), \(model.cells[key] ?? []) after request \(next - 1)")
    }
  }

  // MARK: Ending

  private mutating func end() throws {
    guard dice.chance(0.6) else {
      journal.say("abandoned")
      return hand.store.abandon()
    }
    journal.say("closing")
    try hand.close()
    journal.say("closed")
  }

  /// After an error: what was stopped stays stopped, and said so once.
  private mutating func stop(after error: any Error) throws {
    journal.say("stopped")
    defer { hand.store.abandon() }
    guard let error = error as? StoreError, case .stopped = error else { return }
    do {
      guard hand.store.catalog.view(VersionedName(name: "activity"), in: StoreScript.project) != nil else {
        // Stopped by its first definitions: there is nothing yet that a row could be of.
        let opening = try hand.store.openProducer(StoreScript.producer)
        throw BrokenPromise(description: "after a stop, a producer was opened: \(opening)")
      }
      let batch = try hand.batch(next)
      let ticket = hand.ticket(next, batch, producer: opening.producer, epoch: opening.epoch)
      journal.say("intent \(next)")
      let answer = try hand.store.append(batch, ticket)
      throw BrokenPromise(description: "after a stop, request \(next) was answered \(answer)")
    } catch let error as StoreError {
      // Closed, when it stopped while it was being closed.
      switch error {
      case .stopped, .closed: break
      default: throw BrokenPromise(description: "after a stop: \(error)")
      }
    }
    let told = stops.withLock { $0 }
    if told != 1 {
      throw BrokenPromise(description: "the owner was told \(told) times that the store stopped")
    }
  }
}
