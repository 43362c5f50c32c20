// A reply to GET that was checked: where everything stands in it. All that a peer could have got wrong (layout, counts, ends, codes,
// sizes, zeroes between) is refused here, once; through the map every access to that body stays inside of it.
//
// A map that is checked again and again with replies of the same handle stops allocating.

import ApusBytes
import ApusContracts

package struct GetReplyMap: Sendable {
  package let shape: ReplyShape
  package private(set) var head = GetReplyHead(
    lsn: .none, time: ReadTime(nanoseconds: 0), mayLack: false, layout: .columns, rows: 0, columns: 0)
  package private(set) var options: GetOptions = []
  /// Of the body.
  package private(set) var byteCount = 0
  /// In the layout *columns*.
  private(set) var places: [ColumnPlace] = []
  /// In the layout *row*: behind the ends.
  private(set) var rowDataAt = 0
  private(set) var codesAt = 0
  private(set) var validityAt = 0
  private(set) var eventTimesAt = 0
  private(set) var lsnsAt = 0

  package init(_ shape: ReplyShape) { self.shape = shape }

  /// Checks the reply to a request for so many rows in this layout with these options. After an error the map must not be
  /// used before another check.
  package mutating func check(
    _ body: RawSpan, rows: Int, layout: ReplyLayout, options: GetOptions
  ) throws(WireError) {
    var reader = BodyReader(body)
    head = try GetReplyHead(&reader)
    guard head.layout == layout, head.rows == rows, head.columns == shape.columns.count else {
      throw .malformed("the reply is of another layout or size than what was asked", at: GetReplyHead.flagsAt)
    }
    guard shape.takes(layout), layout != .row || rows == 1 else {
      throw .malformed("such columns cannot be sent in this layout", at: GetReplyHead.flagsAt &+ 1)
    }
    self.options = options
    byteCount = body.byteCount
    let fixedEnd = shape.fixedByteCount(rows: rows, layout: layout)
    // The sections whose size is known must be there before anything is looked at or kept.
    guard fixedEnd + shape.stampsByteCount(rows: rows, options: options) <= byteCount else {
      throw .malformed("the values are cut off", at: byteCount)
    }
    places.removeAll(keepingCapacity: true)
    var at: Int
    switch layout {
    case .columns: at = try checkColumns(body, rows, behind: fixedEnd)
    case .row: at = try checkRow(body, behind: fixedEnd)
    case .denseFloat32, .denseFloat64: at = try checkDense(body, rows, behind: fixedEnd)
    }
    let stamps = 8 * rows * shape.columns.count
    eventTimesAt = at
    if options.contains(.eventTimes) { at += stamps }
    lsnsAt = at
    if options.contains(.lsns) { at += stamps }
    guard at == byteCount else {
      throw .malformed("the reply has \(byteCount) bytes, and \(at) are meant", at: min(at, byteCount))
    }
  }

  private mutating func checkColumns(_ body: RawSpan, _ rows: Int, behind fixedEnd: Int) throws(WireError)
    -> Int
  {
    places.reserveCapacity(shape.columns.count)
    var at = fixedEnd
    var fixedAt = GetReplyHead.byteCount
    for column in shape.columns {
      let place = try ColumnPlace(checking: body, column.type, rows: rows, fixedAt: fixedAt, dataFrom: at)
      fixedAt = try ColumnPlace.aligned(
        body, behind: fixedAt + ColumnPlace.fixedByteCount(column.type, rows: rows))
      places.append(place)
      at = place.end
    }
    codesAt = at
    if head.areAllPresent { return at }
    let stride = ReplyShape.codesStride(rows: rows)
    let validityStride = ReplyShape.validityStride(rows: rows)
    guard (stride + validityStride) * shape.columns.count <= byteCount - at else {
      throw .malformed("the codes are cut off", at: byteCount)
    }
    for _ in shape.columns {
      try Self.checkCodes(body, from: at, count: rows)
      _ = try ColumnPlace.aligned(body, behind: at + rows)
      at += stride
    }
    validityAt = at
    for _ in shape.columns {
      _ = try ColumnPlace.aligned(body, behind: at + (rows + 7) / 8)
      at += validityStride
    }
    return at
  }

  private mutating func checkRow(_ body: RawSpan, behind fixedEnd: Int) throws(WireError) -> Int {
    var last: UInt32 = 0
    var endAt = fixedEnd - 4 * shape.rowEndCount
    while endAt < fixedEnd {
      let next = body.uint32(at: endAt)
      guard next >= last else { throw .malformed("an end lies before the one before it", at: endAt) }
      last = next
      endAt += 4
    }
    rowDataAt = fixedEnd
    // widens UInt32
    let dataByteCount = Int(last)
    guard dataByteCount <= byteCount - fixedEnd else {
      throw .malformed("the row's bytes are cut off", at: byteCount)
    }
    codesAt = fixedEnd + dataByteCount
    if head.areAllPresent { return codesAt }
    let columnCount = shape.columns.count
    let end = codesAt + (columnCount + 1) / 2
    guard end <= byteCount else { throw .malformed("the codes are cut off", at: byteCount) }
    for column in 0..<columnCount where CellCode(rawValue: nibble(body, column)) == nil {
      throw .malformed("an unknown code", at: codesAt + column / 2)
    }
    if columnCount % 2 == 1, body.uint8(at: end - 1) >> 4 != 0 {
      throw .malformed("half a byte that must be zero is not", at: end - 1)
    }
    return end
  }

  private mutating func checkDense(_ body: RawSpan, _ rows: Int, behind fixedEnd: Int) throws(WireError)
    -> Int
  {
    codesAt = fixedEnd
    var at = fixedEnd
    if !head.areAllPresent {
      let count = rows * shape.columns.count
      guard count <= byteCount - at else { throw .malformed("the codes are cut off", at: byteCount) }
      try Self.checkCodes(body, from: at, count: count)
      at += count
    }
    if options.isDisjoint(with: [.eventTimes, .lsns]) { return at }
    return try ColumnPlace.aligned(body, behind: at)
  }

  private static func checkCodes(_ body: RawSpan, from start: Int, count: Int) throws(WireError) {
    var at = start
    while at < start + count {
      guard CellCode(rawValue: body.uint8(at: at)) != nil else { throw .malformed("an unknown code", at: at) }
      at += 1
    }
  }

  /// The code of a column in the layout *row*.
  func nibble(_ body: RawSpan, _ column: Int) -> UInt8 {
    let both = body.uint8(at: codesAt + column / 2)
    return column % 2 == 0 ? both & 15 : both >> 4
  }
}
