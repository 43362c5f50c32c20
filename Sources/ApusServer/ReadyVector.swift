// A vector as one loop's connections ask for it: with the keys of a request, what it means, and what a default looks like in
// a reply. Handles of many connections name one of these, so that preparing costs memory once a loop.

import ApusBytes
import ApusContracts
import ApusStore
import ApusWire

/// Owned by its loop's thread.
final class ReadyVector {
  let name: Name
  let vector: PreparedVector
  let meaning: Meaning
  /// With LSN, time and keys, a receipt.
  let fingerprint: [UInt8]
  /// The names of projects are for good, and so are a vector's.
  let project: String
  /// Where the values of a reply stand.
  let shape: ReplyShape
  let runs: RowRuns
  /// Under this catalog the vector means what it says.
  var catalogNumber: UInt64
  /// What of it is retired: it is not served then, and its past is answered.
  var retired: String?
  /// Its names were understood as of an LSN: for good, and it is not served.
  let isOfThePast: Bool
  /// It means something else now: for good.
  var hasChanged = false
  /// Of how many handles.
  var useCount = 0
  var keys: RequestKeys

  /// What was asked for; equal names mean the same under one catalog.
  struct Name: Hashable {
    let project: String
    let isService: Bool
    let names: [String]
  }

  /// `then`: the names are those of an older catalog.
  init(
    _ name: Name, project: String, _ vector: PreparedVector, in catalog: Catalog, then: Catalog? = nil
  ) {
    self.name = name
    self.project = project
    self.vector = vector
    meaning = Meaning(of: vector, in: then ?? catalog)
    isOfThePast = then != nil
    retired = vector.retired
    fingerprint = vector.fingerprint?.bytes ?? meaning.bytes
    catalogNumber = catalog.number
    keys = RequestKeys(for: vector)
    shape = ReplyShape(vector.columns.map(\.type), defaults: vector.columns.map(\.filling))
    runs = RowRuns(vector, shape)
  }

  var isServed: Bool { !isOfThePast && retired == nil }

  /// Why nothing new is served; nil when it is.
  var refusalToServe: WireRefusal? {
    if isOfThePast { return .isOfThePast }
    return retired.map { StoreError.retired($0).refusal() }
  }
}
