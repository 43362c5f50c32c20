// A column being written, value after value. Rows are numbered as they come. Values go in as elements; a scalar is a row at once, the
// elements of a list or a vector become a row with `endRow`. What is given wrongly (a number of another size, an unfinished row) is a
// mistake of ours and traps; what depends on the values (too many bytes, text that is no UTF-8) is thrown.

import ApusBytes

package struct ColumnBuilder: ~Copyable {
  package let type: ColumnType
  let name: String
  /// Rows that are complete.
  package private(set) var count = 0
  package private(set) var elementCount = 0
  private var nullCount = 0
  /// Begins with the first null.
  private var validity = BitmapBuilder()
  private var listOffsets: [Int32] = []
  private var valueOffsets: [Int32] = []
  private var values: ByteWriter
  private var bools = BitmapBuilder()
  private let isScalar: Bool
  private let fixedByteCount: Int

  /// `name` is what an error calls the column.
  package init(_ type: ColumnType, named name: String, capacity: Int = 0) {
    self.type = type
    self.name = name
    isScalar = type.shape == .scalar
    fixedByteCount = type.element.fixedByteCount ?? 0
    values = ByteWriter()
    if type.shape == .list { listOffsets = [0] }
    if type.element.isVariable { valueOffsets = [0] }
    if case .vector(let size) = type.shape { precondition(size >= 1, "a vector has at least one element") }
    reserve(capacity)
  }

  /// Makes room for so many more elements, and for so many bytes of theirs where they have no fixed size.
  package mutating func reserve(_ elements: Int, variableBytes: Int = 0) {
    if type.element.isVariable {
      valueOffsets.reserveCapacity(valueOffsets.count + elements)
      values.reserve(variableBytes)
    } else {
      values.reserve(elements * fixedByteCount)
    }
    if type.shape == .list { listOffsets.reserveCapacity(listOffsets.count + elements) }
  }
}

// MARK: - Elements

extension ColumnBuilder {
  @inline(__always)
  package mutating func append(_ bool: Bool) {
    precondition(type.element == .bool, "a bool goes into a column of bools")
    bools.append(bool)
    endElement()
  }

  /// An integer of the element's own size: also a timestamp, a date, and a float's bits.
  @inline(__always)
  package mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    precondition(fixedByteCount == MemoryLayout<T>.size, "a number goes into a column of its size")
    values.write(value)
    endElement()
  }

  @inline(__always)
  package mutating func append(_ value: Float) {
    precondition(type.element == .float32, "a float goes into a column of floats of its size")
    append(value.bitPattern)
  }

  @inline(__always)
  package mutating func append(_ value: Double) {
    precondition(type.element == .float64, "a float goes into a column of floats of its size")
    append(value.bitPattern)
  }

  /// Bytes, or the UTF-8 of a string, which `finish` looks at.
  package mutating func append(_ bytes: RawSpan) throws(ColumnarError) {
    precondition(type.element.isVariable, "bytes go into a column of strings or bytes")
    guard bytes.byteCount <= Column.countMax - values.count else {
      throw .tooLarge(
        "bytes of one column in one batch", claimed: UInt64(values.count) + UInt64(bytes.byteCount),
        limit: UInt64(Column.countMax), at: ColumnarPlace(column: name))
    }
    values.write(bytes)
    valueOffsets.append(Int32(truncatingIfNeeded: values.count))
    endElement()
  }

  package mutating func append(_ text: String) throws(ColumnarError) {
    try append(unsafe text.utf8.span.bytes)
  }

  /// Many elements of fixed size at once, little-endian, one after another.
  package mutating func append(fixed bytes: RawSpan) {
    precondition(
      fixedByteCount > 0 && bytes.byteCount % fixedByteCount == 0,
      "whole numbers go into a column of their size")
    values.write(bytes)
    let elements = bytes.byteCount / fixedByteCount
    elementCount += elements
    if isScalar {
      count += elements
      if nullCount > 0 { validity.append(true, count: elements) }
    }
  }

  @inline(__always)
  private mutating func endElement() {
    elementCount &+= 1
    if isScalar { count(valid: true) }
  }
}

// MARK: - Rows

extension ColumnBuilder {
  /// Makes a row of the elements since the row before: any number for a list, exactly the type's for a vector.
  package mutating func endRow() {
    switch type.shape {
    case .scalar: preconditionFailure("a scalar is a row without further words")
    case .list: listOffsets.append(Int32(clamping: elementCount))
    case .vector(let size):
      precondition(elementCount == (count + 1) * size, "a vector has as many elements as its type")
    }
    count(valid: true)
  }

  package mutating func appendNull() {
    if nullCount == 0 { validity.append(true, count: count) }
    switch type.shape {
    case .scalar: appendEmptyElements(1)
    case .list:
      precondition(Int32(clamping: elementCount) == listOffsets.last, "a null row has no elements")
      listOffsets.append(Int32(clamping: elementCount))
    case .vector(let size):
      precondition(elementCount == count * size, "a null row has no elements")
      appendEmptyElements(size)
    }
    nullCount += 1
    count(valid: false)
  }

  private mutating func appendEmptyElements(_ elements: Int) {
    elementCount += elements
    switch type.element {
    case .null: break
    case .bool: bools.append(false, count: elements)
    case .string, .bytes:
      valueOffsets.append(contentsOf: repeatElement(Int32(truncatingIfNeeded: values.count), count: elements))
    default: values.writeZeroes(elements * fixedByteCount)
    }
  }

  @inline(__always)
  private mutating func count(valid: Bool) {
    count &+= 1
    if nullCount > 0 { validity.append(valid) }
  }
}

// MARK: - The end

extension ColumnBuilder {
  /// The column, and this builder empty again, its memory kept.
  package mutating func finish() throws(ColumnarError) -> Column {
    switch type.shape {
    case .scalar: break
    case .list: precondition(Int32(clamping: elementCount) == listOffsets.last, "the last row was not ended")
    case .vector(let size): precondition(elementCount == count * size, "the last row was not ended")
    }
    let place = ColumnarPlace(column: name)
    let rows = count
    let elements = elementCount
    let nulls = nullCount
    let bitmap = nulls > 0 ? validity.finish() : []
    let offsets = (lists: listOffsets, values: valueOffsets)
    let bytes = type.element == .bool ? bools.finish() : values.bytes.copied()
    count = 0
    elementCount = 0
    nullCount = 0
    values.removeAll()
    if !listOffsets.isEmpty { listOffsets = [0] }
    if !valueOffsets.isEmpty { valueOffsets = [0] }

    guard elements <= Column.countMax, rows <= Column.countMax else {
      throw .tooLarge(
        "elements in one batch", claimed: UInt64(max(elements, rows)), limit: UInt64(Column.countMax),
        at: place)
    }
    if type.element == .string, !Column.isUTF8(bytes, cutAt: offsets.values) {
      throw .damaged("a string is not UTF-8", at: place)
    }
    if type.element == .null, isScalar { return .nulls(count: rows) }
    return Column(
      trusted: type, count: rows, nullCount: nulls, validity: bitmap, listOffsets: offsets.lists,
      valueOffsets: offsets.values, values: bytes, elementCount: elements)
  }
}
