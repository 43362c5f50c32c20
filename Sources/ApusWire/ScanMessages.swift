// SCAN walks the entities of a view, page by page; each page says where the next begins, in the server's own words.

package import ApusBytes

package struct ScanRequest: Equatable, Sendable {
  /// Empty: the only one.
  package var project: String
  package var view: String
  package var rowsMax: UInt32
  /// Empty: the beginning.
  package var from: [UInt8]

  package init(project: String = "", view: String, rowsMax: UInt32, from: [UInt8] = []) {
    (self.project, self.view, self.rowsMax, self.from) = (project, view, rowsMax, from)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(short: project)
    writer.write(short: view)
    writer.write(rowsMax)
    writer.write(bytes: unsafe from.span.bytes)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    project = try reader.short("the project")
    view = try reader.short("the view")
    let at = reader.offset
    rowsMax = try reader.number("the most rows")
    guard rowsMax >= 1 else { throw .malformed("no rows are asked for", at: at) }
    from = try reader.bytes("where to go on").copied()
    try reader.finish("SCAN")
  }
}

/// A page, borrowed. Its rows have event times (the newest of what a row still says), and no other times.
package struct ScanReply: ~Escapable {
  package let lsn: LSN
  /// Empty: the end.
  package let next: [UInt8]
  /// Names of features, in the order of the columns.
  package let columns: [String]
  package let rows: RowsView

  @_lifetime(copy body)
  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    let count = Int(clamping: try reader.number("the rows", as: UInt32.self))
    next = try reader.bytes("where to go on").copied()
    columns = try reader.names()
    rows = try RowsView(
      body, at: reader.offset, count: count, columns: columns.count, createdAt: false, knownAt: false)
  }

  /// What a body takes beyond its rows' `byteCount`: at most this.
  package static func headByteCountMax(columns: [String], nextByteCount: Int, _ rows: WireRows) -> Int {
    columns.reduce(18 + nextByteCount + rows.alignmentByteCountMax) { $0 + 2 + $1.utf8.count }
  }

  /// Writes a whole body. `rows` have a column for every name.
  package static func encode(
    lsn: LSN, next: [UInt8], columns: [String], _ rows: WireRows, into writer: inout ByteWriter
  ) {
    precondition(rows.columns.count == columns.count, "every column has a name")
    let start = writer.count
    writer.write(lsn.rawValue)
    writer.write(UInt32(rows.count))
    writer.write(bytes: unsafe next.span.bytes)
    writer.write(count: columns.count)
    for column in columns { writer.write(short: column) }
    rows.encode(createdAt: false, knownAt: false, bodyAt: start, into: &writer)
  }
}
