// A reply to GET, borrowed: cells by row and column, and sections as they were sent, to be wrapped without a copy. The map was checked
// over this very body. A row or a column that is not there is a bug of the caller, and traps.

package import ApusBytes
package import ApusContracts

package struct GetReplyView: ~Escapable {
  private let body: RawSpan
  private let map: GetReplyMap

  /// The body that the map was checked over last.
  @_lifetime(copy body)
  package init(_ body: RawSpan, _ map: GetReplyMap) {
    precondition(body.byteCount == map.byteCount, "a reply is viewed with the map that was made of it")
    self.body = body
    self.map = map
  }

  package var lsn: LSN { map.head.lsn }
  /// That ages were judged at.
  package var time: ReadTime { map.head.time }
  package var layout: ReplyLayout { map.head.layout }
  package var rows: Int { map.head.rows }
  package var columnCount: Int { map.head.columns }
  package var areAllPresent: Bool { map.head.areAllPresent }
  package var mayLack: Bool { map.head.mayLack }
  package var shape: ReplyShape { map.shape }

  // MARK: Cells

  package func code(_ row: Int, _ column: Int) -> CellCode {
    check(row, column)
    if map.head.areAllPresent { return .present }
    let raw: UInt8
    switch layout {
    case .columns: raw = body.uint8(at: map.codesAt + column * ReplyShape.codesStride(rows: rows) + row)
    case .row: raw = map.nibble(body, column)
    case .denseFloat32, .denseFloat64: raw = body.uint8(at: map.codesAt + row * columnCount + column)
    }
    // The map has seen that it is one.
    return CellCode(rawValue: raw) ?? .invalid
  }

  /// Whether a value stands in the cell: its own, or the column's default.
  package func hasValue(_ row: Int, _ column: Int) -> Bool {
    map.head.areAllPresent
      || code(row, column).hasValue(
        default: map.shape.columns[column].hasDefault, stale: map.options.contains(.stale))
  }

  /// Of the winner; nil where there is none, or when it was not asked for.
  package func eventTimeNanoseconds(_ row: Int, _ column: Int) -> Int64? {
    guard map.options.contains(.eventTimes) else { return nil }
    let nanoseconds = Int64(bitPattern: body.uint64(at: map.eventTimesAt + stampPlace(row, column)))
    switch code(row, column) {
    case .present, .null, .outsideMaxAge, .nullOutsideMaxAge: return nanoseconds
    // A feature that its view no longer has is deleted, too, and has no winner.
    case .deleted: return nanoseconds == 0 ? nil : nanoseconds
    case .invalid, .neverSeen, .notYetKnown, .erased, .beyondHistory: return nil
    }
  }

  /// Of the winner; nil where there is none, or when it was not asked for.
  package func lsn(_ row: Int, _ column: Int) -> LSN? {
    guard map.options.contains(.lsns) else { return nil }
    let lsn = LSN(rawValue: body.uint64(at: map.lsnsAt + stampPlace(row, column)))
    return lsn == .none ? nil : lsn
  }

  /// The value, or nil where there is none. In a dense layout it is the number that was sent, whatever the column's type.
  package func value(_ row: Int, _ column: Int) throws(WireError) -> Value? {
    guard hasValue(row, column) else { return nil }
    switch layout {
    case .columns: return try self.column(column).value(row)
    case .row: return try Value(wire: rowValue(column), map.shape.columns[column].type, at: 0)
    case .denseFloat32: return .float32(denseFloat32(row, column))
    case .denseFloat64: return .float64(denseFloat64(row, column))
    }
  }

  /// In the layout *row*: the bytes of a column's value, in the form of rows; zeroes or none where there is no value.
  @_lifetime(copy self)
  package func rowValue(_ column: Int) -> RawSpan {
    check(0, column)
    precondition(layout == .row, "the reply is of another layout")
    let known = map.shape.columns[column]
    if !known.hasRowEnd {
      let start = GetReplyHead.byteCount + known.rowPlace
      return body.extracting(start..<(start + known.width))
    }
    let endsAt = GetReplyHead.byteCount + map.shape.rowFixedByteCount
    let start = known.rowPlace == 0 ? 0 : Int(body.uint32(at: endsAt + 4 * (known.rowPlace - 1)))
    let end = Int(body.uint32(at: endsAt + 4 * known.rowPlace))
    return body.extracting((map.rowDataAt + start)..<(map.rowDataAt + end))
  }

  /// In the layout *dense* of float32; NaN where there is no value.
  package func denseFloat32(_ row: Int, _ column: Int) -> Float {
    check(row, column)
    precondition(layout == .denseFloat32, "the reply is of another layout")
    return Float(bitPattern: body.uint32(at: GetReplyHead.byteCount + 4 * (row * columnCount + column)))
  }

  /// In the layout *dense* of float64; NaN where there is no value.
  package func denseFloat64(_ row: Int, _ column: Int) -> Double {
    check(row, column)
    precondition(layout == .denseFloat64, "the reply is of another layout")
    return Double(bitPattern: body.uint64(at: GetReplyHead.byteCount + 8 * (row * columnCount + column)))
  }

  // MARK: Sections

  /// In the layout *columns*.
  @_lifetime(copy self)
  package func column(_ column: Int) -> ColumnView {
    precondition(layout == .columns, "the reply is of another layout")
    return ColumnView(body, map.places[column])
  }

  /// In the layout *columns*: a column's codes, one byte per row; empty when all cells are present.
  @_lifetime(copy self)
  package func codes(_ column: Int) -> RawSpan {
    check(0, column)
    precondition(layout == .columns, "the reply is of another layout")
    if areAllPresent { return body.extracting(0..<0) }
    let start = map.codesAt + column * ReplyShape.codesStride(rows: rows)
    return body.extracting(start..<(start + rows))
  }

  /// In the layout *columns*: a column's validity bits; empty when all cells are present.
  @_lifetime(copy self)
  package func validity(_ column: Int) -> RawSpan {
    check(0, column)
    precondition(layout == .columns, "the reply is of another layout")
    if areAllPresent { return body.extracting(0..<0) }
    let start = map.validityAt + column * ReplyShape.validityStride(rows: rows)
    return body.extracting(start..<(start + (rows + 7) / 8))
  }

  /// In a dense layout: rows × columns numbers, row after row.
  package var dense: RawSpan {
    @_lifetime(copy self) get {
      precondition(layout == .denseFloat32 || layout == .denseFloat64, "the reply is of another layout")
      return body.extracting(
        GetReplyHead.byteCount..<map.shape.fixedByteCount(rows: rows, layout: layout))
    }
  }

  private func stampPlace(_ row: Int, _ column: Int) -> Int {
    check(row, column)
    return 8 * (layout == .columns ? column * rows + row : row * columnCount + column)
  }

  private func check(_ row: Int, _ column: Int) {
    precondition(row >= 0 && row < rows && column >= 0 && column < columnCount, "a reply has so many cells")
  }
}
