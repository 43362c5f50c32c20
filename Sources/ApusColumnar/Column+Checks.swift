// A column out of parts that anyone may have made: each claim is checked before it is believed, and none costs memory.

import ApusBytes

extension Column {
  /// Makes a column of parts laid out as Columns.md says. Bits after the last are cleared, and a validity without nulls is dropped.
  /// `name` is what an error calls the column.
  package init(
    _ type: ColumnType, named name: String, count: Int, validity: [UInt8] = [], listOffsets: [Int32] = [],
    valueOffsets: [Int32] = [], values: [UInt8] = []
  ) throws(ColumnarError) {
    let place = ColumnarPlace(column: name)
    func refuse(_ what: String) -> ColumnarError { .damaged(what, at: place) }

    guard count >= 0, count <= Self.countMax else { throw refuse("a column cannot have \(count) rows") }
    if type.element == .null, type.shape == .scalar {
      guard validity.isEmpty, listOffsets.isEmpty, valueOffsets.isEmpty, values.isEmpty else {
        throw refuse("a column of the type null has bytes")
      }
      self = .nulls(count: count)
      return
    }

    let elementCount = try Self.elementCount(type, count, listOffsets, place)
    if type.element == .null, elementCount > 0 { throw refuse("its lists have elements that are null") }

    var validity = validity
    var nullCount = 0
    if !validity.isEmpty {
      guard validity.count == Bitmap.byteCount(bits: count) else {
        throw refuse("\(count) rows have a validity of \(validity.count) bytes")
      }
      nullCount = count - Bitmap.countOnes(in: validity, bits: count)
      if nullCount == 0 { validity = [] } else { Bitmap.clearRest(of: &validity, bits: count) }
    }

    var values = values
    if type.element.isVariable {
      try Self.checkOffsets(valueOffsets, count: elementCount, end: values.count, place)
      if type.element == .string, !Self.isUTF8(values, cutAt: valueOffsets) {
        throw refuse("a string is not UTF-8")
      }
    } else {
      guard valueOffsets.isEmpty else { throw refuse("values of a fixed size have offsets") }
      let expected = Self.byteCount(of: elementCount, type.element)
      guard values.count == expected else {
        throw refuse("\(elementCount) values of the type \(type.element) stand in \(values.count) bytes")
      }
      if type.element == .bool { Bitmap.clearRest(of: &values, bits: elementCount) }
    }
    self.init(
      trusted: type, count: count, nullCount: nullCount, validity: validity, listOffsets: listOffsets,
      valueOffsets: valueOffsets, values: values, elementCount: elementCount)
  }

  /// Bytes that so many elements of a fixed size take. At most 8 times 2^31 times a vector's 2^31 could overflow; who asks has
  /// elements that are at most `countMax`.
  static func byteCount(of elements: Int, _ element: ColumnElement) -> Int {
    element == .bool ? Bitmap.byteCount(bits: elements) : elements * (element.fixedByteCount ?? 0)
  }

  private static func elementCount(
    _ type: ColumnType, _ count: Int, _ listOffsets: [Int32], _ place: ColumnarPlace
  ) throws(ColumnarError) -> Int {
    switch type.shape {
    case .scalar: break
    case .list:
      guard let last = listOffsets.last else { throw .damaged("a list has no offsets", at: place) }
      try checkOffsets(listOffsets, count: count, end: Int(last), place)
      return Int(last)
    case .vector(let size):
      guard size >= 1, size <= countMax else {
        throw .damaged("a vector cannot have \(size) elements", at: place)
      }
      let (elements, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, elements <= countMax else {
        throw .tooLarge(
          "elements in one batch", claimed: UInt64(clamping: elements), limit: UInt64(countMax), at: place)
      }
      guard listOffsets.isEmpty else { throw .damaged("a vector has offsets", at: place) }
      return elements
    }
    guard listOffsets.isEmpty else { throw .damaged("a scalar has offsets of lists", at: place) }
    return count
  }

  /// From 0, never down, and ending exactly at `end`.
  private static func checkOffsets(
    _ offsets: [Int32], count: Int, end: Int, _ place: ColumnarPlace
  ) throws(ColumnarError) {
    guard offsets.count == count + 1, offsets[0] == 0, Int(offsets[count]) == end else {
      throw .damaged("\(count) items have offsets that do not fit them", at: place)
    }
    var descends = false
    var before: Int32 = 0
    for offset in offsets {
      descends = descends || offset < before
      before = offset
    }
    if descends { throw .damaged("offsets descend", at: place) }
  }

  /// Whether every piece is UTF-8: the whole is, and no cut falls into a character.
  static func isUTF8(_ values: [UInt8], cutAt offsets: [Int32]) -> Bool {
    guard unsafe values.span.bytes.isUTF8 else { return false }
    for offset in offsets where Int(offset) < values.count && values[Int(offset)] & 0xc0 == 0x80 {
      return false
    }
    return true
  }

  /// Rows of one column, and elements of its lists: what an Int32 offset counts.
  package static let countMax = 0x7fff_ffff
}
