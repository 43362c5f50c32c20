package import ApusBytes

/// Writes Thrift's compact protocol. The same calls always give the same bytes.
///
/// Fields of a struct are written in ascending order of their numbers; a struct ends by `end`. Both are the caller's, our
/// own metadata's, to keep, and are asserted.
package struct ThriftWriter: ~Copyable {
  package var bytes: ByteWriter
  /// The last field of each struct that is open, the innermost last.
  private var open: [Int16] = []

  package init(capacity: Int = 256) {
    bytes = ByteWriter(capacity: capacity)
  }

  /// Opens a struct: the outermost one, or an element of a list.
  package mutating func begin() { open.append(0) }

  package mutating func end() {
    precondition(!open.isEmpty, "no struct is open")
    open.removeLast()
    bytes.write(0 as UInt8)
  }

  package mutating func field(_ id: Int16, bool value: Bool) { header(id, value ? .isTrue : .isFalse) }

  package mutating func field(_ id: Int16, int8 value: Int8) {
    header(id, .int8)
    bytes.write(value)
  }

  package mutating func field(_ id: Int16, int16 value: Int16) {
    header(id, .int16)
    bytes.writeSignedVarint(Int64(value))
  }

  package mutating func field(_ id: Int16, int32 value: Int32) {
    header(id, .int32)
    bytes.writeSignedVarint(Int64(value))
  }

  package mutating func field(_ id: Int16, int64 value: Int64) {
    header(id, .int64)
    bytes.writeSignedVarint(value)
  }

  package mutating func field(_ id: Int16, binary value: [UInt8]) {
    header(id, .binary)
    element(binary: value)
  }

  package mutating func field(_ id: Int16, string value: String) {
    header(id, .binary)
    element(string: value)
  }

  /// Opens a struct that is a field.
  package mutating func begin(field id: Int16) {
    header(id, .structure)
    begin()
  }

  /// The header of a list, after which so many elements are written.
  package mutating func field(_ id: Int16, listOf type: ThriftType, count: Int) {
    header(id, .list)
    if count < 15 {
      bytes.write(UInt8(truncatingIfNeeded: count) << 4 | type.rawValue)
    } else {
      bytes.write(0xf0 | type.rawValue)
      bytes.writeVarint(UInt64(count))
    }
  }

  package mutating func element(bool value: Bool) { bytes.write(value ? 1 as UInt8 : 2) }
  package mutating func element(int32 value: Int32) { bytes.writeSignedVarint(Int64(value)) }
  package mutating func element(int64 value: Int64) { bytes.writeSignedVarint(value) }

  package mutating func element(binary value: [UInt8]) {
    bytes.writeVarint(UInt64(value.count))
    bytes.write(value)
  }

  package mutating func element(string value: String) {
    bytes.writeVarint(UInt64(value.utf8.count))
    bytes.write(utf8: value)
  }

  private mutating func header(_ id: Int16, _ type: ThriftType) {
    precondition(!open.isEmpty, "a field lies in a struct")
    let delta = id - open[open.count - 1]
    precondition(delta > 0, "fields are written in ascending order")
    open[open.count - 1] = id
    if delta <= 15 {
      bytes.write(UInt8(truncatingIfNeeded: delta) << 4 | type.rawValue)
    } else {
      bytes.write(type.rawValue)
      bytes.writeSignedVarint(Int64(id))
    }
  }
}
