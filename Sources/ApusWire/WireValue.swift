// A value alone, as the table *Values* has it: the form that rows keep, too. What is read is checked against its type.

package import ApusBytes
package import ApusContracts

extension ByteWriter {
  /// 4 bytes length and the value's bytes.
  package mutating func write(value: Value) {
    let lengthAt = count
    write(0 as UInt32)
    value.write(into: &self)
    overwrite(UInt32(count - lengthAt - 4), at: lengthAt)
  }
}

extension BodyReader {
  /// A value of this type behind its length.
  @_lifetime(self: copy self)
  package mutating func value(_ type: FeatureType) throws(WireError) -> Value {
    let start = offset
    return try Value(wire: try bytes("a value"), type, at: start)
  }
}

extension Value {
  /// The value that these bytes, and all of them, are. `at` is where they stand in the body.
  package init(wire bytes: RawSpan, _ type: FeatureType, at: Int) throws(WireError) {
    if let expected = type.vectorByteCount, expected != bytes.byteCount {
      throw .malformed("a \(type) of \(bytes.byteCount) bytes", at: at)
    }
    do throws(RowError) {
      self = try Value(unlimited: bytes, type.element, type.shape)
    } catch {
      throw .malformed("these \(bytes.byteCount) bytes are no \(type)", at: at)
    }
  }
}
