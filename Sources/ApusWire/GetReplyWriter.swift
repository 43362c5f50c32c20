// A reply to GET being written: each value of fixed size goes once, to its place in the send buffer; codes, stamps and
// what is of variable size wait in memory that is kept from reply to reply, because their places are known only at the end.
//
// Between `begin` and `finish` every cell is put exactly once, in any order, and nobody else writes to the buffer.
// A writer that is kept stops allocating.

package import ApusBytes
package import ApusContracts

package struct GetReplyWriter: ~Copyable {
  private var shape = ReplyShape([], defaults: [])
  private var rows = 0
  private var columnCount = 0
  private var layout = ReplyLayout.columns
  private var options: GetOptions = []
  private var bodyAt = 0
  private var byteCountMax = 0
  private var presentCount = 0
  private var isTooLong = false
  /// In the layout *columns*: where the values, or ends, of each column begin in the buffer.
  private var places: [Int] = []
  /// A byte per cell, as they are sent in the layouts *columns* and *dense*.
  private var codes = ByteWriter()
  private var eventTimes = ByteWriter()
  private var lsns = ByteWriter()
  /// Values of variable size in the order in which they were put, and where each cell's stand.
  private var variable = ByteWriter()
  private var pieces: [Piece] = []

  private struct Piece {
    var start: UInt32 = 0
    var count: UInt32 = 0
  }

  package init() {}

  /// Begins a reply at the end of the buffer. `rows` is at least 1, and `shape.takes(layout)`. Throws, and writes
  /// nothing, when the reply cannot be had in `byteCountMax` bytes; that is at most 16 MiB.
  package mutating func begin(
    _ shape: ReplyShape, rows: Int, layout: ReplyLayout, options: GetOptions, lsn: LSN, time: ReadTime,
    mayLack: Bool = false, byteCountMax: Int, in buffer: inout ByteWriter
  ) throws(WireError) {
    let fixed = shape.fixedByteCount(rows: rows, layout: layout)
    let least = fixed + shape.stampsByteCount(rows: rows, options: options)
    guard least <= byteCountMax else { throw .tooLong(UInt64(least), max: UInt64(byteCountMax)) }
    // Mostly it is the same again, and need not be counted.
    if self.shape !== shape { self.shape = shape }
    (self.rows, self.layout, self.options) = (rows, layout, options)
    columnCount = shape.columns.count
    bodyAt = buffer.count
    self.byteCountMax = byteCountMax
    presentCount = 0
    isTooLong = false

    buffer.reserve(fixed)
    GetReplyHead(
      lsn: lsn, time: time, mayLack: mayLack, layout: layout, rows: rows, columns: columnCount
    ).encode(into: &buffer)
    if !places.isEmpty { places.removeAll(keepingCapacity: true) }
    if !pieces.isEmpty { pieces.removeAll(keepingCapacity: true) }
    codes.removeAll()
    variable.removeAll()
    switch layout {
    case .columns:
      buffer.writeZeroes(fixed - GetReplyHead.byteCount)
      for column in 0..<columnCount { places.append(bodyAt + shape.placeInColumns(column, rows: rows)) }
      codes.writeZeroes(columnCount * ReplyShape.codesStride(rows: rows))
      Self.reset(&pieces, count: shape.variableCount * rows)
    case .row:
      buffer.writeZeroes(fixed - GetReplyHead.byteCount)
      codes.writeZeroes(columnCount)
      Self.reset(&pieces, count: shape.rowEndCount)
    case .denseFloat32:
      buffer.write(repeating: Float.nan.bitPattern, count: rows * columnCount)
      codes.writeZeroes(rows * columnCount)
    case .denseFloat64:
      buffer.write(repeating: Double.nan.bitPattern, count: rows * columnCount)
      codes.writeZeroes(rows * columnCount)
    }
    eventTimes.removeAll()
    if options.has(.eventTimes) { eventTimes.writeZeroes(8 * rows * columnCount) }
    lsns.removeAll()
    if options.has(.lsns) { lsns.writeZeroes(8 * rows * columnCount) }
  }

  /// Says what was read, once that is known: before `finish`.
  package func stamp(lsn: LSN, mayLack: Bool, in buffer: inout ByteWriter) {
    buffer.overwrite(lsn.rawValue, at: bodyAt)
    buffer.overwrite(mayLack ? GetReplyHead.mayLackFlag : 0, at: bodyAt + GetReplyHead.flagsAt)
  }

  /// The same for a reply that was finished, whose body begins at `bodyAt`: when several are read at once, that is known behind the last one.
  package static func stamp(lsn: LSN, mayLack: Bool, bodyAt: Int, in buffer: inout ByteWriter) {
    buffer.overwrite(lsn.rawValue, at: bodyAt)
    guard mayLack else { return }
    let flags = bodyAt + GetReplyHead.flagsAt
    let others = unsafe buffer.bytes.unsafeLoad(fromByteOffset: flags, as: UInt8.self)
    buffer.overwrite(others | GetReplyHead.mayLackFlag, at: flags)
  }

  private static func reset(_ pieces: inout [Piece], count: Int) {
    if count == 0 { return }
    pieces.reserveCapacity(count)
    for _ in 0..<count { pieces.append(Piece()) }
  }

  // MARK: Cells

  /// Puts a cell: `value`, in the form of rows, when the code has a value of its own, else the default, if there is one.
  ///
  /// A value of its own has *present* and, when values out of age are asked for, *outside max age*.
  package mutating func put(
    _ code: CellCode, _ value: RawSpan, row: Int, column: Int, in buffer: inout ByteWriter
  ) {
    precondition(row >= 0 && row < rows && column >= 0 && column < columnCount, "a reply has so many cells")
    switch layout {
    case .columns: codes.overwrite(code.rawValue, at: column * ReplyShape.codesStride(rows: rows) + row)
    case .row: codes.overwrite(code.rawValue, at: column)
    case .denseFloat32, .denseFloat64: codes.overwrite(code.rawValue, at: row * columnCount + column)
    }
    if code == .present {
      presentCount += 1
      place(value, row, column, &buffer)
    } else if code == .outsideMaxAge, options.has(.stale) {
      place(value, row, column, &buffer)
    } else if shape.columns[column].hasDefault, code.hasValue(default: true, stale: false) {
      let defaults = shape.defaults
      let bytes = unsafe defaults.span.bytes
      place(bytes.extracting(shape.columns[column].defaultRange), row, column, &buffer)
    }
  }

  /// Puts what is known of a cell's winner; only what the options ask for is kept. Nothing is put where there is none.
  package mutating func put(eventTimeNanoseconds: Int64, lsn: UInt64, row: Int, column: Int) {
    precondition(row >= 0 && row < rows && column >= 0 && column < columnCount, "a reply has so many cells")
    let at: Int
    switch layout {
    case .columns: at = 8 * (column * rows + row)
    case .row: at = 8 * column
    case .denseFloat32, .denseFloat64: at = 8 * (row * columnCount + column)
    }
    if options.has(.eventTimes) { eventTimes.overwrite(eventTimeNanoseconds, at: at) }
    if options.has(.lsns) { lsns.overwrite(lsn, at: at) }
  }

  /// In the layout *row*: where the values of fixed size begin in the buffer.
  private var rowAt: Int { bodyAt + GetReplyHead.byteCount }

  /// Puts the cells of some columns at once, in the layout *row*: all are present, and `values` has theirs, one behind the other.
  package mutating func put(present values: RawSpan, _ run: ReplyShape.RowRun, in buffer: inout ByteWriter) {
    precondition(
      layout == .row && run.columns.upperBound <= columnCount && values.byteCount == run.byteCount,
      "a run is of the reply's shape")
    codes.overwrite(repeating: CellCode.present.rawValue, in: run.columns)
    presentCount += run.columns.count
    buffer.overwrite(values, at: rowAt + run.place)
  }

  @inline(__always)
  private mutating func place(_ value: RawSpan, _ row: Int, _ column: Int, _ buffer: inout ByteWriter) {
    switch layout {
    case .columns:
      let form = shape.columns[column].form
      if form == .fixed {
        let width = shape.columns[column].width
        Self.copy(value, width: width, to: places[column] + row * width, in: &buffer)
      } else {
        keep(value, at: shape.columns[column].variable * rows + row)
      }
    case .row:
      if shape.columns[column].hasRowEnd {
        keep(value, at: shape.columns[column].rowPlace)
      } else {
        Self.copy(
          value, width: shape.columns[column].width, to: rowAt + shape.columns[column].rowPlace, in: &buffer)
      }
    case .denseFloat32:
      let at = bodyAt + GetReplyHead.byteCount + 4 * (row * columnCount + column)
      let element = shape.columns[column].type.element
      if element == .float32 {
        // Every bit is kept, also of what is no number.
        Self.copy(value, width: 4, to: at, in: &buffer)
      } else {
        buffer.overwrite(Float(Self.number(value, element)).bitPattern, at: at)
      }
    case .denseFloat64:
      let number = Self.number(value, shape.columns[column].type.element)
      buffer.overwrite(
        number.bitPattern, at: bodyAt + GetReplyHead.byteCount + 8 * (row * columnCount + column))
    }
  }

  @inline(__always)
  private static func copy(_ value: RawSpan, width: Int, to place: Int, in buffer: inout ByteWriter) {
    precondition(value.byteCount == width, "a value has the size of its type")
    // The loads check their bounds.
    switch width {
    case 8: buffer.overwrite(unsafe value.unsafeLoadUnaligned(as: UInt64.self).littleEndian, at: place)
    case 4: buffer.overwrite(unsafe value.unsafeLoadUnaligned(as: UInt32.self).littleEndian, at: place)
    case 1: buffer.overwrite(unsafe value.unsafeLoadUnaligned(as: UInt8.self), at: place)
    default: buffer.overwrite(value, at: place)
    }
  }

  private mutating func keep(_ value: RawSpan, at piece: Int) {
    // What is too long for the whole reply is not collected.
    guard variable.count + value.byteCount <= byteCountMax else {
      isTooLong = true
      return
    }
    pieces[piece] = Piece(start: UInt32(variable.count), count: UInt32(value.byteCount))
    variable.write(value)
  }

  /// Rounded to the nearest float64. Of the types that float32 takes none is rounded here, so none is rounded twice.
  private static func number(_ value: RawSpan, _ element: ElementType) -> Double {
    // The loads check their bounds; the value is of this type.
    switch element {
    case .bool: return unsafe value.unsafeLoadUnaligned(as: UInt8.self) == 0 ? 0 : 1
    case .int32: return Double(Int32(littleEndian: unsafe value.unsafeLoadUnaligned(as: Int32.self)))
    case .int64, .timestamp:
      return Double(Int64(littleEndian: unsafe value.unsafeLoadUnaligned(as: Int64.self)))
    case .float32:
      return Double(
        Float(bitPattern: UInt32(littleEndian: unsafe value.unsafeLoadUnaligned(as: UInt32.self))))
    case .float64:
      return Double(bitPattern: UInt64(littleEndian: unsafe value.unsafeLoadUnaligned(as: UInt64.self)))
    case .string, .bytes: preconditionFailure("a dense layout takes numbers alone")
    }
  }
}

// The end of a reply.
extension GetReplyWriter {
  /// Writes what waited. Throws, and takes the whole body back, when the reply is longer than it may be.
  package mutating func finish(in buffer: inout ByteWriter) throws(WireError) {
    let areAllPresent = presentCount == rows * columnCount
    if !isTooLong {
      switch layout {
      case .columns: finishColumns(areAllPresent, &buffer)
      case .row: finishRow(areAllPresent, &buffer)
      case .denseFloat32, .denseFloat64:
        if !areAllPresent { buffer.write(codes.bytes) }
        if !eventTimes.isEmpty || !lsns.isEmpty { buffer.alignBody(from: bodyAt) }
      }
      buffer.write(eventTimes.bytes)
      buffer.write(lsns.bytes)
      if areAllPresent {
        let flags = bodyAt + GetReplyHead.flagsAt
        let others = unsafe buffer.bytes.unsafeLoad(fromByteOffset: flags, as: UInt8.self)
        buffer.overwrite(others | GetReplyHead.allPresentFlag, at: flags)
      }
    }
    let byteCount = isTooLong ? byteCountMax + 1 : buffer.count - bodyAt
    guard byteCount <= byteCountMax else {
      buffer.truncate(to: bodyAt)
      throw .tooLong(UInt64(byteCount), max: UInt64(byteCountMax))
    }
  }

  private mutating func finishRow(_ areAllPresent: Bool, _ buffer: inout ByteWriter) {
    let endsAt = bodyAt + GetReplyHead.byteCount + shape.rowFixedByteCount
    let start = buffer.count
    for (ordinal, piece) in pieces.enumerated() {
      buffer.write(Self.bytes(of: piece, in: variable))
      buffer.overwrite(UInt32(buffer.count - start), at: endsAt + 4 * ordinal)
    }
    guard !areAllPresent else { return }
    var column = 0
    while column < columnCount {
      let low = unsafe codes.bytes.unsafeLoad(fromByteOffset: column, as: UInt8.self)
      let high =
        column + 1 < columnCount
        ? unsafe codes.bytes.unsafeLoad(fromByteOffset: column + 1, as: UInt8.self) : 0
      buffer.write(low | high << 4)
      column += 2
    }
  }

  private mutating func finishColumns(_ areAllPresent: Bool, _ buffer: inout ByteWriter) {
    for column in 0..<columnCount where shape.columns[column].form != .fixed {
      let first = shape.columns[column].variable * rows
      if shape.columns[column].form == .texts {
        writeTexts(column, first, &buffer)
      } else {
        let unit = shape.columns[column].form == .elements ? shape.columns[column].width : 1
        let start = buffer.count
        for row in 0..<rows {
          buffer.write(Self.bytes(of: pieces[first + row], in: variable))
          buffer.overwrite(UInt32((buffer.count - start) / unit), at: places[column] + 4 * (row + 1))
        }
      }
      buffer.alignBody(from: bodyAt)
    }
    guard !areAllPresent else { return }
    buffer.write(codes.bytes)
    writeValidity(&buffer)
  }

  /// Lists of texts come as count, ends, bytes; here all ends of the column stand together, and then all bytes.
  private mutating func writeTexts(_ column: Int, _ first: Int, _ buffer: inout ByteWriter) {
    var elements: UInt32 = 0
    var byteCount: UInt32 = 0
    buffer.write(byteCount)
    for row in 0..<rows {
      let list = Self.bytes(of: pieces[first + row], in: variable)
      // A row without a value has no bytes, not even a count. The list was checked before it was stored; the loads
      // and the cuts below check their bounds all the same.
      let count = list.byteCount == 0 ? 0 : Self.load(list, at: 0)
      for element in 0..<Int(count) { buffer.write(byteCount + Self.load(list, at: 4 + 4 * element)) }
      elements += count
      if count > 0 { byteCount += Self.load(list, at: 4 * Int(count)) }
      buffer.overwrite(elements, at: places[column] + 4 * (row + 1))
    }
    buffer.alignBody(from: bodyAt)
    for row in 0..<rows {
      let list = Self.bytes(of: pieces[first + row], in: variable)
      if list.byteCount > 0 { buffer.write(list.extracting((4 + 4 * Int(Self.load(list, at: 0)))...)) }
    }
  }

  private static func load(_ list: RawSpan, at offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe list.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  private mutating func writeValidity(_ buffer: inout ByteWriter) {
    let codesStride = ReplyShape.codesStride(rows: rows)
    let stride = ReplyShape.validityStride(rows: rows)
    let isStale = options.has(.stale)
    for column in 0..<columnCount {
      let hasDefault = shape.columns[column].hasDefault
      var word: UInt8 = 0
      for row in 0..<rows {
        let raw = unsafe codes.bytes.unsafeLoad(fromByteOffset: column * codesStride + row, as: UInt8.self)
        if let code = CellCode(rawValue: raw), code.hasValue(default: hasDefault, stale: isStale) {
          word |= 1 << UInt8(row % 8)
        }
        if row % 8 == 7 {
          buffer.write(word)
          word = 0
        }
      }
      if rows % 8 != 0 { buffer.write(word) }
      buffer.writeZeroes(stride - (rows + 7) / 8)
    }
  }

  @_lifetime(borrow variable)
  private static func bytes(of piece: Piece, in variable: borrowing ByteWriter) -> RawSpan {
    variable.bytes.extracting(Int(piece.start)..<(Int(piece.start) + Int(piece.count)))
  }
}
