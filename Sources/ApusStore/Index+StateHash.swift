import ApusBytes
import ApusIndex

// What two stores are compared by: their state and every row, key by key.

extension Index {
  /// SHA-256 of the note and of every row in the order of keys.
  func stateHash() throws(IndexError) -> SHA256.Digest {
    var sum = SHA256()
    var reader = try reader()
    try reader.renew()
    defer { reader.reset() }
    _ = try reader.note { sum.update($0) }
    try reader.forEachRow { (key, row) throws(IndexError) in
      var head = ByteWriter(capacity: 16)
      head.write(UInt64(key.byteCount))
      head.write(UInt64(row.bytes.byteCount))
      sum.update(head.bytes)
      sum.update(key)
      sum.update(row.bytes)
    }
    return sum.digest
  }
}
