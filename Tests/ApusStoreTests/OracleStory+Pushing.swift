// Pushes: rows of every kind, admitted and appended, alone or in a group, with a producer's number or without.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport

extension OracleStory {
  /// Makes a batch. Nil when all of it was refused, as was expected, or when nothing can be pushed.
  func batch(_ random: inout SplitMix64) throws -> (batch: AdmittedBatch, told: ToldBatch)? {
    let live = told.definitions.versions.indices.filter { !told.definitions.versions[$0].isRetired }
    guard !live.isEmpty else { return nil }
    let choice: ToldChoice =
      random.chance(0.5)
      ? .live : random.pick([.now, .eventTime, .column, .delay(random.pick([0, 2, 1_000, .max, -1]))])
    let isAllOrNothing = random.chance(0.2)
    // Few, or more than the overlay looks up together: then most keys come several times, of all views, deletes and late events among them.
    let isLarge = random.chance(0.04)
    let rowCount = random.within(isLarge ? 33...100 : 1...4)
    if isLarge { count("large batches") }
    var rows: [ToldRow] = []
    let store = try store
    var batch = store.batch(choice.choice, isAllOrNothing ? .allOrNothing : .setAside)
    for _ in 0..<rowCount {
      let version = random.pick(live)
      rows.append(try add(to: &batch, version, choice, &random))
    }
    let toldBatch = ToldBatch(rows, choice, isAllOrNothing: isAllOrNothing, at: wall, in: told)
    say("push \(choice)\(isAllOrNothing ? ", all or nothing" : ""): \(rows.map { words($0) })")
    do {
      let admitted = try batch.admitted()
      try check(toldBatch.isRefused, false, "whether all of it is refused")
      try check(admitted, is: toldBatch)
      return (admitted, toldBatch)
    } catch let error as StoreError {
      guard case .rowsRefused(let tallies) = error, toldBatch.isRefused else {
        throw OracleFailure("a batch was refused: \(error)")
      }
      try check(tallies.map(\.told), toldBatch.refusals, "refusals")
      count("all refused")
      return nil
    }
  }

  private func words(_ row: ToldRow) -> String {
    let version = told.definitions.versions[row.version].spelling
    let times = [row.times.event, row.times.created, row.times.known].map {
      $0.map { "\($0 &- wall)" } ?? "-"
    }
    return
      "\(version) \(row.key) at \(times) \(row.isDelete ? "delete" : "") \(row.said.map { "\($0)=\($1)" })"
  }

  private func check(_ batch: AdmittedBatch, is told: ToldBatch) throws {
    let answer = told.answer
    try check(batch.counts.accepted, answer.accepted, "accepted at admission")
    try check(batch.counts.setAside, answer.setAside, "set aside at admission")
    try check(batch.counts.erased, answer.erased, "erased at admission")
    try check(batch.counts.setBack, answer.setBack, "set back at admission")
    try check(batch.refused.map(\.told), told.refusals, "refusals at admission")
  }

  // MARK: Rows

  private func add(
    to batch: inout Batch, _ version: Int, _ choice: ToldChoice, _ random: inout SplitMix64
  ) throws -> ToldRow {
    let known = told.definitions.versions[version]
    let isCurrent = told.definitions.current[known.view] == version
    let spelling = isCurrent && random.coin() ? known.view : known.spelling
    guard let name = VersionedName(spelling: spelling),
      let view = try store.catalog.view(name, in: Self.project)
    else { throw OracleFailure("there is no view \(spelling)") }
    let entity = told.definitions.entities[known.entity]
    var key = random.pick(entity.pool)
    let times = times(choice, &random)
    let given = GivenTimes(
      eventTime: times.event.map { EventTime(nanoseconds: $0) },
      createdAt: times.created.map { CreatedAt(nanoseconds: $0) },
      knownAt: times.known.map { KnownAt(nanoseconds: $0) })
    let isDelete = random.chance(0.12)
    let style = random.below(10)
    if random.chance(0.03), style != 3 {
      key[random.below(key.count)] = random.pick([
        .float64(1), .string(String(repeating: "x", count: 500)), .list(.int64([1])),
      ])
    }
    let absent = random.pick([0, 0.3, 0.6, 0.9])
    func said(_ feature: Int, _ random: inout SplitMix64) -> Said {
      if random.chance(absent) { return .absent }
      if random.chance(0.15) { return .null }
      if random.chance(0.02) { return .value(ToldElement.random(&random).value(&random)) }
      return .value(known.features[feature].type.value(&random))
    }
    if isDelete {
      if style < 6 {
        try batch.turn(to: view)
        batch.delete(key: key, given)
        return ToldRow(version: version, isDelete: true, key: key, times: times, said: [])
      }
      let features: [(name: String, said: Said)] = random.chance(0.2) ? [("any", .null)] : []
      try batch.turn(to: view)
      batch.delete(row: RowInput(key: key, times: given, features: features.map { .init($0, $1.input) }))
      return ToldRow(version: version, isDelete: true, key: key, times: times, said: features)
    }
    var features = known.inUse
    switch style {
    case 0..<3:
      try batch.turn(to: view)
    case 3, 4, 5, 6:
      features = features.filter { _ in random.chance(0.6) }.shuffled(using: &random)
      try batch.turn(to: view, columns: features.map { known.features[$0].name })
    default:
      features = features.shuffled(using: &random)
      var row = features.map { (name: known.features[$0].name, said: said($0, &random)) }
      if random.chance(0.05) { row.append(("nobody", .null)) }
      if random.chance(0.05), let first = row.first { row.append(first) }
      try batch.turn(to: view)
      batch.upsert(row: RowInput(key: key, times: given, features: row.map { .init($0, $1.input) }))
      return ToldRow(version: version, isDelete: false, key: key, times: times, said: row)
    }
    let row = features.map { (name: known.features[$0].name, said: said($0, &random)) }
    if style == 3 {
      var encoder = KeyEncoder()
      try view.keySchema.encode(key, into: &encoder)
      batch.upsert(encodedKey: encoder.bytes, given, row.map(\.said.input))
    } else {
      batch.upsert(key: key, given, row.map(\.said.input))
    }
    return ToldRow(version: version, isDelete: false, key: key, times: times, said: row)
  }

  private func times(_ choice: ToldChoice, _ random: inout SplitMix64) -> ToldTimes {
    let now = wall
    var times = ToldTimes()
    // Of a few moments since the story began, or near now.
    let start: Int64 = 1_767_225_600_000_000_000
    if !random.chance(0.15) {
      times.event =
        random.chance(0.6)
        ? start + Int64(random.below(6))
        : now
          + random.pick([
            0, 0, -1, -2, -7, -8, -1_000, -11_000_000_000, 1, 9, 11, 59_000_000_000, 61_000_000_000,
          ])
      if random.chance(0.02) { times.event = random.pick([.min, .max, 0]) }
    }
    if random.chance(0.4) {
      times.created =
        random.chance(0.7)
        ? start + Int64(random.below(3)) : now + random.pick([0, -1, 5, 61_000_000_000, -1_000_000])
    }
    if choice == .column {
      let event = min(times.event ?? now, now)
      if !random.chance(0.05) {
        times.known = random.pick([event, now, event == .max ? event : event + 1, now - 1])
      }
    } else if random.chance(0.02) {
      times.known = now
    }
    return times
  }
}

extension ToldElement {
  fileprivate static func random(_ random: inout SplitMix64) -> ToldElement { random.pick(allCases) }
}

extension RefusalTally {
  var told: ToldRefusal { ToldRefusal(view: view, rule: rule, count: count, firstRow: firstRow) }
}

// MARK: Appending

extension OracleStory {
  /// What comes of a request that is written now.
  struct Outcome {
    var tag: String?
    var answer = ToldAnswer(first: 0, last: 0, time: 0)
    var refusals: [ToldRefusal] = []
    var isRepeated = false
    /// Nil when nothing is written.
    var state: ToldStore?
  }

  /// One that was made before: the same number of the same producer comes again.
  private func repeated(_ ticket: ProducerTicket, at time: Int64) -> Outcome? {
    guard ticket.producer >= 1, Int(ticket.producer) <= told.producers.count else {
      return Outcome(tag: "unknownProducer")
    }
    let producer = told.producers[Int(ticket.producer) - 1]
    if ticket.epoch != producer.epoch { return Outcome(tag: "fenced") }
    if producer.isExpired || producer.isIdle(at: time, max: options.producerIdleNanosecondsMax) {
      return Outcome(tag: "producerExpired")
    }
    if ticket.sequence > producer.sequence + 1 { return Outcome(tag: "sequenceGap") }
    if ticket.sequence == producer.sequence + 1 { return nil }
    guard let known = producer.answers.first(where: { $0.sequence == ticket.sequence }) else {
      return Outcome(tag: "sequenceTooOld")
    }
    guard known.digest == [ticket.digest.first, ticket.digest.second] else {
      return Outcome(tag: "sequenceReused")
    }
    return Outcome(answer: known.answer, isRepeated: true)
  }

  /// What the store is to answer, judged with what is told so far.
  func outcome(of batch: ToldBatch, _ ticket: ProducerTicket?) -> Outcome {
    guard let time = moment() else { return Outcome(tag: "clockJump") }
    if let ticket, let known = repeated(ticket, at: time) { return known }
    var batch = batch
    if batch.catalog != told.catalog || batch.moment > time {
      count("admitted again")
      for seat in batch.seats {
        if case .erased = seat.verdict { continue }
        if told.definitions.versions[seat.row.version].isRetired { return Outcome(tag: "retired") }
      }
      batch.again(at: time, in: told)
      if batch.isRefused { return Outcome(tag: "rowsRefused") }
    }
    var answer = batch.answer
    if answer.setAside > 0, let oldest = told.oldestLetter,
      time - oldest > options.deadLetterAgeNanosecondsMax
    {
      return Outcome(tag: "deadLettersOld")
    }
    var state = told
    if answer.accepted + answer.setAside == 0, ticket == nil {
      (answer.first, answer.last, answer.time) = (nextLSN, nextLSN - 1, time)
      return Outcome(answer: answer, refusals: batch.refusals)
    }
    answer = state.take(batch, from: nextLSN, at: time, producer: ticket != nil)
    if let ticket {
      let at = Int(ticket.producer) - 1
      state.producers[at].sequence = ticket.sequence
      state.producers[at].lastUsed = time
      if let offset = ticket.sourceOffset { state.producers[at].offset = offset }
      state.producers[at].answers.append(
        (ticket.sequence, [ticket.digest.first, ticket.digest.second], answer))
      if state.producers[at].answers.count > 5 { state.producers[at].answers.removeFirst() }
    }
    return Outcome(answer: answer, refusals: batch.refusals, state: state)
  }

  /// Appends, and compares what is answered.
  func append(_ batch: AdmittedBatch, _ told: ToldBatch, _ ticket: ProducerTicket? = nil) throws {
    let expected = outcome(of: told, ticket)
    let planned = expected.state.map { [$0] } ?? []
    if let answer = try write(planned, refusedBy: expected.tag, { try store.append(batch, ticket) }) {
      try check(answer, is: expected)
    }
  }

  func check(_ answer: AppendAnswer, is expected: Outcome) throws {
    let counts = answer.counts
    let found = ToldAnswer(
      first: answer.frame.lsns.first.rawValue, last: answer.frame.lsns.last.rawValue,
      time: answer.frame.time.nanoseconds, accepted: counts.accepted, setAside: counts.setAside,
      erased: counts.erased, setBack: counts.setBack)
    try check(found, expected.answer, "answer")
    try check(answer.isRepeated, expected.isRepeated, "whether it was answered before")
    if !expected.isRepeated { try check(answer.refused.map(\.told), expected.refusals, "refusals") }
    if !isBuffered, answer.durable.rawValue < found.last, expected.state != nil {
      throw OracleFailure("acknowledged before it was durable")
    }
    noteDurable(answer.durable)
    count("accepted", expected.isRepeated ? 0 : counts.accepted)
    count("set aside", expected.isRepeated ? 0 : counts.setAside)
    count("erased at admission", expected.isRepeated ? 0 : counts.erased)
    count("set back", expected.isRepeated ? 0 : counts.setBack)
    if expected.isRepeated { count("answered again") }
  }

  /// Several at once: they may share a sync, and are answered as if they had come one by one.
  func appendTogether(_ requests: [(batch: AdmittedBatch, told: ToldBatch, ticket: ProducerTicket?)]) throws {
    let answers = Monitor<[Int: Result<AppendAnswer, StoreError>]>([:])
    for (at, request) in requests.enumerated() {
      try store.submit(request.batch, request.ticket) { result in
        answers.withLock { $0[at] = result }
        answers.notifyAll()
      }
    }
    _ = answers.wait(for: nil) { $0.count == requests.count }
    let all = answers.withLock { $0 }
    for (at, request) in requests.enumerated() {
      let expected = outcome(of: request.told, request.ticket)
      let planned = expected.state.map { [$0] } ?? []
      let answer = try write(planned, refusedBy: expected.tag) { try all[at]?.get() }
      if let answer = answer ?? nil { try check(answer, is: expected) }
    }
    count("groups")
  }
}
