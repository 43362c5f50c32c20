// Letters become events again, or are given up: a portion of them at a time, one frame each, in which a letter's event and
// its *handled* stand together. So after a crash a letter either waits or has its event, never both and never neither.
//
// A row is judged as it was given, by the contract of today. Its known-at is the replay; its event time and created-at are
// its own, else its first arrival. A replay is no live push, so `max_lateness` judges nothing here. What is refused again
// stays the letter that it is.

import ApusBytes
import ApusContracts
import ApusSystem

/// Letters in the order of their LSNs.
struct DeadLetterPortion: Sendable {
  var letters: [FoundDeadLetter] = []
  var byteCount: UInt64 = 0
  /// The append time of the oldest letter before or between them that stays; nil when there is none.
  var oldestPassed: WallTime?

  func isFull(_ lettersMax: Int) -> Bool {
    letters.count >= lettersMax || byteCount >= StoreLimits.letterByteCountOfFrameMax
  }

  mutating func append(_ found: FoundDeadLetter) {
    letters.append(found)
    byteCount += found.byteCount
  }
}

/// What is to be written of a portion, under one catalog at one moment.
struct JudgedPortion: Sendable {
  private(set) var outcome = DeadLetterOutcome()
  /// How many letters were judged; the others are another frame's.
  private(set) var taken = 0
  /// The append time of the oldest one that stays, of the portion and before it.
  private(set) var oldestKept: WallTime?
  private var events: [UInt8] = []
  private var eventCount = 0
  private var replayed = HandledLetters()
  private var purged = HandledLetters()
  private var lookedUpTo = WallTime(nanoseconds: .min)

  /// `sums` say what was handled meanwhile: such letters are passed. It ends behind so many letters, or the letter with which
  /// the events have so many bytes.
  init(
    _ portion: DeadLetterPortion, _ how: HandledHow, _ sums: DeadLetterSums, _ catalog: Catalog,
    now: WallTime, lettersMax: Int = .max, byteCountMax: Int = StoreLimits.letterByteCountOfFrameMax
  ) {
    oldestKept = portion.oldestPassed
    var readmission = LetterReadmission(catalog, now: now)
    // Behind the last letter that stays or is another record's.
    var begin = LSN.first
    for found in portion.letters {
      if taken >= lettersMax || readmission.byteCount >= byteCountMax { break }
      taken += 1
      outcome.last = found.lsn
      lookedUpTo = found.arrived
      if sums.isHandled(found.lsn) { continue }
      let range = LSNRange(max(begin, found.clearFrom), through: found.lsn)
      begin = found.lsn.next
      if found.isErased || catalog.hides(found.letter, at: found.lsn) {
        purged.add(found, range)
        outcome.addErased(found)
      } else if how == .purged {
        purged.add(found, range)
        outcome.addHandled(found)
      } else {
        switch readmission.take(found) {
        case .admitted:
          replayed.add(found, range)
          outcome.addHandled(found)
        case .erased:
          purged.add(found, range)
          outcome.addErased(found)
        case .refused(let fault):
          outcome.addRefused(found, fault)
          oldestKept = oldestKept.map { min($0, found.arrived) } ?? found.arrived
        }
      }
    }
    (events, eventCount) = (readmission.bytes, readmission.eventCount)
    outcome.setBack = UInt64(readmission.setBack)
  }

  var recordCount: Int { eventCount + (replayed.isEmpty ? 0 : 1) + (purged.isEmpty ? 0 : 1) }

  mutating func note(_ frame: FrameMoment) { outcome.frame = frame }

  func write(into writer: inout ByteWriter) {
    writer.write(events)
    let left = oldestKept ?? lookedUpTo
    if !replayed.isEmpty {
      // Those that the next record gives up wait until then.
      let oldest = purged.oldest.map { min($0, left) } ?? left
      writer.writeHandled(.replayed, replayed.ranges, replayed.listed, oldestLeft: oldest)
    }
    if !purged.isEmpty { writer.writeHandled(.purged, purged.ranges, purged.listed, oldestLeft: left) }
  }
}

/// What one record *handled* says.
private struct HandledLetters: Sendable {
  private(set) var ranges: [LSNRange] = []
  private(set) var oldest: WallTime?
  private var sums: [DeadLetterKey: DeadLetterSum] = [:]

  var isEmpty: Bool { sums.isEmpty }
  var listed: [DeadLetterSum] { Array(sums.values) }

  mutating func add(_ found: FoundDeadLetter, _ range: LSNRange) {
    ranges.append(range)
    oldest = oldest.map { min($0, found.arrived) } ?? found.arrived
    let none = DeadLetterSum(
      view: found.letter.viewVersion, rule: found.letter.rule, letters: 0, byteCount: 0)
    sums[none.key, default: none].letters += 1
    sums[none.key]?.byteCount += found.byteCount
  }
}

/// Letters' rows on their way to be events.
private struct LetterReadmission: ~Copyable {
  enum Outcome {
    case admitted, erased
    case refused(RowFault)
  }

  private var admission: Admission
  private var seats: AdmissionSeats
  private var encoder = KeyEncoder()

  init(_ catalog: Catalog, now: WallTime) {
    // Not live; and by this policy a refused row leaves no letter.
    admission = Admission(catalog, now: now, choice: .now, policy: .allOrNothing)
    seats = AdmissionSeats(catalog)
  }

  var byteCount: Int { admission.payload.count }
  var eventCount: Int { admission.counts.accepted }
  var setBack: Int { admission.counts.setBack }
  var bytes: [UInt8] { admission.payload.bytes.copied() }

  mutating func take(_ found: FoundDeadLetter) -> Outcome {
    let letter = found.letter
    let seat: AdmissionSeat
    do throws(StoreError) {
      guard let known = try seats.seat(of: letter.viewVersion) else {
        return .refused(
          RowFault(rule: "unknown_view", words: "there is no view version \(letter.viewVersion)"))
      }
      seat = known
    } catch {
      return .refused(RowFault(rule: "retired", words: error.what))
    }
    let said =
      letter.event == .upsert
      ? seat.arranged(letter.features) : (inputs: [], fault: RowFault(deleteOf: letter.features))
    // A person may have set the clock back since.
    let arrived = min(found.arrived, admission.now).nanoseconds
    let times = GivenTimes(
      eventTime: letter.times.eventTime ?? EventTime(nanoseconds: arrived),
      createdAt: letter.times.createdAt ?? CreatedAt(nanoseconds: arrived))
    let before = admission.counts
    admission.take(
      letter.event, of: seat, key: letter.key, encodedBy: &encoder, times, asked: times, said.inputs,
      fault: said.fault
    ) { letter.features }
    if admission.counts.accepted > before.accepted { return .admitted }
    if admission.counts.erased > before.erased { return .erased }
    guard let fault = admission.lastFault else {
      preconditionFailure("a row is accepted, erased or refused")
    }
    return .refused(fault)
  }
}
