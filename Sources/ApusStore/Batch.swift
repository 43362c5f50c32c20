// Rows being admitted: the caller's thread adds them one by one, each is judged at once under the batch's catalog and
// moment, and its record is written behind the ones before. What is asked goes into the digest before it is judged, so
// the digest depends on neither.

import ApusBytes
package import ApusContracts
package import ApusSystem

/// One row that names what it says.
package struct RowInput: Equatable, Sendable {
  package var key: [Value]
  package var times: GivenTimes
  package var features: [DeadLetter.Feature]

  package init(key: [Value], times: GivenTimes = GivenTimes(), features: [DeadLetter.Feature] = []) {
    self.key = key
    self.times = times
    self.features = features
  }
}

/// One owner. A batch that is kept and emptied allocates per batch, and not per row.
package struct Batch: ~Copyable {
  private var admission: Admission
  /// Nil where no producer numbers the batch: nobody will ask whether it came before.
  private var digest: AdmissionDigest?
  private var seats: AdmissionSeats
  private var encoder = KeyEncoder()
  /// Of the last `turn`.
  private var turned: Turned?

  /// Immutable; an object, because every row asks for it.
  fileprivate final class Turned {
    let seat: AdmissionSeat
    /// The names of the columns, and where each stands in the contract; nil: all of the contract, in its order.
    let columns: (names: [String], places: [Int])?
    let columnCount: Int
    /// Whether the columns are the contract's, in its order.
    let isWhole: Bool

    init(_ seat: AdmissionSeat, _ columns: (names: [String], places: [Int])?) {
      self.seat = seat
      self.columns = columns
      let count = seat.view.contract.features.count
      columnCount = columns?.names.count ?? count
      isWhole = columns.map { $0.places.elementsEqual(0..<count) } ?? true
    }
  }

  package init(
    _ catalog: Catalog, now: WallTime, choice: KnownAtChoice, policy: RefusalPolicy, isNumbered: Bool = true
  ) {
    admission = Admission(catalog, now: now, choice: choice, policy: policy)
    digest = isNumbered ? AdmissionDigest(choice, policy) : nil
    seats = AdmissionSeats(catalog)
  }

  /// Begins another batch; `turn` must follow.
  package mutating func removeAll(
    _ catalog: Catalog, now: WallTime, choice: KnownAtChoice, policy: RefusalPolicy, isNumbered: Bool = true
  ) {
    if catalog !== seats.catalog { seats = AdmissionSeats(catalog) }
    admission.removeAll(catalog, now: now, choice: choice, policy: policy)
    digest = isNumbered ? AdmissionDigest(choice, policy) : nil
    turned = nil
  }

  package var catalog: Catalog { seats.catalog }
  /// When its rows are admitted.
  package var now: WallTime { admission.now }
  /// Rows so far.
  package var rowCount: Int { admission.rowCount }
  /// Bytes of their records so far, so that a caller may begin another batch.
  package var byteCount: Int { admission.payload.count }

  /// Rows that follow are of this view version, and name these features in this order (nil: all of the contract, in its
  /// order). `asked` is the view as the caller spelled it, which is what a retry repeats; nil: the version's spelling.
  ///
  /// The view may come from an older catalog than the batch's; the rows are judged by the batch's.
  package mutating func turn(
    to view: CatalogView, columns: [String]? = nil, asked: String? = nil
  ) throws(StoreError) {
    guard let seat = try seats.seat(of: view.id) else {
      // It was added after the batch's catalog.
      let project = catalog.registry[view.project]?.name ?? ""
      throw .unknownView(
        VersionedName(spelling: view.spelling) ?? VersionedName(name: view.spelling), project: project)
    }
    // Of an older contract "all" are its own, whatever the newer one has.
    let names = columns ?? (seat.view === view ? nil : view.contract.features.map(\.name))
    var found: (names: [String], places: [Int])?
    if let names {
      var places: [Int] = []
      var seen: Set<Int> = []
      for name in names {
        guard let place = seat.place(of: name) else { throw .unknownColumn(name, view: seat.view.spelling) }
        guard seen.insert(place).inserted else { throw .columnNamedTwice(name) }
        places.append(place)
      }
      found = (names, places)
    }
    digest?.turn(to: asked ?? view.spelling, project: view.project.rawValue, columns: columns)
    turned = Turned(seat, found)
  }

  /// One row; its inputs in the order of the columns. A feature without a column is absent.
  package mutating func upsert(key: [Value], _ times: GivenTimes, _ inputs: [FeatureInput]) {
    let turned = current(inputs)
    digest?.begin(.upsert, times, isNamed: false)
    digest?.take(key: key)
    digest?.take(inputs)
    turned.withInputs(inputs) { inContractOrder in
      admission.take(
        .upsert, of: turned.seat, key: key, encodedBy: &encoder, times, asked: times, inContractOrder
      ) { turned.letterFeatures(inputs) }
    }
  }

  /// The same with a key that is encoded already, by a `KeyEncoder` and the view's schema. It has a digest of its own: a
  /// request that is sent again must come the same way.
  package mutating func upsert(encodedKey: RawSpan, _ times: GivenTimes, _ inputs: [FeatureInput]) {
    let turned = current(inputs)
    digest?.begin(.upsert, times, isNamed: false)
    digest?.take(encodedKey: encodedKey)
    digest?.take(inputs)
    turned.withInputs(inputs) { inContractOrder in
      admission.take(
        .upsert, of: turned.seat, key: encodedKey, times, asked: times, inContractOrder
      ) {
        // The caller's word is that it is a key; what is not is kept as it came.
        let values = (try? turned.seat.view.keySchema.decode(encodedKey)) ?? [.bytes(encodedKey.copied())]
        return (values, turned.letterFeatures(inputs))
      }
    }
  }

  package mutating func delete(key: [Value], _ times: GivenTimes) {
    delete(key: key, times, features: nil)
  }

  /// All rows together. The batch is empty afterwards, whether this throws or not; `turn` must follow.
  package mutating func admitted() throws(StoreError) -> AdmittedBatch {
    var done = Admission(
      seats.catalog, now: admission.now, choice: admission.choice, policy: admission.policy,
      capacity: admission.payload.count)
    swap(&done, &admission)
    let asked = digest?.finished(rowCount: done.rowCount)
    if digest != nil { digest = AdmissionDigest(done.choice, done.policy) }
    turned = nil
    guard done.rowCount > 0 else { throw .emptyBatch }
    return try AdmittedBatch(done, digest: asked, first: nil)
  }
}

// Rows that name what they say.
extension Batch {
  package mutating func upsert(row: RowInput) {
    let turned = current()
    digest?.begin(.upsert, row.times, isNamed: true)
    digest?.take(key: row.key)
    digest?.take(row.features)
    let (inputs, fault) = turned.seat.arranged(row.features)
    admission.take(
      .upsert, of: turned.seat, key: row.key, encodedBy: &encoder, row.times, asked: row.times, inputs,
      fault: fault
    ) { row.features }
  }

  /// A delete speaks of no feature; one that does is refused by `unknown_feature`.
  package mutating func delete(row: RowInput) {
    delete(key: row.key, row.times, features: row.features)
  }

  private mutating func delete(key: [Value], _ times: GivenTimes, features: [DeadLetter.Feature]?) {
    let seat = current().seat
    digest?.begin(.delete, times, isNamed: features != nil)
    digest?.take(key: key)
    if let features { digest?.take(features) }
    admission.take(
      .delete, of: seat, key: key, encodedBy: &encoder, times, asked: times, [],
      fault: RowFault(deleteOf: features ?? [])
    ) { features ?? [] }
  }
}

extension Batch {
  private func current(_ inputs: [FeatureInput]) -> Turned {
    let turned = current()
    precondition(inputs.count == turned.columnCount, "a row has one input for every column")
    return turned
  }

  private func current() -> Turned {
    guard let turned else { preconditionFailure("a batch is turned to a view before its rows") }
    return turned
  }
}

extension Batch.Turned {
  /// Lends the inputs of a row in the order of the contract.
  @inline(__always)
  fileprivate func withInputs(_ inputs: [FeatureInput], _ body: ([FeatureInput]) -> Void) {
    guard !isWhole, let columns else { return body(inputs) }
    seat.withArranged(inputs, at: columns.places, body)
  }

  fileprivate func letterFeatures(_ inputs: [FeatureInput]) -> [DeadLetter.Feature] {
    let names = columns?.names ?? seat.view.contract.features.map(\.name)
    return zip(names, inputs).map { DeadLetter.Feature($0, $1) }
  }
}
