/// A column being put together from the pages of one chunk: levels say which rows and elements there are, values
/// fill them.
///
/// After every page, `rows` rows are complete but for the last list, which the next page may go on with. When a
/// page throws, the assembly is spent.
struct ColumnAssembly {
  let leaf: ParquetLayout
  private(set) var values: ValueBuffer
  private(set) var rows = 0
  private(set) var nulls = 0
  /// One bit a row, kept from the first null on.
  private var validity = GrowingBits()
  private var keepsValidity = false
  /// Where each row's elements begin, and where the last ones end so far.
  private var listOffsets: [Int32] = [0]
  private var elements = 0
  private let rowsMax: Int

  init(_ leaf: ParquetLayout, byteLimit: Int, rowsMax: Int) {
    self.leaf = leaf
    self.rowsMax = min(rowsMax, Column.countMax)
    values = ValueBuffer(leaf.field.type.element, byteLimit: byteLimit)
  }

  /// Makes room for what the chunk is likely to hold; a guess that is wrong costs time or a little memory.
  mutating func reserve(rows: Int, compressedBytes: Int) {
    guard !leaf.isList else { return }
    let likely = min(
      max(compressedBytes, 4096).multipliedReportingOverflow(by: 16).partialValue, values.byteLimit)
    if leaf.field.type.element.isVariable {
      values.offsets.reserveCapacity(min(rows &+ 1, likely / 4))
    } else {
      values.bytes.reserveCapacity(
        min(max(rows, 0).multipliedReportingOverflow(by: values.width).partialValue, likely))
    }
  }
}

// MARK: - Levels say which values a page has, before any value is read

struct PageShape: Equatable, Sendable {
  /// Rows that begin in the page.
  let rows: Int
  /// Values that are there.
  let present: Int
}

extension ColumnAssembly {
  /// How wide levels of at most `level` are.
  static func width(ofLevels level: Int) -> Int { Int.bitWidth - level.leadingZeroBitCount }

  /// Takes a flat column's page of `count` rows; a column without nulls has no levels.
  mutating func takeRows(_ count: Int, definitions: RawSpan) throws(PageFault) -> PageShape {
    guard count <= rowsMax &- rows else { throw .corrupt("more rows than the row group has") }
    if leaf.field.type.element.isVariable { try values.checkOffsets(rows &+ count) }
    guard leaf.definedAt > 0 else {
      rows &+= count
      return PageShape(rows: count, present: count)
    }
    var levels = try HybridDecoder(definitions, width: 1)
    var (done, present) = (0, 0)
    if !keepsValidity {
      // The usual page is one run of rows that all have a value: then there is nothing to keep.
      while done < count {
        let ones = try levels.takeOnes(atMost: count &- done)
        if ones == 0 { break }
        done &+= ones
      }
      present = done
      if done < count { keepValidity(of: rows &+ done) }
    }
    if done < count { present &+= try levels.appendBits(count &- done, to: &validity) }
    rows &+= count
    nulls &+= count &- present
    return PageShape(rows: count, present: present)
  }

  /// All rows so far have values; from here on some may have none.
  private mutating func keepValidity(of soFar: Int) {
    keepsValidity = true
    validity.append(repeating: true, count: soFar)
  }

  /// Takes a list column's page of `count` levels.
  mutating func takeElements(
    _ count: Int, repetitions: RawSpan, definitions: RawSpan
  ) throws(PageFault) -> PageShape {
    guard count <= Column.countMax &- elements else { throw .tooLarge("\(count) more elements of lists") }
    // Each level may begin a row or be an element, and either has an offset.
    try values.checkOffsets(max(rows, elements) &+ count)
    var (starts, levels) = (
      try HybridDecoder(repetitions, width: 1),
      try HybridDecoder(definitions, width: Self.width(ofLevels: leaf.definedAt))
    )
    let batch = min(count, 1024)
    var repetition = [UInt32](repeating: 0, count: batch)
    var definition = repetition
    let (firstRow, firstElement) = (rows, elements)
    var left = count
    while left > 0 {
      let taken = min(left, batch)
      try Self.fill(&repetition, taken, from: &starts)
      try Self.fill(&definition, taken, from: &levels)
      for index in 0..<taken { try take(repetition[index], Int(truncatingIfNeeded: definition[index])) }
      left &-= taken
    }
    return PageShape(rows: rows &- firstRow, present: elements &- firstElement)
  }

  private static func fill(
    _ levels: inout [UInt32], _ count: Int, from decoder: inout HybridDecoder
  ) throws(PageFault) {
    try unsafe levels.withUnsafeMutableBufferPointer { (all) throws(PageFault) in
      try unsafe decoder.fill(UnsafeMutableBufferPointer(rebasing: all[0..<count]))
    }
  }

  @inline(__always)
  private mutating func take(_ repetition: UInt32, _ definition: Int) throws(PageFault) {
    if repetition == 0 {
      guard rows < rowsMax else { throw .corrupt("more rows than the row group has") }
      let isNull = definition < leaf.nullBelow
      if isNull {
        if !keepsValidity { keepValidity(of: rows) }
        nulls &+= 1
      }
      if keepsValidity { validity.append(isNull ? 0 : 1, count: 1) }
      rows &+= 1
      listOffsets.append(Int32(truncatingIfNeeded: elements))
    } else {
      guard repetition == 1 else {
        throw .corrupt("a repetition level of \(repetition) where at most 1 is possible")
      }
      guard rows > 0 else { throw .corrupt("the first level does not begin a row") }
      guard definition > leaf.emptyAt else { throw .corrupt("a list goes on with nothing") }
    }
    if definition == leaf.definedAt {
      elements &+= 1
      listOffsets[rows] = Int32(truncatingIfNeeded: elements)
    } else if definition > leaf.emptyAt {
      guard definition < leaf.definedAt else { throw .corrupt("a definition level of \(definition)") }
      throw .unsupported(
        "an element of a list is null", advice: "fill or drop the nulls inside of the lists before writing")
    }
  }
}

// MARK: - Values

extension ColumnAssembly {
  mutating func takeValues(
    _ bytes: RawSpan, _ encoding: PageEncoding, dictionary: ValueBuffer?, of shape: PageShape
  ) throws(PageFault) {
    let first = values.count
    try encoding.decode(bytes, count: shape.present, leaf.storage, dictionary: dictionary, into: &values)
    guard !leaf.isList, shape.present < shape.rows, leaf.field.type.element != .null else { return }
    try values.spread(from: first, over: shape.rows, validity: validity, from: rows &- shape.rows)
  }

  /// The column; it must have exactly `expected` rows.
  consuming func finish(rows expected: Int) throws(PageFault) -> Column {
    guard rows == expected else { throw .mismatch("rows", claimed: expected, found: rows) }
    let type = leaf.field.type
    let count = leaf.isList ? elements : rows
    if type == ColumnType(.null) {
      guard nulls == rows else { throw .corrupt("a column of no type has values") }
      return .nulls(count: rows)
    }
    guard values.count == count else { throw .mismatch("values", claimed: count, found: values.count) }
    if type.element == .string, !Column.isUTF8(values.bytes, cutAt: values.offsets) {
      throw .corrupt("a string is not UTF-8")
    }
    let list = Column(
      trusted: leaf.isList ? ColumnType(type.element, .list) : type, count: rows, nullCount: nulls,
      validity: nulls == 0 ? [] : validity.bytes,
      listOffsets: leaf.isList ? listOffsets : [], valueOffsets: values.offsets,
      values: type.element == .bool ? values.bits.bytes : values.bytes, elementCount: count)
    guard case .vector(let size) = type.shape else { return list }
    return try list.vectors(of: size, byteLimit: values.byteLimit)
  }
}
