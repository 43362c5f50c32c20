// Values taken out of a row, at the borders: these allocate, and check what they take.

import ApusBytes

extension RowCells {
  /// What is said of a feature.
  package func input(_ slot: FeatureSlot) throws(RowError) -> FeatureInput {
    switch state(slot.index) {
    case .absent: .absent
    case .null: .null
    case .value: .value(try Value(raw(slot), of: slot))
    }
  }
}

extension Value {
  /// The value that stands so in a row.
  package init(_ bytes: RawSpan, of slot: FeatureSlot) throws(RowError) {
    try RowCells.checkValue(bytes, slot)
    try self.init(checked: bytes, slot)
  }

  /// The value that stands so outside of rows, where none is too long, and a vector may be one that no feature holds.
  package init(unlimited bytes: RawSpan, _ element: ElementType, _ shape: FeatureType.Shape) throws(RowError)
  {
    let type = shape == .scalar ? FeatureType.scalar(element) : .list(of: element)
    let slot = FeatureSlot(
      type: type, position: 0, at: 0, width: type.slotByteCount ?? 0, slotsByteCount: 0, variableCount: 0)
    if let expected = type.slotByteCount, bytes.byteCount != expected {
      throw .valueByteCount(feature: 0, expected: expected, found: bytes.byteCount)
    }
    try RowCells.checkForm(bytes, slot)
    let value = try Value(checked: bytes, slot)
    if shape == .vector, case .list(let elements) = value {
      self = .vector(elements)
    } else {
      self = value
    }
  }

  private init(checked bytes: RawSpan, _ slot: FeatureSlot) throws(RowError) {
    let type = slot.type
    var reader = ByteReader(bytes)
    do throws(BytesError) {
      switch type.shape {
      case .list: self = .list(try Elements(type.element, &reader))
      case .vector: self = .vector(try Elements(type.element, &reader))
      case .scalar:
        switch type.element {
        case .bool: self = .bool(try reader.readBool())
        case .int32: self = .int32(try reader.read())
        case .int64: self = .int64(try reader.read())
        case .float32: self = .float32(try reader.readFloat32())
        case .float64: self = .float64(try reader.readFloat64())
        case .timestamp: self = .timestamp(nanoseconds: try reader.read())
        case .string: self = .string(try reader.readString(utf8Count: reader.remaining))
        case .bytes: self = .bytes(bytes.copied())
        }
      }
    } catch {
      // Unreachable after the check; but nothing here may trap, so it has an answer too.
      throw .badList(feature: slot.index)
    }
  }
}

extension Value.Elements {
  @_lifetime(reader: copy reader)
  fileprivate init(_ type: ElementType, _ reader: inout ByteReader) throws(BytesError) {
    switch type {
    case .bool: self = .bool(try Self.all(&reader) { r throws(BytesError) in try r.readBool() })
    case .int32: self = .int32(try Self.all(&reader) { r throws(BytesError) in try r.read() })
    case .int64: self = .int64(try Self.all(&reader) { r throws(BytesError) in try r.read() })
    case .float32: self = .float32(try Self.all(&reader) { r throws(BytesError) in try r.readFloat32() })
    case .float64: self = .float64(try Self.all(&reader) { r throws(BytesError) in try r.readFloat64() })
    case .timestamp:
      self = .timestamp(nanoseconds: try Self.all(&reader) { r throws(BytesError) in try r.read() })
    case .string:
      var texts: [String] = []
      // The list was checked, so every element is text.
      _ = RowCells.forEachText(of: reader.rest) { texts.append($0.validatedString() ?? "") }
      self = .string(texts)
    case .bytes:
      var contents: [[UInt8]] = []
      _ = RowCells.forEachText(of: reader.rest) { contents.append($0.copied()) }
      self = .bytes(contents)
    }
  }

  @_lifetime(reader: copy reader)
  private static func all<T>(
    _ reader: inout ByteReader, _ next: (inout ByteReader) throws(BytesError) -> T
  ) throws(BytesError) -> [T] {
    var values: [T] = []
    while !reader.isAtEnd { values.append(try next(&reader)) }
    return values
  }
}
