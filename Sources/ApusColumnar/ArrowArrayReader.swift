// One column out of a batch's buffers. What the layouts of the format have in common ends here: whatever the file had, the model's column
// comes out, checked as any other.

import ApusBytes

extension ArrowBatchReader {
  /// A column of the batch.
  mutating func readColumn(_ field: ArrowField) throws(ColumnarError) -> Column {
    let column = try readArray(field)
    guard column.count == rowCount else {
      throw damaged("a batch of \(rowCount) rows has \(column.count) of this column", field)
    }
    return column
  }

  /// An array of as many rows as its own node says.
  private mutating func readArray(_ field: ArrowField) throws(ColumnarError) -> Column {
    if let key = field.dictionary { return try readEncoded(field, key) }
    let type = try field.columnType()
    let (rows, nulls) = try takeNode(field)
    if case .null = field.layout { return .nulls(count: rows) }
    let validity = try readValidity(rows, nulls, field)
    switch field.layout {
    case .null: return .nulls(count: rows)
    case .bool:
      let needed = Bitmap.byteCount(bits: rows)
      let values = Array(try takeBuffer(needed: needed, field).prefix(needed))
      return try Column(type, named: field.name, count: rows, validity: validity, values: values)
    case .fixed(let element):
      let needed = rows * (element.fixedByteCount ?? 0)
      let values = Array(try takeBuffer(needed: needed, field).prefix(needed))
      return try Column(type, named: field.name, count: rows, validity: validity, values: values)
    case .half: return try readHalves(rows, validity, field)
    case .fixedBytes(let width): return try readFixedBytes(rows, width, validity, field)
    case .variable(_, let isLarge):
      let (first, offsets) = try readOffsets(rows, isLarge: isLarge, field)
      let byteCount = Int(offsets[rows])  // widens Int32
      let values = try takeBuffer(needed: first + byteCount, field).dropFirst(first).prefix(byteCount)
      return try Column(
        type, named: field.name, count: rows, validity: validity, valueOffsets: offsets, values: Array(values)
      )
    case .view: return try readViews(rows, validity, type, field)
    case .list(let isLarge): return try readLists(rows, isLarge: isLarge, validity, type, field)
    case .vector(let size): return try readVectors(rows, size, validity, type, field)
    case .other: throw damaged("a type that is not read was read", field)
    }
  }

  /// The bitmap, or nothing where nothing is null.
  private mutating func readValidity(
    _ rows: Int, _ nulls: Int, _ field: ArrowField
  ) throws(ColumnarError) -> [UInt8] {
    if nulls == 0 {
      try skipBuffer(field)
      return []
    }
    let needed = Bitmap.byteCount(bits: rows)
    let validity = Array(try takeBuffer(needed: needed, field).prefix(needed))
    guard Bitmap.countOnes(in: validity, bits: rows) == rows - nulls else {
      throw damaged("a column says that \(nulls) of \(rows) rows are null, and others are", field)
    }
    return validity
  }

  // MARK: Fixed sizes

  private mutating func readHalves(
    _ rows: Int, _ validity: [UInt8], _ field: ArrowField
  ) throws(ColumnarError) -> Column {
    let halves = Array(try takeBuffer(needed: rows * 2, field).prefix(rows * 2))
    var values = ByteWriter(capacity: rows * 4)
    for row in 0..<rows {
      let bits = UInt16(halves[2 * row]) | UInt16(halves[2 * row + 1]) << 8  // widens UInt8
      values.write(float32: Float(Float16(bitPattern: bits)))
    }
    return try Column(
      ColumnType(.float32), named: field.name, count: rows, validity: validity, values: values.bytes.copied())
  }

  private mutating func readFixedBytes(
    _ rows: Int, _ width: Int, _ validity: [UInt8], _ field: ArrowField
  ) throws(ColumnarError) -> Column {
    // Of nothing any number may be claimed.
    guard width > 0 else {
      throw .unsupported("bytes of size 0 are not read", advice: "drop the column", at: place(of: field))
    }
    let byteCount = rows * width
    try checkByteCount(byteCount, field)
    let values = Array(try takeBuffer(needed: byteCount, field).prefix(byteCount))
    let offsets = (0...rows).map { Int32(clamping: $0 * width) }
    return try Column(
      ColumnType(.bytes), named: field.name, count: rows, validity: validity, valueOffsets: offsets,
      values: values)
  }

  private func checkByteCount(_ byteCount: Int, _ field: ArrowField) throws(ColumnarError) {
    guard byteCount <= ArrowFormat.columnBytesMax else {
      throw .tooLarge(
        "bytes of one column in one batch", claimed: UInt64(byteCount),
        limit: UInt64(ArrowFormat.columnBytesMax), at: place(of: field))
    }
  }

  // MARK: Sizes of their own

  /// Where the first item begins, and where each begins after that; `rows + 1` of them.
  private mutating func readOffsets(
    _ rows: Int, isLarge: Bool, _ field: ArrowField
  ) throws(ColumnarError) -> (first: Int, offsets: [Int32]) {
    let size = isLarge ? 8 : 4
    let bytes = try takeBuffer(needed: rows == 0 ? 0 : (rows + 1) * size, field)
    if rows == 0 { return (0, [0]) }
    let column = try Column(
      ColumnType(isLarge ? .int64 : .int32), named: field.name, count: rows + 1,
      values: Array(bytes.prefix((rows + 1) * size)))
    guard let first = Int(exactly: column.int64(0)), first >= 0 else {
      throw damaged("offsets begin below zero", field)
    }
    var offsets: [Int32] = []
    offsets.reserveCapacity(rows + 1)
    for row in 0...rows {
      let (distance, overflow) = column.int64(row).subtractingReportingOverflow(column.int64(0))
      guard !overflow, distance >= 0 else { throw damaged("offsets descend", field) }
      guard let offset = Int32(exactly: distance) else {
        throw .tooLarge(
          "bytes or elements of one column in one batch", claimed: UInt64(distance),
          limit: UInt64(ArrowFormat.columnBytesMax), at: place(of: field))
      }
      offsets.append(offset)
    }
    // A sum of both is asked for; the one can be anything.
    guard first <= Int.max - ArrowFormat.columnBytesMax else {
      throw damaged("offsets begin behind all bytes", field)
    }
    return (first, offsets)
  }

  private mutating func readViews(
    _ rows: Int, _ validity: [UInt8], _ type: ColumnType, _ field: ArrowField
  ) throws(ColumnarError) -> Column {
    let bytes = Array(
      try takeBuffer(needed: rows * ArrowView.byteCount, field).prefix(rows * ArrowView.byteCount))
    let views = try ArrowView.all(bytes, rows, validity, place(of: field))
    var buffers: [ArraySlice<UInt8>] = []
    for _ in 0..<(try takeVariadicCount(field)) { buffers.append(try takeBuffer(needed: 0, field)) }
    var total = 0
    for view in views {
      total += view?.count ?? 0
      try checkByteCount(total, field)
    }
    try takeExpansion(total, field)
    var builder = ColumnBuilder(type, named: field.name)
    builder.reserve(rows, variableBytes: total)
    for (row, view) in views.enumerated() {
      guard let view else {
        builder.appendNull()
        continue
      }
      guard let range = view.range(row, in: buffers) else {
        throw damaged("a view points outside of its buffers", field)
      }
      switch range {
      case .own(let range): try builder.append(unsafe bytes.span.bytes.extracting(range))
      case .buffer(let index, let range):
        let buffer = buffers[index]
        try builder.append(unsafe buffer.span.bytes.extracting(range))
      }
    }
    return try builder.finish()
  }

  // MARK: Lists and vectors

  private mutating func readLists(
    _ rows: Int, isLarge: Bool, _ validity: [UInt8], _ type: ColumnType, _ field: ArrowField
  ) throws(ColumnarError) -> Column {
    let (first, offsets) = try readOffsets(rows, isLarge: isLarge, field)
    let items = try readItems(first..<(first + Int(offsets[rows])), field)  // widens Int32
    let column = try Column(
      type, named: field.name, count: rows, validity: validity, listOffsets: offsets,
      valueOffsets: items.valueOffsets, values: items.values)
    try checkItems(items, of: column, field)
    return column
  }

  private mutating func readVectors(
    _ rows: Int, _ size: Int, _ validity: [UInt8], _ type: ColumnType, _ field: ArrowField
  ) throws(ColumnarError) -> Column {
    let (count, overflow) = rows.multipliedReportingOverflow(by: size)
    guard !overflow else { throw damaged("\(rows) rows of \(size) elements", field) }
    let items = try readItems(0..<count, field)
    let column = try Column(
      type, named: field.name, count: rows, validity: validity, valueOffsets: items.valueOffsets,
      values: items.values)
    try checkItems(items, of: column, field)
    return column
  }

  private mutating func readItems(_ range: Range<Int>, _ field: ArrowField) throws(ColumnarError) -> Column {
    guard let item = field.item else { throw damaged("a list without items", field) }
    let items = try readArray(item)
    guard range.upperBound <= items.count else {
      throw damaged("rows have \(range.upperBound) items, and there are \(items.count)", field)
    }
    return items.slice(range)
  }

  /// Items may be null under a row that is null, and nowhere else.
  private func checkItems(_ items: Column, of column: Column, _ field: ArrowField) throws(ColumnarError) {
    if items.nullCount == 0 { return }
    for row in 0..<column.count where !column.isNull(row) {
      for element in column.elements(of: row) where items.isNull(element) {
        throw .unsupported(
          "lists and vectors with elements that are null are not read",
          advice: "drop or replace these elements, or make the whole row null", at: place(of: field))
      }
    }
  }

  // MARK: Dictionaries

  private mutating func readEncoded(
    _ field: ArrowField, _ key: ArrowDictionaryKey
  ) throws(ColumnarError) -> Column {
    let type = try field.columnType()
    let (rows, nulls) = try takeNode(field)
    let validity = try readValidity(rows, nulls, field)
    let needed = rows * (key.index.fixedByteCount ?? 0)
    let bytes = Array(try takeBuffer(needed: needed, field).prefix(needed))
    let indices = try Column(
      ColumnType(key.index), named: field.name, count: rows, validity: validity, values: bytes)
    if let dictionary = dictionaries.dictionary(key.id) {
      let values = try dictionary.values(of: indices, type, atMost: columnBytesLeft, place(of: field))
      try takeExpansion(values.values.count, field)
      return values
    }
    // Nothing was looked up, so nothing had to be sent.
    guard indices.nullCount == rows else { throw damaged("the column's dictionary is missing", field) }
    var builder = ColumnBuilder(type, named: field.name)
    for _ in 0..<rows { builder.appendNull() }
    return try builder.finish()
  }
}
