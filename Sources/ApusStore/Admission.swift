// The judgement of rows, and what comes of it: events and dead letters in the order of the rows. The rules are asked in
// one order, so that a row that breaks several is refused by the same one on every path:
//
//   key, unknown_feature and feature_twice, the times, max_lateness, horizon, the contract, row_too_long.
//
// A row of an erased key is known as soon as its key and its event time are: before any other rule is asked, so that
// nothing of it is kept, whatever else is wrong with it. It is counted, and refuses no request.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusSystem

struct Admission: ~Copyable {
  private(set) var catalog: Catalog
  private(set) var now: WallTime
  private(set) var choice: KnownAtChoice
  private(set) var policy: RefusalPolicy
  private var hasErasures: Bool

  var payload: ByteWriter
  private(set) var counts = RowCounts()
  private(set) var tallies = RefusalTallies()
  /// Of the row that was refused last.
  private(set) var lastFault: RowFault?
  private(set) var deadLetterByteCount: UInt64 = 0
  /// Rows so far, and those of them that left no record because their key was erased, ascending.
  private(set) var rowCount = 0
  private(set) var erasedRows: [Int] = []
  /// One for each record, a letter's is empty.
  private(set) var notes: [RowNote] = []

  init(_ catalog: Catalog, now: WallTime, choice: KnownAtChoice, policy: RefusalPolicy, capacity: Int = 0) {
    self.catalog = catalog
    self.now = now
    self.choice = choice
    self.policy = policy
    hasErasures = !catalog.erasures.isEmpty
    payload = ByteWriter(capacity: capacity)
  }

  /// Forgets all rows, and keeps what was allocated for them.
  mutating func removeAll(_ catalog: Catalog, now: WallTime, choice: KnownAtChoice, policy: RefusalPolicy) {
    self.catalog = catalog
    self.now = now
    self.choice = choice
    self.policy = policy
    hasErasures = !catalog.erasures.isEmpty
    payload.removeAll()
    counts = RowCounts()
    tallies = RefusalTallies()
    lastFault = nil
    deadLetterByteCount = 0
    rowCount = 0
    erasedRows.removeAll(keepingCapacity: true)
    notes.removeAll(keepingCapacity: true)
  }

  /// Judges a row by its key's values; see below.
  mutating func take(
    _ event: EventOperation, of seat: AdmissionSeat, key: [Value], encodedBy encoder: inout KeyEncoder,
    _ times: GivenTimes, asked: GivenTimes, _ inputs: [FeatureInput], fault: RowFault? = nil,
    features: () -> [DeadLetter.Feature]
  ) {
    func whole() -> (key: [Value], features: [DeadLetter.Feature]) { (key, features()) }
    do throws(KeyError) {
      try seat.view.keySchema.encode(key, into: &encoder)
    } catch {
      return refuse(event, of: seat.view, RowFault(.key, "\(error)"), asked, whole: whole)
    }
    take(event, of: seat, key: encoder.bytes, times, asked: asked, inputs, fault: fault, whole: whole)
  }

  /// Judges a row whose key is one of its view's. `asked` is what was given for its times; `times` the same, but for a
  /// row that is judged again without a time of its own. `inputs` are in the order of the contract, none of a delete.
  /// `fault` is what was wrong with the features' names, and `whole` is asked only when a letter is written.
  mutating func take(
    _ event: EventOperation, of seat: AdmissionSeat, key: RawSpan, _ times: GivenTimes, asked: GivenTimes,
    _ inputs: [FeatureInput], fault: RowFault? = nil, note: RowNote = RowNote(),
    whole: () -> (key: [Value], features: [DeadLetter.Feature])
  ) {
    let view = seat.view
    let admitted = Result { () throws(EventTimeError) in
      try choice.admit(
        times, nowNanoseconds: now.nanoseconds, maxFutureSkewNanoseconds: view.maxFutureSkewNanoseconds)
    }
    if hasErasures, isErased(key, in: view, admitted, times) {
      erasedRows.append(rowCount)
      counts.erased += 1
      rowCount += 1
      return
    }
    do throws(RowFault) {
      if let fault { throw fault }
      let admitted = try Self.judged(admitted)
      try judgeLateness(admitted, view)
      try judgeHorizon(admitted, view)
      if event == .upsert { try Self.judgeInputs(inputs, seat) }
      let record = EventRecord(event, view.id, admitted.times)
      if event == .upsert {
        payload.write(record, key: key, cells: seat.builder)
      } else {
        payload.write(record, key: key, cells: RawSpan())
      }
      var note = note
      if admitted.isEventTimeSetBack { note.insert(.setBack) }
      if asked.eventTime == nil { note.insert(.untimed) }
      notes.append(note)
      counts.accepted += 1
      if note.contains(.setBack) { counts.setBack += 1 }
      rowCount += 1
    } catch {
      refuse(event, of: view, error, asked, whole: whole)
    }
  }

  /// Refuses a row: sets it aside, or counts it only, where nothing of the request will be kept.
  mutating func refuse(
    _ event: EventOperation, of view: CatalogView, _ fault: RowFault, _ asked: GivenTimes,
    whole: () -> (key: [Value], features: [DeadLetter.Feature])
  ) {
    tallies.add(view: view.spelling, fault, row: rowCount)
    lastFault = fault
    rowCount += 1
    guard policy == .setAside else { return }
    let (key, features) = whole()
    let start = payload.count
    payload.write(
      DeadLetter(
        event: event, viewVersion: view.id, revision: view.contract.revision, rule: fault.rule,
        words: fault.words, times: asked, key: key, features: features))
    deadLetterByteCount += UInt64(payload.count - start)
    counts.setAside += 1
    notes.append(RowNote())
  }

  /// The place of a row that was erased before, and still is.
  mutating func passErased() {
    erasedRows.append(rowCount)
    counts.erased += 1
    rowCount += 1
  }

  // MARK: The rules

  private func isErased(
    _ key: RawSpan, in view: CatalogView, _ admitted: Result<AdmittedTimes, EventTimeError>,
    _ given: GivenTimes
  ) -> Bool {
    guard let erase = catalog.erasures.erase(of: key, in: view) else { return false }
    let eventNanoseconds: Int64
    switch admitted {
    case .success(let admitted): eventNanoseconds = admitted.times.eventTime.nanoseconds
    case .failure: eventNanoseconds = given.eventTime?.nanoseconds ?? now.nanoseconds
    }
    return eventNanoseconds <= erase.time.nanoseconds
  }

  private static func judged(_ times: Result<AdmittedTimes, EventTimeError>) throws(RowFault) -> AdmittedTimes
  {
    switch times {
    case .success(let admitted): return admitted
    case .failure(let error): throw RowFault(error)
    }
  }

  private func judgeLateness(_ admitted: AdmittedTimes, _ view: CatalogView) throws(RowFault) {
    guard choice == .live, let lateness = view.maxLatenessNanoseconds else { return }
    let (oldest, overflow) = now.nanoseconds.subtractingReportingOverflow(lateness)
    let eventTime = admitted.times.eventTime.nanoseconds
    guard !overflow, eventTime < oldest else { return }
    throw RowFault(
      .maxLateness, "the event is older than the \(lateness) ns that \(view.spelling) waits for live events")
  }

  /// On every path: what a horizon let go of may have lost to such an event, or hidden it.
  private func judgeHorizon(_ admitted: AdmittedTimes, _ view: CatalogView) throws(RowFault) {
    if catalog.horizons.isEmpty { return }
    guard let oldest = catalog.horizons[view.id]?.oldest, admitted.times.eventTime < oldest else { return }
    throw RowFault(
      .horizon,
      "the event is of before \(WallTime(nanoseconds: oldest.nanoseconds)), and what \(view.spelling) was then is not kept"
    )
  }

  /// After this the seat's builder holds the cells.
  private static func judgeInputs(_ inputs: [FeatureInput], _ seat: AdmissionSeat) throws(RowFault) {
    do throws(Refusal) {
      try seat.view.contract.admit(inputs)
    } catch {
      throw RowFault(rule: error.name, words: "\(error)")
    }
    do throws(RowError) {
      try seat.build(inputs)
    } catch {
      throw RowFault(.rowTooLong, "\(error)")
    }
  }
}

/// What judging an accepted row again must know, and its record does not tell.
struct RowNote: OptionSet, Sendable {
  let rawValue: UInt8
  /// Its event time was ahead of the clock.
  static let setBack = RowNote(rawValue: 1)
  /// It gave no event time: it became true when it was admitted.
  static let untimed = RowNote(rawValue: 2)
}

/// Why a row is refused: the rule by name, and words for people.
struct RowFault: Error {
  let rule: String
  let words: String

  init(rule: String, words: String) {
    self.rule = rule
    self.words = words
  }

  init(_ rule: RowRule, _ words: String) {
    self.init(rule: rule.rawValue, words: words)
  }

  /// Nil when the delete, as it must, speaks of no feature.
  init?(deleteOf features: [DeadLetter.Feature]) {
    guard let first = features.first(where: { $0.input != .absent }) else { return nil }
    self.init(.unknownFeature, "a delete speaks of the feature \(Quoted(first.name))")
  }

  init(_ error: EventTimeError) {
    let rule: RowRule =
      switch error {
      case .eventTimeInFuture: .eventTime
      case .createdAtInFuture: .createdAt
      case .knownAtMissing, .knownAtNotChosen, .knownAtBeforeEventTime, .knownAtAfterAppend, .negativeDelay:
        .knownAt
      }
    self.init(rule, "\(error)")
  }
}
