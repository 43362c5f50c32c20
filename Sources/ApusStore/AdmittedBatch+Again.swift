// The same rows, judged again: what was accepted may be refused or erased now, and what was set aside may be accepted.
// Rows keep their places and their order, the batch its choice, its policy and its digest.
//
// An event's given times are those of its record. Two things are not in there, so they were noted: that its event time
// had been ahead of the clock, which stays counted, and that it had none: it keeps the moment of its
// first admission, and never is ahead of a clock that stepped back. A known-at that was computed is computed again.

import ApusBytes
import ApusContracts
package import ApusSystem

extension AdmittedBatch {
  /// Throws `retired`, and `rowsRefused` where the policy says so.
  package func admittedAgain(under catalog: Catalog, now: WallTime) throws(StoreError) -> AdmittedBatch {
    var again = Readmission(catalog, now: now, self)
    var walker = RecordWalker(bytes, base: LSN(0))
    var erased = erasedRows[...]
    for note in notes {
      while erased.first == again.rowCount {
        erased.removeFirst()
        again.passErased()
      }
      // What stands here was written by this process and never left it.
      guard let record = try? walker.next() else {
        preconditionFailure("a batch has as many records as notes")
      }
      switch record.kind {
      case .event: try again.take(event: record.body, note)
      case .deadLetter: try again.take(letter: record.body)
      default: preconditionFailure("a batch holds events and dead letters")
      }
    }
    for _ in erased { again.passErased() }
    return try again.finished(asked)
  }
}

/// A batch on its way to be admitted again.
private struct Readmission: ~Copyable {
  private var admission: Admission
  private var seats: AdmissionSeats
  private var encoder = KeyEncoder()
  private let first: WallTime
  private let choice: KnownAtChoice

  init(_ catalog: Catalog, now: WallTime, _ batch: AdmittedBatch) {
    admission = Admission(
      catalog, now: now, choice: batch.choice, policy: batch.policy, capacity: batch.bytes.byteCount)
    seats = AdmissionSeats(catalog)
    first = batch.firstAdmittedAt
    choice = batch.choice
  }

  var rowCount: Int { admission.rowCount }

  mutating func passErased() { admission.passErased() }

  consuming func finished(_ digest: RequestDigest?) throws(StoreError) -> AdmittedBatch {
    try AdmittedBatch(admission, digest: digest, first: first)
  }

  private mutating func seat(of id: ViewVersionID) throws(StoreError) -> AdmissionSeat {
    guard let seat = try seats.seat(of: id) else {
      preconditionFailure("a later catalog has every version of an earlier one")
    }
    return seat
  }

  /// A row without an event time became true when it was first judged, but is never ahead of the clock.
  private func timed(_ asked: GivenTimes) -> GivenTimes {
    var times = asked
    if asked.eventTime == nil {
      times.eventTime = EventTime(nanoseconds: min(first, admission.now).nanoseconds)
    }
    return times
  }

  mutating func take(event body: RawSpan, _ note: RowNote) throws(StoreError) {
    // The append time stands in for times that are not recorded, and these are not asked for.
    guard let event = try? EventView(body, appendNanoseconds: .max) else {
      preconditionFailure("an admitted event can be read")
    }
    let seat = try seat(of: event.viewVersion)
    let said = event.operation == .upsert ? seat.said(by: event.cellBytes, in: seats.catalog) : Said(seat)
    let recorded = event.recordedTimes
    // The only known-at that a row gives itself; any other is the choice's to make.
    let given = choice == .column ? recorded.knownAt : nil
    let eventTime = note.contains(.untimed) ? nil : recorded.eventTime
    let asked = GivenTimes(
      eventTime: eventTime, createdAt: recorded.createdAt, knownAt: given,
      isKnownAtAssumed: given != nil && recorded.isKnownAtAssumed)
    let key = event.key
    admission.take(
      event.operation, of: seat, key: key, timed(asked), asked: asked, said.inputs, fault: said.fault,
      note: note
    ) { ((try? seat.view.keySchema.decode(key)) ?? [.bytes(key.copied())], said.features) }
  }

  mutating func take(letter body: RawSpan) throws(StoreError) {
    guard let letter = try? DeadLetter(body) else { preconditionFailure("a dead letter can be read") }
    let seat = try seat(of: letter.viewVersion)
    let said =
      letter.event == .upsert
      ? seat.arranged(letter.features) : (inputs: [], fault: RowFault(deleteOf: letter.features))
    admission.take(
      letter.event, of: seat, key: letter.key, encodedBy: &encoder, timed(letter.times), asked: letter.times,
      said.inputs, fault: said.fault
    ) { letter.features }
  }
}

/// What an event says, in the order of a contract, and by names.
private struct Said {
  var inputs: [FeatureInput] = []
  /// All that is said, also of features that the contract has no more.
  var features: [DeadLetter.Feature] = []
  var fault: RowFault?

  /// Of a delete.
  init(_ seat: AdmissionSeat) {}

  init(_ inputs: [FeatureInput]) { self.inputs = inputs }
}

extension AdmissionSeat {
  /// Cells of this version as of an earlier revision, read by the names of now.
  fileprivate func said(by cellBytes: RawSpan, in catalog: Catalog) -> Said {
    guard let cells = try? RowCells(cellBytes, layout: view.layout), let version = catalog.registry[view.id]
    else {
      preconditionFailure("a later layout reads the cells of an earlier one")
    }
    var said = Said([])
    // What a removed feature was told another may have taken the name of since: its index was not there when this was
    // said, so its place is free.
    var gone: [DeadLetter.Feature] = []
    said.inputs.reserveCapacity(view.contract.features.count)
    for (slot, feature) in zip(view.layout.slots, version.features) {
      guard let input = try? cells.input(slot) else { preconditionFailure("admitted cells can be read") }
      let name = feature.definition.name
      if input != .absent { said.features.append(DeadLetter.Feature(name, input)) }
      if !feature.isRemoved {
        said.inputs.append(input)
      } else if input != .absent {
        gone.append(DeadLetter.Feature(name, input))
      }
    }
    for feature in gone {
      if let place = place(of: feature.name) {
        said.inputs[place] = feature.input
      } else if said.fault == nil {
        said.fault = RowFault(
          .unknownFeature, "\(view.spelling) has no feature \(Quoted(feature.name)) any more")
      }
    }
    return said
  }
}
