// The keys of one request: whole rows of one encoded key per role, one after another in one buffer.
//
// Every key here is one that its role's schema takes: it was encoded here, or checked. What is refused takes its row with
// it, and leaves the rows before it as they were. Emptied and filled again, it stops allocating.

import ApusBytes
package import ApusContracts

package struct RequestKeys: ~Copyable {
  package let vector: PreparedVector
  /// Rows that have a key for every role.
  package private(set) var count = 0
  private let roleCount: Int
  /// Of the only part of the only role's key, if that is all there is: so it is for most, and asking for it here counts no reference.
  private let onlyType: KeyType?
  private var bytes = ByteWriter(capacity: 256)
  /// Of each key, row by row, and role by role in a row.
  private var ends: [Int] = []
  private var encoder = KeyEncoder()

  package init(for vector: PreparedVector) {
    self.vector = vector
    roleCount = vector.roles.count
    let types = vector.roles.flatMap(\.keySchema.parts)
    onlyType = types.count == 1 ? types[0] : nil
  }

  /// Forgets all rows and keeps the memory.
  package mutating func removeAll() {
    count = 0
    bytes.removeAll()
    ends.removeAll(keepingCapacity: true)
  }

  /// Forgets what follows the first `rows` rows, a half row too.
  package mutating func truncate(rows: Int) {
    precondition(rows >= 0 && rows <= count, "a request can only be cut to rows that it has")
    let keys = rows * roleCount
    count = rows
    bytes.truncate(to: keys == 0 ? 0 : ends[keys - 1])
    ends.removeLast(ends.count - keys)
  }

  /// The key of a role in a row.
  @_lifetime(borrow self)
  package func key(row: Int, role: Int) -> RawSpan {
    precondition(role >= 0 && role < roleCount && row < count, "a request has so many rows and roles")
    let at = row * roleCount + role
    return bytes.bytes.extracting((at == 0 ? 0 : ends[at - 1])..<ends[at])
  }

  /// A trap when these are the keys of another vector's request.
  func check(areFor vector: PreparedVector) {
    precondition(self.vector === vector, "keys are read with the vector they were made for")
  }
}

// Rows are added role by role, encoded or as values, or at once.
extension RequestKeys {
  /// Adds the encoded key of the next role, from whoever; after the last role the row is whole.
  package mutating func append(encoded key: RawSpan) throws(StoreError) {
    let role = ends.count - count * roleCount
    do throws(KeyError) {
      if let onlyType {
        try KeySchema.check(key, as: onlyType)
      } else {
        try vector.roles[role].keySchema.check(key)
      }
    } catch {
      throw refusal(role, error)
    }
    bytes.write(key)
    endKey()
  }

  /// Adds the key of the next role, part by part; after the last role the row is whole.
  package mutating func append(key parts: [Value]) throws(StoreError) {
    let role = ends.count - count * roleCount
    do throws(KeyError) {
      try vector.roles[role].keySchema.encode(parts, into: &encoder)
    } catch {
      throw refusal(role, error)
    }
    Self.copy(encoder, to: &bytes)
    endKey()
  }

  private static func copy(_ encoder: borrowing KeyEncoder, to bytes: inout ByteWriter) {
    bytes.write(encoder.bytes)
  }

  /// Adds a row: for each role the parts of its key.
  package mutating func append(values: [[Value]]) throws(StoreError) {
    precondition(values.count <= roleCount, "a row has no more keys than the vector has roles")
    dropHalfRow()
    for parts in values { try append(key: parts) }
    if values.count < roleCount {
      let error = StoreError.keyMissing(row: count, role: vector.roles[values.count].name)
      dropHalfRow()
      throw error
    }
  }

  /// Adds a row from what the request calls its keys; names that no role asks for are passed over.
  package mutating func append(named values: [String: Value]) throws(StoreError) {
    dropHalfRow()
    for role in 0..<roleCount {
      var parts: [Value] = []
      for key in vector.roles[role].keys {
        guard let value = values[key.requested] else {
          dropHalfRow()
          throw .keyMissing(row: count, role: vector.roles[role].name)
        }
        parts.append(value)
      }
      try append(key: parts)
    }
  }

  private mutating func endKey() {
    ends.append(bytes.count)
    if ends.count == (count + 1) * roleCount { count += 1 }
  }

  private mutating func refusal(_ role: Int, _ error: KeyError) -> StoreError {
    dropHalfRow()
    return .badKey(row: count, role: vector.roles[role].name, error)
  }

  private mutating func dropHalfRow() {
    let whole = count * roleCount
    if ends.count == whole { return }
    ends.removeLast(ends.count - whole)
    bytes.truncate(to: ends.last ?? 0)
  }
}
