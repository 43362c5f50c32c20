// All that the log says besides rows. A pure function of the records up to an LSN: no clock, no file, no order but the
// log's. A record is applied as a whole, or refused with a fault that says why, and then the state is what it was. Equal
// states have equal notes, and a note read back is the state that wrote it.

package import ApusBytes
package import ApusContracts
import ApusHistory
package import ApusLog
package import ApusSystem

package struct StoreState: Sendable, Equatable {
  /// All changes that were ever made, in order: `registry` is what they make.
  package private(set) var definitions: [LoggedChange] = []
  package private(set) var registry = Registry()
  package private(set) var erasures = Erasures()
  package private(set) var producers = Producers()
  package private(set) var deadLetters = DeadLetterSums()
  package private(set) var activity = Activity()
  package private(set) var horizons = Horizons()
  package private(set) var pins = Pins()
  /// In the order in which they were logged.
  package private(set) var receipts: [ErasureReceipt] = []

  package init() {}

  /// Erasures whose bytes are still there.
  package var pendingErasures: PendingErasures? {
    erasures.pending(after: receipts.last?.through ?? .none)
  }

  /// The state of which these are the bytes.
  package init(note: RawSpan) throws(RecordFault) {
    let read = try StoreNoteReader(note)
    definitions = read.definitions
    registry = read.registry
    erasures = read.erasures
    producers = read.producers
    deadLetters = read.deadLetters
    activity = read.activity
    horizons = read.horizons
    pins = read.pins
    receipts = read.receipts
  }

  /// Applies a record that is not an event. True when the catalog, definitions, erasures or horizons, changed. `afterLoss`: records
  /// before it are lost.
  package mutating func apply(
    _ record: borrowing RecordWalker.Record, in frame: FrameMoment, afterLoss: Bool = false
  ) throws(RecordFault) -> Bool {
    let body = record.body
    guard frame.lsns.contains(record.lsn), record.lsn > .none else {
      throw .contradicts(kind: record.rawKind, "the record has LSN \(record.lsn), its frame \(frame.lsns)")
    }
    switch record.kind {
    case .deadLetter:
      try apply(DeadLetterRecord(body), recordByteCount: body.byteCount, record.lsn, in: frame)
      return false
    case .definitions:
      try apply(DefinitionsRecord(body), record.lsn, in: frame)
      return true
    case .erase:
      try apply(EraseRecord(body), record.lsn, in: frame)
      return true
    case .producer:
      try apply(ProducerRecord(body), record.lsn, in: frame, afterLoss: afterLoss)
      return false
    case .horizon:
      try apply(HorizonRecord(body), record.lsn)
      return true
    case .pin:
      try apply(PinRecord(body), record.lsn, in: frame)
      return false
    case .receipt:
      try apply(ReceiptRecord(body), record.lsn, in: frame)
      return false
    case .event: throw .contradicts(kind: record.rawKind, "an event is noted, and not applied")
    case nil: throw .unknownKind(record.rawKind)
    }
  }

  /// Takes in an erasure that the manifest kept, whose record may be lost. True when it says more than was known.
  package mutating func recall(_ kept: KeptErasure) throws(RecordFault) -> Bool {
    var isNew = false
    let erase = Erase(floor: kept.lsn, time: kept.time)
    for hash in kept.keys {
      if let known = erasures.erase(of: hash), known.joined(with: erase) == known { continue }
      guard erasures.add(hash, salt: kept.salt, erase) else {
        throw .contradicts(
          kind: RecordKind.erase.rawValue, "the salt in the manifest is not that of the erasures before")
      }
      isNew = true
    }
    return isNew
  }

  /// Takes note of an event. One of a view version that there is not is passed over: who folds it has refused it.
  package mutating func note(
    eventOf view: ViewVersionID, eventTime: EventTime, lsn: LSN, time: WallTime
  ) {
    // Only the first event of a view version asks the registry: where the array reaches, there is one.
    if activity.note(view, eventTime, lsn, time) { return }
    guard registry.has(view) else { return }
    activity.reach(view)
    _ = activity.note(view, eventTime, lsn, time)
  }
}

// Kind by kind. What can be refused is refused before anything changes.

extension StoreState {
  private mutating func apply(
    _ record: DeadLetterRecord, recordByteCount: Int, _ lsn: LSN, in frame: FrameMoment
  ) throws(RecordFault) {
    let kind = RecordKind.deadLetter.rawValue
    switch record {
    case .letter(let head):
      guard registry.has(head.view) else { throw .unknownView(head.view) }
      let sum = DeadLetterSum(
        view: head.view, rule: head.rule, letters: 1,
        byteCount: UInt64(recordByteCount + EventFormat.recordHeaderByteCount))
      guard deadLetters.add(sum, at: frame.time) else {
        throw .contradicts(kind: kind, "there are more letters than can be")
      }
    case .handled(let record):
      guard record.ranges.last.map({ $0 < lsn }) ?? true else {
        throw .contradicts(kind: kind, "letters are handled that come after this record")
      }
      let letters = record.sums.reduce(0 as UInt64) { sum, next in
        let (letters, overflow) = sum.addingReportingOverflow(next.letters)
        return overflow ? .max : letters
      }
      guard letters <= record.ranges.count else {
        throw .contradicts(kind: kind, "more letters are handled than the ranges have records")
      }
      guard deadLetters.handle(record.ranges, record.sums, oldestLeft: record.oldestLeft) else {
        throw .contradicts(kind: kind, "letters are handled that are not there")
      }
    }
  }

  private mutating func apply(
    _ record: DefinitionsRecord, _ lsn: LSN, in frame: FrameMoment
  ) throws(RecordFault) {
    var next = registry
    do throws(RegistryError) {
      for change in record.changes { try next.apply(change) }
    } catch {
      throw .registry(error)
    }
    registry = next
    definitions += record.encoded.map { LoggedChange(lsn: lsn, time: frame.time, bytes: $0) }
  }

  /// Where a person set the clock back, events may be ahead of it; what comes later must beat them, too.
  func momentOfErasure(loggedAt time: WallTime) -> WallTime {
    max(time, WallTime(nanoseconds: activity.newestEventTime?.nanoseconds ?? .min))
  }

  private mutating func apply(_ record: EraseRecord, _ lsn: LSN, in frame: FrameMoment) throws(RecordFault) {
    let kind = RecordKind.erase.rawValue
    let time = momentOfErasure(loggedAt: frame.time)
    guard registry[record.project] != nil else {
      throw .contradicts(kind: kind, "there is no project \(record.project)")
    }
    let erase = Erase(floor: lsn, time: time)
    for hash in record.hashes {
      // All of them come with one salt: it is the first that is refused, or none.
      guard erasures.add(hash, salt: record.salt, erase) else {
        throw .contradicts(kind: kind, "the salt is not that of the erasures before")
      }
    }
  }

  private mutating func apply(
    _ record: ProducerRecord, _ lsn: LSN, in frame: FrameMoment, afterLoss: Bool
  ) throws(RecordFault) {
    let kind = RecordKind.producer.rawValue
    if afterLoss { producers.passLost(before: record) }
    do throws(Producers.Contradiction) {
      switch record {
      case .opened(let id, let epoch, let name):
        try producers.open(id, epoch: epoch, name: name, at: frame.time)
      case .request(let ticket, let counts):
        guard lsn == frame.lsns.first else {
          throw Producers.Contradiction("a request's record is not the first of its frame")
        }
        try producers.settle(ticket, counts, in: frame)
      case .expired(let ids): try producers.expire(ids)
      }
    } catch {
      throw .contradicts(kind: kind, error.words)
    }
  }
}

extension StoreState {
  private mutating func apply(_ record: HorizonRecord, _ lsn: LSN) throws(RecordFault) {
    let kind = RecordKind.horizon.rawValue
    guard registry.has(record.view) else { throw .unknownView(record.view) }
    guard record.horizon.through < lsn else {
      throw .contradicts(kind: kind, "a horizon at LSN \(record.horizon.through) is logged at LSN \(lsn)")
    }
    guard pins.allow(record.horizon, of: record.view) else {
      throw .contradicts(kind: kind, "a horizon rises above what a pin holds")
    }
    guard horizons.raise(record.view, to: record.horizon) else {
      throw .contradicts(kind: kind, "a horizon goes back")
    }
  }

  private mutating func apply(_ record: PinRecord, _ lsn: LSN, in frame: FrameMoment) throws(RecordFault) {
    let kind = RecordKind.pin.rawValue
    switch record {
    case .pin(var pin):
      guard pin.last < lsn else {
        throw .contradicts(kind: kind, "LSN \(pin.last) is pinned at LSN \(lsn)")
      }
      if let unknown = pin.views.first(where: { !registry.has($0) }) { throw .unknownView(unknown) }
      pin.since = frame.time
      guard pins.add(pin) else {
        throw .contradicts(kind: kind, "there is a pin of that name")
      }
    case .unpin(let name):
      guard pins.remove(name) else { throw .contradicts(kind: kind, "there is no pin of that name") }
    }
  }

  private mutating func apply(
    _ record: ReceiptRecord, _ lsn: LSN, in frame: FrameMoment
  ) throws(RecordFault) {
    guard record.through < lsn, record.through >= receipts.last?.through ?? .none else {
      throw .contradicts(
        kind: RecordKind.receipt.rawValue, "the erasures through LSN \(record.through) are not the next")
    }
    receipts.append(
      ErasureReceipt(
        lsn: lsn, time: frame.time, through: record.through, events: record.events, letters: record.letters,
        files: record.files))
  }

  /// The registry as it was when this LSN was the last one: what a read at it is to be understood by.
  package func registry(asOf lsn: LSN) throws(RecordFault) -> Registry {
    var changes: [RegistryChange] = []
    do throws(RegistryError) {
      for change in definitions.prefix(while: { $0.lsn <= lsn }) {
        changes.append(try RegistryChange(decoding: change.bytes))
      }
      return try Registry(changes)
    } catch {
      throw .registry(error)
    }
  }

  /// The catalog as of an LSN: definitions as they were, erasures as they are, for an erased key is not there at whatever LSN.
  package func catalog(asOf lsn: LSN, number: UInt64) throws(RecordFault) -> Catalog {
    Catalog(number: number, registry: try registry(asOf: lsn), erasures: erasures)
  }
}

/// A change of definitions where it was logged, as it was written.
package struct LoggedChange: Equatable, Sendable {
  package let lsn: LSN
  package let time: WallTime
  package let bytes: [UInt8]
}

extension Registry {
  /// Whether there is such a view version; cheaper than looking at it.
  func has(_ view: ViewVersionID) -> Bool { view.rawValue >= 1 && Int(view.rawValue) <= versions.count }
}
