// A column of a body, borrowed. The place was checked over this very body; a row beyond its rows is a bug of the caller, and traps.

package import ApusBytes
package import ApusContracts

package struct ColumnView: ~Escapable {
  private let body: RawSpan
  private let place: ColumnPlace

  @_lifetime(copy body)
  init(_ body: RawSpan, _ place: ColumnPlace) {
    self.body = body
    self.place = place
  }

  package var type: FeatureType { place.type }
  package var form: ReplyShape.Form { place.form }
  package var rows: Int { place.rows }

  /// Section 1: the values of fixed size, or rows + 1 ends of 4 bytes.
  package var fixed: RawSpan {
    @_lifetime(copy self) get {
      body.extracting(
        place.fixedAt..<(place.fixedAt + ColumnPlace.fixedByteCount(place.type, rows: place.rows)))
    }
  }

  /// What the ends count: bytes, or elements.
  package var data: RawSpan {
    @_lifetime(copy self) get { body.extracting(place.dataAt..<(place.dataAt + place.dataByteCount)) }
  }

  /// Of lists of strings or bytes: the ends of their elements in `data`, the first 0; else empty.
  package var textEnds: RawSpan {
    @_lifetime(copy self) get {
      body.extracting(
        place.textEndsAt..<(place.textEndsAt + (form == .texts ? 4 * (place.textCount + 1) : 0)))
    }
  }

  /// What the ends count in a row.
  package func counted(_ row: Int) -> Range<Int> {
    precondition(
      row >= 0 && row < rows && form != .fixed, "a column has so many rows, and ends where sizes differ")
    return Int(body.uint32(at: place.fixedAt + 4 * row))..<Int(body.uint32(at: place.fixedAt + 4 * row + 4))
  }

  /// A value's bytes in the form of rows; zeroes or none where there is no value. Not of a list of strings or bytes, whose ends
  /// and bytes stand apart: `write` brings them together.
  @_lifetime(copy self)
  package func raw(_ row: Int) -> RawSpan {
    switch form {
    case .fixed:
      precondition(row >= 0 && row < rows, "a column has so many rows")
      let start = place.fixedAt + row * place.width
      return body.extracting(start..<(start + place.width))
    case .bytes, .elements:
      let counted = counted(row)
      let start = place.dataAt + counted.lowerBound * place.width
      return body.extracting(start..<(start + counted.count * place.width))
    case .texts: preconditionFailure("the elements of a list of texts are taken one by one")
    }
  }

  /// An element of a list of strings or bytes, by its number in the column: `counted` says which are a row's.
  @_lifetime(copy self)
  package func text(_ element: Int) -> RawSpan {
    precondition(form == .texts && element >= 0 && element < place.textCount, "a column has so many texts")
    let start = Int(body.uint32(at: place.textEndsAt + 4 * element))
    let end = Int(body.uint32(at: place.textEndsAt + 4 * element + 4))
    return body.extracting((place.dataAt + start)..<(place.dataAt + end))
  }

  /// Writes a value in the form of rows.
  package func write(_ row: Int, into writer: inout ByteWriter) {
    guard form == .texts else { return writer.write(raw(row)) }
    let elements = counted(row)
    writer.write(UInt32(elements.count))
    let first = body.uint32(at: place.textEndsAt + 4 * elements.lowerBound)
    for element in elements { writer.write(body.uint32(at: place.textEndsAt + 4 * element + 4) - first) }
    let last = body.uint32(at: place.textEndsAt + 4 * elements.upperBound)
    writer.write(body.extracting((place.dataAt + Int(first))..<(place.dataAt + Int(last))))
  }

  /// The value of a row, which must have one.
  package func value(_ row: Int) throws(WireError) -> Value {
    guard form == .texts else { return try Value(wire: raw(row), type, at: place.fixedAt) }
    var writer = ByteWriter()
    write(row, into: &writer)
    return try Value(wire: writer.bytes, type, at: place.fixedAt)
  }
}
