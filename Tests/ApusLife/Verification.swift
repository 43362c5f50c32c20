// Is everything there that was promised, is nothing there that was not intended, and is every byte right?

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

struct Verification {
  private let plan: Plan
  private let story: Story
  private let disk = RealDisk()
  private var faults: [String] = []
  private var found: [UInt64: LSNRange] = [:]
  private var seen = 0
  private var tail = "none"

  /// Prints one line that says what was found, and further ones only for faults.
  static func run(_ plan: Plan) -> Int32 {
    do {
      var verification = try Verification(plan)
      try verification.verify()
      return verification.verdict()
    } catch {
      print("verify: FAILED: \(error)")
      return ExitCode.promiseBroken
    }
  }

  private init(_ plan: Plan) throws {
    self.plan = plan
    story = try Story(plan.journal, on: disk)
    faults = story.contradictions
  }

  private func verdict() -> Int32 {
    guard faults.isEmpty else {
      print("verify: FAILED: seed \(story.seed), opening \(story.openings): \(faults.count) faults")
      for fault in faults.prefix(20) { print("  \(fault)") }
      return ExitCode.promiseBroken
    }
    print(
      "verify: ok: seed \(story.seed), \(story.openings) openings, \(story.promises.count) promised, "
        + "\(found.count) found, \(seen) of them never acknowledged, lost 0, unheard \(story.unheard.count), tail \(tail)"
    )
    return 0
  }

  private mutating func verify() throws {
    guard try disk.entry(at: plan.data + "/CURRENT") != nil else {
      if story.wasOpened { faults.append("the store is gone") }
      return
    }
    // As the crash left it, then as the opening leaves it.
    try demandSoundness("before the opening")
    var random = SplitMix64(seed: 0)
    let log = try Log.open(
      plan.data, on: disk, clock: SystemClock(), random: &random, options: plan.logOptions)
    tail = Verification.word(for: log.report.tail)
    if log.report.isReadOnly { faults.append("the store opened read-only") }
    for damage in log.report.damages + log.report.knownDamages {
      faults.append("a mere crash left damage: \(damage)")
    }
    if let last = story.promises.map(\.lsns.last).max(), log.report.nextLSN <= last {
      faults.append("LSN \(log.report.nextLSN) is next, and \(last) was given out")
    }
    try scan(log)
    demandPromises(floor: log.reader.view.floor)
    if faults.isEmpty { remember() }
    if plan.leavesOpen, let writer = log.writer { writer.abandon() } else { try log.close() }
    try demandSoundness("after the opening")
  }

  private static func word(for tail: RecoveryReport.Tail) -> String {
    switch tail {
    case .none: "none"
    case .clean: "clean"
    case .sealed: "sealed"
    case .torn: "torn"
    }
  }

  private mutating func demandSoundness(_ when: String) throws {
    let check = try LogCheck.run(plan.data, on: disk)
    faults += check.problems.map { "\(when), check: \($0)" }
  }

  // MARK: What is there

  private mutating func scan(_ log: Log) throws {
    var scanner = try log.reader.scan(from: log.reader.view.floor, .written)
    var last: UInt64 = 0
    while let frame = try scanner.next() {
      let bytes = unsafe scanner.payload.withUnsafeBytes { unsafe Array($0) }
      guard let payload = Payload(bytes, recordCount: frame.recordCount, seed: story.seed) else {
        faults.append("\(frame.lsns): no frame of this life")
        continue
      }
      if !story.intents.contains(payload.number) {
        faults.append("frame \(payload.number) was never intended")
      }
      if story.refused.contains(payload.number) {
        faults.append("frame \(payload.number), \(frame.lsns), was refused, and is there")
      }
      if payload.number <= last { faults.append("frame \(payload.number) follows frame \(last)") }
      last = payload.number
      found[payload.number] = frame.lsns
    }
    if !scanner.damages.isEmpty { faults.append("the scan met damage: \(scanner.damages)") }
  }

  // MARK: What must be there

  private mutating func demandPromises(floor: LSN) {
    if floor > LSN.first, floor > story.retired.next {
      faults.append("the log begins at \(floor); nobody gave that up")
    }
    for promise in story.promises {
      if let lsns = found[promise.number] {
        if lsns != promise.lsns {
          faults.append("frame \(promise.number) was promised at \(promise.lsns) and is at \(lsns)")
        }
        continue
      }
      guard isDue(promise), promise.lsns.last >= floor else { continue }
      faults.append(
        "LOST: frame \(promise.number), \(promise.lsns), \(promise.isDurable ? "durable" : "acknowledged")")
    }
    demandOneOwner()
  }

  /// What a power cut may take is what no sync has covered.
  private func isDue(_ promise: Story.Promise) -> Bool {
    plan.attack == .kill || promise.isDurable
  }

  /// No LSN belongs to two frames, whether promised or found.
  private mutating func demandOneOwner() {
    var owned = found
    for promise in story.promises { owned[promise.number] = promise.lsns }
    var last: (number: UInt64, lsn: LSN)?
    for (number, lsns) in owned.sorted(by: { $0.value.first < $1.value.first }) {
      if let last, lsns.first <= last.lsn {
        faults.append("\(lsns) of frame \(number) were given to frame \(last.number) too")
      }
      last = (number, lsns.last)
    }
  }

  /// What an opening has shown must stay: the journal promises it to the next verification.
  private mutating func remember() {
    let durable = Set(story.promises.filter(\.isDurable).map(\.number))
    let acked = Set(story.promises.map(\.number))
    let journal = Journal(plan.journal, tells: false)
    for (number, lsns) in found.sorted(by: { $0.key < $1.key }) where !durable.contains(number) {
      if !acked.contains(number) { seen += 1 }
      journal.say("seen \(number) \(lsns.first) \(lsns.last)")
    }
  }
}
