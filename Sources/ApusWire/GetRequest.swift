// GET carries a handle and keys, and nothing else. The server borrows the keys one after another; how many there must be
// follows from the handle's roles, so that `KeyWalker.finish` comes after the last.

package import ApusBytes
package import ApusContracts

package struct GetRequest: ~Escapable {
  package let handle: UInt32
  /// At least 1; in the layout *row*, 1.
  package let rows: Int
  package let layout: ReplyLayout
  package let options: GetOptions
  package let minimum: LSN?
  package let exact: LSN?
  /// With `exact`.
  package let exactTime: ReadTime?
  /// Row after row, and in a row role after role.
  package let keys: KeyWalker

  @_lifetime(copy body)
  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    handle = try reader.number("the handle")
    let rows = Int(clamping: try reader.number("the rows", as: UInt16.self))
    let rawLayout = try reader.number("the layout", as: UInt8.self)
    guard let layout = ReplyLayout(rawValue: rawLayout) else {
      throw .malformed("there is no layout \(rawLayout)", at: 6)
    }
    guard rows >= 1, layout != .row || rows == 1 else {
      throw .malformed("\(rows) rows cannot be answered in layout \(rawLayout)", at: 4)
    }
    options = GetOptions(rawValue: try reader.number("GET's options"))
    guard options.areKnown, !(options.has(.minimum) && options.has(.exact)) else {
      throw .malformed("GET cannot have the options \(options.rawValue)", at: 7)
    }
    self.rows = rows
    self.layout = layout
    minimum = options.has(.minimum) ? LSN(rawValue: try reader.number("the least LSN")) : nil
    if options.has(.exact) {
      exact = LSN(rawValue: try reader.number("the LSN"))
      exactTime = ReadTime(nanoseconds: try reader.number("the time"))
    } else {
      exact = nil
      exactTime = nil
    }
    keys = KeyWalker(reader)
  }

  /// Handle, rows, layout and options as one word: requests that agree in it ask for the same, with other keys. Nil when the body is too short.
  package static func head(of body: RawSpan) -> UInt64? {
    guard body.byteCount >= headByteCount else { return nil }
    return unsafe body.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
  }

  private static let headByteCount = 8

  /// The keys of a body that begins as one that was decoded, and that has neither a minimum nor an exact LSN.
  @_lifetime(copy body)
  package static func keys(behindHeadOf body: RawSpan) -> KeyWalker {
    KeyWalker(BodyReader(body.extracting(droppingFirst: min(headByteCount, body.byteCount))))
  }

  /// Of a body that was encoded here: whether it asks for one row.
  package static func isOfOneRow(_ body: RawSpan) -> Bool {
    body.byteCount >= rowsAt + 2 && body.uint8(at: rowsAt) == 1 && body.uint8(at: rowsAt + 1) == 0
  }

  /// Behind the handle.
  private static let rowsAt = 4

  /// Writes all but the keys, which `write(short:)` writes one after another.
  package static func encode(
    handle: UInt32, rows: Int, layout: ReplyLayout, options: GetOptions = [], minimum: LSN? = nil,
    into writer: inout ByteWriter
  ) {
    writer.write(handle)
    writer.write(count: rows)
    writer.write(layout.rawValue)
    var options = options
    if minimum != nil { options.insert(.minimum) }
    writer.write(options.rawValue)
    if let minimum { writer.write(minimum.rawValue) }
  }

  /// The same at an exact LSN and time.
  package static func encode(
    handle: UInt32, rows: Int, layout: ReplyLayout, options: GetOptions = [], exact: LSN, time: ReadTime,
    into writer: inout ByteWriter
  ) {
    writer.write(handle)
    writer.write(count: rows)
    writer.write(layout.rawValue)
    writer.write(options.union(.exact).rawValue)
    writer.write(exact.rawValue)
    writer.write(time.nanoseconds)
  }
}

/// Keys one after another, borrowed.
package struct KeyWalker: ~Escapable {
  private var reader: BodyReader

  @_lifetime(copy reader)
  init(_ reader: BodyReader) { self.reader = reader }

  /// The next key as it was encoded: not yet known to be one.
  @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func next() throws(WireError) -> RawSpan { try reader.shortBytes("a key") }

  /// Whether the last key was taken.
  package var isAtEnd: Bool { reader.remaining == 0 }

  /// That the last key was taken.
  package func finish() throws(WireError) { try reader.finish("the last key") }
}
