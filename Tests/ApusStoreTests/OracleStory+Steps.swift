// What may happen in a story, each with what it must lead to.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport

extension OracleStory {
  /// Plays all steps but those left out.
  func play(_ steps: Int, without left: Set<Int> = []) throws {
    summary.stories = 1
    var random = SplitMix64(seed: seed &* 0x9E37_79B9 &+ 1)
    try begin(mustKeep: 0, isRebuilt: false, &random)
    try apply(told.wanted)
    for step in 0..<steps where !left.contains(step) {
      var random = SplitMix64(seed: seed &+ UInt64(step) &* 0xD1B5_4A32_D192_ED03)
      do {
        try self.step(&random)
      } catch is PowerIsGone {
        count("power gone in a request")
      }
      if disk.isOff {
        say("the power is gone")
        try restart(random.coin() ? .killed : .powerCut, &random)
      }
      do {
        try readAll(&random)
      } catch  where disk.isOff {
        // Between two requests the store wrote something of its own, and the power failed.
        try restart(random.coin() ? .killed : .powerCut, &random)
        try readAll(&random)
      }
    }
    try finish(&random)
  }

  private func step(_ random: inout SplitMix64) throws {
    if random.chance(0.6) {
      clock.advance(
        nanoseconds: random.pick([
          1, 1, 2, 5, 1_000, 20_000_000, 1_000_000_000, 20_000_000_000, 30_000_000_000,
        ]))
    }
    if random.chance(0.06) {
      disk.failPower(beforeCall: disk.calls.total + random.within(1...12))
      say("the power will fail")
    }
    // Who meets a jumped clock confirms it, mostly.
    if toldClock.isInDoubt, random.chance(0.4) { return try confirmClock() }
    switch random.below(100) {
    case ..<29: try push(&random)
    case ..<35: try pushTogether(&random)
    case ..<47: try pushNumbered(&random)
    case ..<50: try openProducer(&random)
    case ..<57: if let batch = try batch(&random) { stale.append(batch) }
    case ..<64: try pushStale(&random)
    case ..<72: try change(&random)
    case ..<76: try promoteOrRetire(&random)
    case ..<81: try erase(&random)
    case ..<84: try disturbClock(&random)
    case ..<86: try confirmClock()
    case ..<88: try checkpoint()
    case ..<91: try compact()
    case ..<95: try handleLetters(&random)
    default:
      if disk.isOff { return }
      let end = random.pick(OracleStory.End.allCases)
      let isDeleted = random.chance(0.2)
      say("\(end)\(isDeleted ? ", the index is deleted" : "")")
      // A power that was to fail may do so in the middle of the closing.
      do {
        try restart(end, deletingIndex: isDeleted, &random)
      } catch let error as StoreError where disk.isOff && error.isOfPower {
        throw PowerIsGone()
      }
    }
  }

  // MARK: Rows

  private func push(_ random: inout SplitMix64) throws {
    if let made = try batch(&random) { try append(made.batch, made.told) }
  }

  private func pushStale(_ random: inout SplitMix64) throws {
    guard !stale.isEmpty else { return try push(&random) }
    let made = stale.remove(at: random.below(stale.count))
    say("push what was admitted before")
    try append(made.batch, made.told)
  }

  private func pushTogether(_ random: inout SplitMix64) throws {
    // Which of several a failing power took is the disk's to say; here all are answered.
    if disk.willFail { return try push(&random) }
    var requests: [(batch: AdmittedBatch, told: ToldBatch, ticket: ProducerTicket?)] = []
    let at = told.producers.isEmpty ? nil : random.below(told.producers.count)
    for _ in 0..<random.within(2...4) {
      guard let made = try batch(&random) else { continue }
      var ticket: ProducerTicket?
      if let at {
        let ahead = UInt64(requests.filter { $0.ticket != nil }.count)
        ticket = self.ticket(at, told.producers[at].sequence + 1 + ahead, made.batch.digest, &random)
      }
      requests.append((made.batch, made.told, ticket))
      if random.chance(0.3) { requests.append((made.batch, made.told, ticket)) }
    }
    if !requests.isEmpty { try appendTogether(requests) }
  }

  // MARK: Producers

  private func ticket(
    _ at: Int, _ sequence: UInt64, _ digest: RequestDigest, _ random: inout SplitMix64
  ) -> ProducerTicket {
    ProducerTicket(
      producer: UInt32(at + 1), epoch: told.producers[at].epoch, sequence: sequence, digest: digest,
      sourceOffset: random.coin() ? random.bytes(3) : nil)
  }

  private func pushNumbered(_ random: inout SplitMix64) throws {
    guard !told.producers.isEmpty else { return try openProducer(&random) }
    guard let made = try batch(&random) else { return }
    let at = random.below(told.producers.count)
    let producer = told.producers[at]
    var ticket = ticket(at, producer.sequence + 1, made.batch.digest, &random)
    switch random.below(20) {
    case ..<5 where !producer.answers.isEmpty:
      let known = random.pick(producer.answers)
      ticket.sequence = known.sequence
      ticket.digest = RequestDigest(first: known.digest[0], second: known.digest[1])
    case 5 where !producer.answers.isEmpty:
      ticket.sequence = random.pick(producer.answers).sequence
      ticket.digest = RequestDigest(first: 1, second: 2)
    case 6: ticket.sequence += UInt64(random.within(1...3))
    case 7: ticket.sequence = UInt64(random.below(Int(producer.sequence) + 1))
    case 8: ticket.epoch = random.pick([0, producer.epoch + 1, producer.epoch - 1])
    case 9: ticket.producer = random.pick([0, UInt32(told.producers.count + 1)])
    default: break
    }
    say("as \(producer.name), \(ticket.epoch), number \(ticket.sequence)")
    try append(made.batch, made.told, ticket)
  }

  private func openProducer(_ random: inout SplitMix64) throws {
    let name = random.pick(["pay", "ship", "é", "e\u{301}"])
    say("open the producer \(name)")
    guard let time = moment() else {
      _ = try write([], refusedBy: "clockJump") { try store.openProducer(name) }
      return
    }
    var frames: [ToldStore] = []
    var state = told
    func isIdle(_ producer: ToldProducer) -> Bool {
      !producer.isExpired && producer.isIdle(at: time, max: options.producerIdleNanosecondsMax)
    }
    if state.producers.contains(where: isIdle) {
      for at in state.producers.indices where isIdle(state.producers[at]) {
        state.producers[at].isExpired = true
        state.producers[at].answers = []
      }
      (state.lastLSN, state.lastTime) = (nextLSN, time)
      frames.append(state)
      count("expired producers")
    }
    var known = ToldProducer(name: name, lastUsed: time)
    let at = state.producers.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    if let at {
      known = state.producers[at]
      known.epoch += 1
      known.isExpired = false
      known.lastUsed = time
      state.producers[at] = known
    } else {
      state.producers.append(known)
    }
    (state.lastLSN, state.lastTime) = (nextLSN + UInt64(frames.count), time)
    frames.append(state)
    guard let opening = try write(frames, { try store.openProducer(name) }) else { return }
    try check(
      opening,
      ProducerOpening(
        producer: UInt32((at ?? state.producers.count - 1) + 1), epoch: known.epoch,
        lastSequence: known.sequence, sourceOffset: known.offset), "opening of a producer")
  }

  // MARK: Definitions

  private func apply(_ wanted: Wanted) throws {
    let definition = told.definitions.definition(wanted)
    var definitions = told.definitions
    let isChanged = definitions.apply(wanted)
    try alter(isChanged: isChanged, definitions, also: { $0.wanted = wanted }) { store in
      try store.apply(definition, accepting: [.producers, .readers]).frame
    }
  }

  private func change(_ random: inout SplitMix64) throws {
    var wanted = told.wanted
    say("apply: " + wanted.change(told.definitions, mayReadd: stale.isEmpty, &random))
    try apply(wanted)
  }

  /// Does what changes the definitions, or nothing.
  private func alter(
    isChanged: Bool, _ definitions: ToldDefinitions, also: (inout ToldStore) -> Void = { _ in },
    _ body: (Store) throws -> FrameMoment?
  ) throws {
    guard isChanged else {
      if let frame = try write([], { try body(store) }) ?? nil {
        throw OracleFailure("a frame for nothing: \(frame)")
      }
      return
    }
    guard let time = moment() else {
      _ = try write([], refusedBy: "clockJump") { try body(store) }
      return
    }
    let state = planned(at: time) {
      $0.definitions = definitions
      $0.catalog += 1
      also(&$0)
    }
    let frame = try write([state]) { try body(store) }
    try check(frame ?? nil, is: state)
    vectors = nil
    count("definitions changed")
  }

  private func promoteOrRetire(_ random: inout SplitMix64) throws {
    var definitions = told.definitions
    if random.chance(0.2), !definitions.services.isEmpty {
      let at = random.below(definitions.services.count)
      let service = definitions.services[at]
      say("retire \(service.service)@\(service.number)")
      definitions.retire(service: at)
      try alter(isChanged: !service.isRetired, definitions) { store in
        try store.retire(
          service: VersionedName(name: service.service, number: UInt32(service.number)), in: Self.project)
      }
      return
    }
    let at = random.below(definitions.versions.count)
    let version = definitions.versions[at]
    let name = VersionedName(name: version.view, number: UInt32(version.number))
    if random.coin() {
      say("promote \(version.spelling)")
      if version.isRetired {
        _ = try write([], refusedBy: "plan") { try store.promote(name, in: Self.project) }
      } else {
        try alter(isChanged: definitions.promote(at), definitions) { try $0.promote(name, in: Self.project) }
      }
      return
    }
    say("retire \(version.spelling)")
    switch definitions.retire(at) {
    case .inUse, .isCurrent: _ = try write([], refusedBy: "plan") { try store.retire(name, in: Self.project) }
    case .already: try alter(isChanged: false, definitions) { try $0.retire(name, in: Self.project) }
    case .done: try alter(isChanged: true, definitions) { try $0.retire(name, in: Self.project) }
    }
  }

  // MARK: Erasing

  private func erase(_ random: inout SplitMix64) throws {
    var parts: [ToldKeyPart] = []
    for _ in 0..<random.within(1...2) {
      let entity = random.pick(told.definitions.entities)
      let key = random.pick(entity.pool)
      let part = random.below(key.count)
      parts.append(ToldKeyPart(key: entity.keys[part], value: key[part]))
    }
    say("erase \(parts.map { "\($0.key.name) \($0.value)" })")
    let keys = parts.map { ErasedKey(name: $0.key.name, value: $0.value) }
    guard let time = moment() else {
      _ = try write([], refusedBy: "clockJump") { try store.erase(keys, in: Self.project) }
      return
    }
    // Where a clock was set back, what was told before is ahead of this moment, and must not come again either.
    let newest = told.events.flatMap { $0 }.map(\.eventTime).max() ?? .min
    let state = planned(at: time) { state in
      let erase = ToldErase(lsn: state.lastLSN, time: max(time, newest))
      for part in parts { state.erases[part] = erase.joined(with: state.erases[part]) }
      state.catalog += 1
    }
    try check(try write([state]) { try store.erase(keys, in: Self.project) }, is: state)
    count("erasures")
  }

  // MARK: The clock

  private func disturbClock(_ random: inout SplitMix64) throws {
    // One at a time, so that it does not depend on anybody's looking in between.
    if isClockDisturbed { return }
    isClockDisturbed = true
    let step: Int64 = random.pick([
      -1, -2_000, -50_000_000_000, 50_000_000_000, -70_000_000_000, 90_000_000_000,
    ])
    clock.jumpWall(nanoseconds: step)
    say("the wall clock moves by \(step)")
  }

  private func confirmClock() throws {
    say("confirm the clock")
    guard toldClock.confirm(wall, Int64(clamping: clock.monotonic().nanoseconds)) else {
      if let frame = try write([], { try store.confirmClock() }) ?? nil {
        throw OracleFailure("a frame for nothing: \(frame)")
      }
      return
    }
    isClockDisturbed = false
    let state = planned(at: wall) { _ in }
    let frame = try write([state]) { try store.confirmClock() }
    try check(frame ?? nil, is: state)
    count("clocks confirmed")
  }

  /// Whatever may be asked stays as it was; who reads afterwards compares it.
  private func compact() throws {
    say("compact")
    do {
      let before = try store.statistics.compaction
      let report = try store.compact()
      count("packs", report.packs - before.packs)
      count("merges", report.merges - before.merges)
      if !disk.isOff { noteAllDurable() }
    } catch let error as StoreError where disk.isOff && error.isOfPower {
      throw PowerIsGone()
    }
  }

  private func checkpoint() throws {
    say("checkpoint")
    do {
      try store.checkpoint()
      if !disk.isOff { noteAllDurable() }
    } catch let error as StoreError where disk.isOff && error.isOfPower {
      throw PowerIsGone()
    }
  }
}
