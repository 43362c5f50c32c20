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

  init(_ name: Name, project: String, _ vector: PreparedVector, in catalog: Catalog) {
    self.name = name
    self.project = project
    self.vector = vector
    meaning = Meaning(of: vector, in: catalog)
    fingerprint = vector.fingerprint?.bytes ?? meaning.bytes
    catalogNumber = catalog.number
    keys = RequestKeys(for: vector)
    shape = ReplyShape(vector.columns.map(\.type), defaults: vector.columns.map(\.filling))
    runs = RowRuns(vector, shape)
  }
}
