// An entity's key is a tuple of typed values; `KeyEncoding.md` in ApusBytes says which bytes stand for it. Here the
// values meet their types: nothing is converted, and a key that does not fit its schema is refused by name.

package import ApusBytes

/// What a part of a key may be. Never a float: two that look equal need not be. The raw value is what disks hold.
package enum KeyType: UInt8, CaseIterable, Sendable {
  case bool = 1
  case int32 = 2
  case int64 = 3
  case string = 6
  case bytes = 7
  case timestamp = 8

  /// The same type as a feature's element; the ids agree.
  package var element: ElementType {
    switch self {
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp
    }
  }

  package init?(spelling: some StringProtocol) {
    guard let type = Self.allCases.first(where: { $0.description == spelling }) else { return nil }
    self = type
  }
}

extension KeyType: CustomStringConvertible {
  package var description: String { element.description }
}

/// Why values are not a key of an entity, or bytes not one of its keys.
package enum KeyError: Error, Equatable, Sendable {
  case partCount(expected: Int, found: Int)
  /// `found` is nil for a list or a vector, which no key holds.
  case partType(part: Int, expected: KeyType, found: ElementType?)
  case encoding(part: Int, BytesError)
}

/// The types of an entity's key, part by part.
package struct KeySchema: Hashable, Sendable {
  package let parts: [KeyType]

  package init(_ parts: [KeyType]) { self.parts = parts }

  /// Makes `encoder` hold the key of these values; after an error, what it holds is no key.
  package func encode(_ values: [Value], into encoder: inout KeyEncoder) throws(KeyError) {
    encoder.removeAll()
    guard values.count == parts.count else { throw .partCount(expected: parts.count, found: values.count) }
    for (part, (type, value)) in zip(parts, values).enumerated() {
      let fits: Bool
      do throws(BytesError) {
        fits = try Self.append(value, as: type, to: &encoder)
      } catch {
        throw .encoding(part: part, error)
      }
      guard fits else { throw .partType(part: part, expected: type, found: value.scalarType) }
    }
  }

  /// False, and nothing appended, when the value is of another type.
  private static func append(
    _ value: Value, as type: KeyType, to encoder: inout KeyEncoder
  ) throws(BytesError) -> Bool {
    switch (type, value) {
    case (.bool, .bool(let bit)): try encoder.append(bit)
    case (.int32, .int32(let number)): try encoder.append(int32: number)
    case (.int64, .int64(let number)): try encoder.append(int64: number)
    case (.string, .string(let text)): try encoder.append(string: text)
    case (.bytes, .bytes(let content)): try encoder.append(bytes: unsafe content.span.bytes)
    case (.timestamp, .timestamp(let nanoseconds)): try encoder.append(timestamp: nanoseconds)
    default: return false
    }
    return true
  }

  /// The values of a key, which must be of these types and end with its last part.
  package func decode(_ key: RawSpan) throws(KeyError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(parts.count)
    do throws(BytesError) {
      var decoder = try KeyDecoder(key)
      for type in parts { values.append(try Self.readPart(type, &decoder)) }
      try decoder.finish()
    } catch {
      throw .encoding(part: values.count, error)
    }
    return values
  }

  /// That `decode` would take the key; allocates nothing.
  package func check(_ key: RawSpan) throws(KeyError) {
    var part = 0
    do throws(BytesError) {
      var decoder = try KeyDecoder(key)
      while part < parts.count {
        try Self.skipPart(parts[part], &decoder)
        part += 1
      }
      try decoder.finish()
    } catch {
      throw .encoding(part: part, error)
    }
  }

  /// The same for a key of one part.
  package static func check(_ key: RawSpan, as type: KeyType) throws(KeyError) {
    var part = 0
    do throws(BytesError) {
      var decoder = try KeyDecoder(key)
      try skipPart(type, &decoder)
      part = 1
      try decoder.finish()
    } catch {
      throw .encoding(part: part, error)
    }
  }

  @_lifetime(decoder: copy decoder)
  private static func skipPart(_ type: KeyType, _ decoder: inout KeyDecoder) throws(BytesError) {
    switch type {
    case .bool: _ = try decoder.readBool()
    case .int32: _ = try decoder.readInt32()
    case .int64: _ = try decoder.readInt64()
    case .string: try decoder.skipString()
    case .bytes: try decoder.skipBytes()
    case .timestamp: _ = try decoder.readTimestamp()
    }
  }

  @_lifetime(decoder: copy decoder)
  private static func readPart(_ type: KeyType, _ decoder: inout KeyDecoder) throws(BytesError) -> Value {
    switch type {
    case .bool: .bool(try decoder.readBool())
    case .int32: .int32(try decoder.readInt32())
    case .int64: .int64(try decoder.readInt64())
    case .string: .string(try decoder.readString())
    case .bytes: .bytes(try decoder.readBytes())
    case .timestamp: .timestamp(nanoseconds: try decoder.readTimestamp())
    }
  }
}
