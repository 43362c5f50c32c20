// What a prepared vector means, as 32 bytes: two vectors of one meaning answer alike, for the same keys at the same LSN and
// time. A handle whose meaning under a newer catalog is another has changed.
//
// Of a list of features the meaning is the fingerprint, too. A service version's fingerprint is its definition's, and its
// meaning besides has what may change under it: ttls, and features that were removed.

import ApusBytes
import ApusContracts
package import ApusStore

package struct Meaning: Hashable, Sendable {
  package let bytes: [UInt8]

  /// The bytes that are hashed: Server.md has the table.
  package init(of vector: PreparedVector, in catalog: Catalog) {
    var words = ByteWriter(capacity: 1_024)
    words.write(utf8: "apus-meaning-0")
    Self.write(vector.service ?? "", into: &words)
    words.write(UInt32(truncatingIfNeeded: vector.roles.count))
    for role in vector.roles {
      words.write(role.project.rawValue)
      words.write(role.entity.rawValue)
      Self.write(role.name, into: &words)
      words.write(UInt32(truncatingIfNeeded: role.keys.count))
      for key in role.keys {
        Self.write(key.requested, into: &words)
        words.write(key.key.type.rawValue)
      }
    }
    words.write(UInt32(truncatingIfNeeded: vector.columns.count))
    for column in vector.columns {
      let group = vector.groups[column.group]
      Self.write(column.name, into: &words)
      words.write(column.type.id)
      words.write(UInt32(truncatingIfNeeded: group.role))
      words.write(group.view.rawValue)
      words.write(UInt32(column.feature))
      let view = catalog[group.view]
      words.write(view?.ttlNanoseconds ?? 0)
      // Under definitions of the past a feature may not be there yet.
      let features = catalog.registry[group.view]?.features ?? []
      let isRemoved = Int(column.feature) < features.count ? features[Int(column.feature)].isRemoved : true
      words.write(isRemoved)
      // A literal is one value's own, and its text tells it from any other of the type.
      Self.write(column.filling.map { "=\($0)" } ?? "", into: &words)
      if case .bytes(let content)? = column.filling { words.write(content) }
    }
    var sum = SHA256()
    sum.update(words.bytes)
    bytes = sum.digest.bytes
  }

  /// That of a service version, or the meaning of a list of features: what a receipt has of it.
  package static func fingerprint(of vector: PreparedVector, in catalog: Catalog) -> [UInt8] {
    vector.fingerprint?.bytes ?? Meaning(of: vector, in: catalog).bytes
  }

  private static func write(_ text: String, into words: inout ByteWriter) {
    words.write(UInt32(truncatingIfNeeded: text.utf8.count))
    words.write(utf8: text)
  }
}
