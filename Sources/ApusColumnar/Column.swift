// Values of one type, laid out as Arrow lays them out in memory. Whoever holds a Column may index any row of it: every way to make
// one has checked, or cannot break, what stands in Columns.md under "What holds".

import ApusBytes

package struct Column: Sendable {
  package let type: ColumnType
  /// Rows.
  package let count: Int
  package let nullCount: Int
  /// A set bit is a value. Empty when nothing is null, and for the type null.
  package let validity: [UInt8]
  /// Of lists: where a row's elements begin, count + 1 of them, from 0.
  package let listOffsets: [Int32]
  /// Of strings and bytes: where an element begins in `values`, elementCount + 1 of them, from 0.
  package let valueOffsets: [Int32]
  /// Little-endian; bools are bits.
  package let values: [UInt8]
  /// Elements of all rows, null rows included.
  package let elementCount: Int

  /// Trusts its arguments: for those who have checked them, in this room.
  init(
    trusted type: ColumnType, count: Int, nullCount: Int, validity: [UInt8], listOffsets: [Int32],
    valueOffsets: [Int32], values: [UInt8], elementCount: Int
  ) {
    self.type = type
    self.count = count
    self.nullCount = nullCount
    self.validity = validity
    self.listOffsets = listOffsets
    self.valueOffsets = valueOffsets
    self.values = values
    self.elementCount = elementCount
  }

  /// A column of nothing but nulls, of no known type.
  package static func nulls(count: Int) -> Column {
    precondition(count >= 0, "a column cannot have a negative number of rows")
    return Column(
      trusted: ColumnType(.null), count: count, nullCount: count, validity: [], listOffsets: [],
      valueOffsets: [],
      values: [], elementCount: count)
  }
}

// MARK: - Rows

extension Column {
  @inlinable package func isNull(_ row: Int) -> Bool {
    precondition(row >= 0 && row < count, "the column has no such row")
    if nullCount == 0 { return false }
    // The type null, a list of which may be a value.
    if validity.isEmpty { return true }
    return !Bitmap.isSet(validity, row)
  }

  /// The elements of a row; of a scalar its one element.
  @inlinable package func elements(of row: Int) -> Range<Int> {
    precondition(row >= 0 && row < count, "the column has no such row")
    switch type.shape {
    case .scalar: return row..<(row + 1)
    case .list: return Int(listOffsets[row])..<Int(listOffsets[row + 1])
    case .vector(let size): return (row * size)..<((row + 1) * size)
    }
  }
}

// MARK: - Elements. Each is asked for by its index; of a scalar column that is the row.

extension Column {
  @inlinable package func bool(_ element: Int) -> Bool {
    precondition(
      type.element == .bool && element >= 0 && element < elementCount, "the column has no such bool")
    return Bitmap.isSet(values, element)
  }

  /// Elements of fixed size as what they are; the size must be the element's own.
  @inlinable package func load<T: FixedWidthInteger & BitwiseCopyable>(_ element: Int, as: T.Type = T.self)
    -> T
  {
    precondition(
      type.element.fixedByteCount == MemoryLayout<T>.size && element >= 0 && element < elementCount,
      "the column has no such number")
    // `values` holds `elementCount` times that many bytes.
    return T(
      littleEndian: unsafe values.span.bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: element * MemoryLayout<T>.size, as: T.self))
  }

  /// The same for many, one after another.
  @inlinable package func forEach<T: FixedWidthInteger & BitwiseCopyable>(
    _ elements: Range<Int>, as: T.Type, _ body: (T) -> Void
  ) {
    precondition(
      type.element.fixedByteCount == MemoryLayout<T>.size && elements.lowerBound >= 0
        && elements.upperBound <= elementCount, "the column has no such numbers")
    let bytes = unsafe values.span.bytes
    for element in elements {
      // `values` holds `elementCount` times that many bytes.
      body(
        T(
          littleEndian: unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: element &* MemoryLayout<T>.size, as: T.self)))
    }
  }

  /// A signed or unsigned integer, timestamp or date, widened; a UInt64 above Int64.max as its bits.
  package func int64(_ element: Int) -> Int64 {
    switch type.element {
    case .int8: Int64(load(element, as: Int8.self))
    case .int16: Int64(load(element, as: Int16.self))
    case .int32, .date: Int64(load(element, as: Int32.self))
    case .uint8: Int64(load(element, as: UInt8.self))
    case .uint16: Int64(load(element, as: UInt16.self))
    case .uint32: Int64(load(element, as: UInt32.self))
    default: load(element, as: Int64.self)
    }
  }

  @inlinable package func float32(_ element: Int) -> Float {
    precondition(type.element == .float32, "the column has no floats of 32 bits")
    return Float(bitPattern: load(element, as: UInt32.self))
  }

  /// A float of either size.
  @inlinable package func float64(_ element: Int) -> Double {
    if type.element == .float32 { return Double(float32(element)) }
    precondition(type.element == .float64, "the column has no floats")
    return Double(bitPattern: load(element, as: UInt64.self))
  }

  /// Where in `values` a string's or bytes' element stands.
  @inlinable package func byteRange(_ element: Int) -> Range<Int> {
    precondition(
      type.element.isVariable && element >= 0 && element < elementCount, "the column has no such text")
    return Int(valueOffsets[element])..<Int(valueOffsets[element + 1])
  }

  /// A string's UTF-8, or bytes.
  @_lifetime(borrow self)
  @inlinable package borrowing func bytes(_ element: Int) -> RawSpan {
    let range = byteRange(element)
    return valueBytes.extracting(range)
  }

  /// All values, one after another.
  @inlinable package var valueBytes: RawSpan {
    @_lifetime(borrow self) get { unsafe values.span.bytes }
  }

  /// A string of its own; the empty one where it is none.
  package func string(_ element: Int) -> String {
    // Checked when the column was made.
    bytes(element).validatedString() ?? ""
  }
}
