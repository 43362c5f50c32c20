// The rule of SEMANTICS, as plainly as it can be said: a list of events, and a search for the greatest stamp. It shares
// no code with the fold: it knows no rows, no bytes and no order of arrival.

import ApusBytes
import ApusContracts
import ApusTestSupport

/// An event of the model. `inputs` has as many features as the revision that it was written under.
struct ModelEvent {
  var eventTime: Int64
  var createdAt: Int64
  var lsn: UInt64
  var isDelete: Bool
  var inputs: [FeatureInput]

  var stamp: Stamp { ApusContractsTests.stamp(eventTime, createdAt, lsn) }

  func comesBefore(_ other: ModelEvent) -> Bool {
    (eventTime, createdAt, lsn) < (other.eventTime, other.createdAt, other.lsn)
  }

  func speaks(of feature: Int) -> Bool {
    isDelete || (feature < inputs.count && inputs[feature] != .absent)
  }
}

/// The event whose word on a feature holds; nil if none speaks of it.
func winner(of feature: Int, among events: [ModelEvent]) -> ModelEvent? {
  var best: ModelEvent?
  for event in events where event.speaks(of: feature) {
    if let known = best, event.comesBefore(known) { continue }
    best = event
  }
  return best
}

func greatestDelete(among events: [ModelEvent]) -> ModelEvent? {
  var best: ModelEvent?
  for event in events where event.isDelete {
    if let known = best, event.comesBefore(known) { continue }
    best = event
  }
  return best
}

/// What a read must answer for a winner. Wide integers: here nothing can overflow, so nothing need saturate.
func status(
  of winner: ModelEvent?, _ feature: Int, at moment: Int64, ttl: Int64?
) -> (CellStatus, BlankReason?) {
  guard let winner else { return (.notFound, .neverSeen) }
  if winner.isDelete { return (.notFound, .deleted) }
  if let ttl, Int128(winner.eventTime) < Int128(moment) - Int128(ttl) { return (.outsideMaxAge, nil) }
  return (winner.inputs[feature] == .null ? .nullValue : .present, nil)
}

/// A view that grew: its types, and how many of them each revision had.
struct ModelView {
  let layout: RowLayout
  let revisions: [Int]

  init(_ random: inout SplitMix64, features: Int) throws {
    layout = try ApusContractsTests.layout((0..<features).map { _ in random.type() })
    revisions = [max(1, features / 2), max(1, features - 1), features]
  }

  func types(_ revision: Int) -> [FeatureType] { layout.slots[..<revision].map(\.type) }

  /// Events with many ties in event time and created at; LSNs are all different, and in no order.
  func events(_ count: Int, _ random: inout SplitMix64) -> [ModelEvent] {
    var lsns = (1...UInt64(max(1, count) * 2)).shuffled(using: &random)
    let absent = random.pick([0, 0.2, 0.5, 0.9])
    let deletes = random.pick([0, 0.1, 0.4])
    return (0..<count).map { _ in
      let types = types(random.pick(revisions))
      let isDelete = random.chance(deletes)
      return ModelEvent(
        eventTime: random.chance(0.05) ? random.pick([.min, .max]) : Int64(random.within(0...3)),
        createdAt: Int64(random.within(0...2)), lsn: lsns.removeLast(), isDelete: isDelete,
        inputs: isDelete ? [] : types.map { random.input($0, absent: absent) })
    }
  }

  /// The row of one event, written under the revision it was made for.
  func row(_ event: ModelEvent) throws -> Bytes {
    if event.isDelete { return deletedRow(at: event.stamp) }
    let own = try ApusContractsTests.layout(types(event.inputs.count))
    return try ApusContractsTests.row(event.inputs, own, at: event.stamp)
  }

  func fold(_ rows: [Bytes]) throws -> Bytes {
    try rows.reduce(emptyRow) { try ApusContractsTests.fold($0, $1, layout) }
  }

  /// What is wrong with a row as the outcome of these events; nil if nothing is.
  func fault(of bytes: Bytes, after events: [ModelEvent], _ random: inout SplitMix64) throws -> String? {
    try withRow(bytes, layout) { row in
      let deleted = greatestDelete(among: events)
      if row.deleted != deleted?.stamp { return "delete" }
      var lsns = [deleted?.lsn ?? 0]
      var stamps: [Stamp] = []
      for (index, slot) in layout.slots.enumerated() {
        let winner = winner(of: index, among: events)
        lsns.append(winner?.lsn ?? 0)
        let cell = row.cell(index)
        if row.stamp(index) != winner?.stamp { return "stamp of \(index)" }
        if let winner, !winner.isDelete {
          if try row.cells.input(slot) != winner.inputs[index] { return "value of \(index)" }
          stamps.append(winner.stamp)
        } else if row.state(index) != .absent {
          return "\(index) is not blank"
        }
        let moment = random.coin() ? Int64(random.within(0...6)) : random.number()
        let ttl: Int64? = random.chance(0.2) ? nil : random.coin() ? Int64(random.within(1...4)) : .max
        let expected = status(of: winner, index, at: moment, ttl: ttl)
        let judged = cell.status(at: ReadTime(nanoseconds: moment), ttlNanoseconds: ttl)
        if judged.status != expected.0 || judged.reason != expected.1 { return "status of \(index)" }
      }
      if row.greatestLSN.rawValue != lsns.max() { return "greatest LSN" }
      if let base = stamps.max(), row.base != base { return "base" }
      return nil
    }
  }
}
