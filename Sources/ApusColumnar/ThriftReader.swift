import ApusBytes

/// Reads Thrift's compact protocol from bytes that nobody vouches for.
///
/// Nothing here traps, recurses deeper than `depthMax` or believes a length: a list has at most as many elements as
/// bytes are left, because none takes less than one. What a struct does not know is skipped, as the format demands
/// of readers older than the writer; a known field of a wrong type is refused.
package struct ThriftReader: ~Escapable {
  /// No file of others nests deeper than ten.
  package static let depthMax = 32

  internal var reader: ByteReader

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) {
    reader = ByteReader(bytes)
  }

  /// Where the next item starts; after a struct, how many bytes it took.
  package var offset: Int { reader.offset }
  package var remaining: Int { reader.remaining }

  // MARK: Fields

  /// The header of the struct's next field, or nil at its end.
  @_lifetime(self: copy self)
  package mutating func nextField(_ fields: inout ThriftFields) throws(ThriftError) -> ThriftField? {
    let start = offset
    let header = try byte()
    if header == 0 { return nil }
    let type = try Self.type(header & 0x0f, at: start)
    let delta = Int16(header >> 4)  // widens UInt8
    guard delta == 0 else {
      let (id, overflow) = fields.last.addingReportingOverflow(delta)
      if overflow { throw ThriftError(.badFieldNumber, at: start) }
      fields.last = id
      return ThriftField(id: id, type: type)
    }
    guard let id = Int16(exactly: try zigzag()) else { throw ThriftError(.badFieldNumber, at: start) }
    fields.last = id
    return ThriftField(id: id, type: type)
  }

  @_lifetime(self: copy self)
  package mutating func bool(_ field: ThriftField) throws(ThriftError) -> Bool {
    switch field.type {
    case .isTrue: return true
    case .isFalse: return false
    default: throw ThriftError(.wrongType(field: field.id, expected: .isTrue, found: field.type), at: offset)
    }
  }

  @_lifetime(self: copy self)
  package mutating func int8(_ field: ThriftField) throws(ThriftError) -> Int8 {
    try expect(.int8, field)
    return Int8(bitPattern: try byte())
  }

  @_lifetime(self: copy self)
  package mutating func int16(_ field: ThriftField) throws(ThriftError) -> Int16 {
    try expect(.int16, field)
    return try number()
  }

  @_lifetime(self: copy self)
  package mutating func int32(_ field: ThriftField) throws(ThriftError) -> Int32 {
    try expect(.int32, field)
    return try number()
  }

  @_lifetime(self: copy self)
  package mutating func int64(_ field: ThriftField) throws(ThriftError) -> Int64 {
    try expect(.int64, field)
    return try zigzag()
  }

  @_lifetime(self: copy self)
  package mutating func binary(_ field: ThriftField) throws(ThriftError) -> [UInt8] {
    try expect(.binary, field)
    return try bytes().copied()
  }

  @_lifetime(self: copy self)
  package mutating func string(_ field: ThriftField) throws(ThriftError) -> String {
    try expect(.binary, field)
    return try text()
  }

  /// The header of a struct: none. Says only that the field is one.
  @_lifetime(self: copy self)
  package mutating func structure(_ field: ThriftField) throws(ThriftError) {
    try expect(.structure, field)
  }

  // MARK: Elements

  /// A list's header: how many elements of that type follow. Of an empty list no type is asked: writers differ.
  @_lifetime(self: copy self)
  package mutating func list(_ field: ThriftField, of type: ThriftType) throws(ThriftError) -> Int {
    try expect(.list, field)
    let (count, found) = try listHeader()
    let isBoth = type == .isTrue && found == .isFalse
    if let found, count > 0, found != type, !isBoth {
      throw ThriftError(.wrongType(field: field.id, expected: type, found: found), at: offset)
    }
    return count
  }

  @_lifetime(self: copy self)
  package mutating func elementBool() throws(ThriftError) -> Bool { try byte() == 1 }

  @_lifetime(self: copy self)
  package mutating func elementInt32() throws(ThriftError) -> Int32 { try number() }

  @_lifetime(self: copy self)
  package mutating func elementInt64() throws(ThriftError) -> Int64 { try zigzag() }

  @_lifetime(self: copy self)
  package mutating func elementBinary() throws(ThriftError) -> [UInt8] { try bytes().copied() }

  @_lifetime(self: copy self)
  package mutating func elementString() throws(ThriftError) -> String { try text() }

  // MARK: Skipping

  /// Moves past the value of a field that nobody asked for.
  @_lifetime(self: copy self)
  package mutating func skip(_ field: ThriftField) throws(ThriftError) {
    // A boolean's value was its header.
    if field.type == .isTrue || field.type == .isFalse { return }
    try skip(field.type, depth: 0)
  }

  @_lifetime(self: copy self)
  private mutating func skip(_ type: ThriftType, depth: Int) throws(ThriftError) {
    guard depth < Self.depthMax else { throw ThriftError(.tooDeep, at: offset) }
    switch type {
    case .isTrue, .isFalse, .int8: _ = try byte()
    case .int16, .int32, .int64: _ = try varint()
    case .double: try advance(8)
    case .uuid: try advance(16)
    case .binary: _ = try bytes()
    case .list, .set:
      let (count, element) = try listHeader()
      guard let element else { return }
      for _ in 0..<count { try skip(element, depth: depth + 1) }
    case .map:
      let start = offset
      let count = try length(try varint(), at: start)
      if count == 0 { return }
      let types = try byte()
      let key = try Self.type(types >> 4, at: start)
      let value = try Self.type(types & 0x0f, at: start)
      for _ in 0..<count {
        try skip(key, depth: depth + 1)
        try skip(value, depth: depth + 1)
      }
    case .structure:
      var fields = ThriftFields()
      while let field = try nextField(&fields) {
        if field.type != .isTrue, field.type != .isFalse { try skip(field.type, depth: depth + 1) }
      }
    }
  }

  // MARK: Bytes

  @_lifetime(self: copy self)
  private mutating func byte() throws(ThriftError) -> UInt8 {
    let start = offset
    do throws(BytesError) { return try reader.read(UInt8.self) } catch {
      throw ThriftError(.truncated, at: start)
    }
  }

  @_lifetime(self: copy self)
  private mutating func advance(_ count: Int) throws(ThriftError) {
    let start = offset
    do throws(BytesError) { try reader.skip(count) } catch { throw ThriftError(.truncated, at: start) }
  }

  /// LEB128 of at most ten bytes. Not only its shortest form: writers that leave room for a length pad it.
  @_lifetime(self: copy self)
  private mutating func varint() throws(ThriftError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      let next = try byte()
      if shift == 63, next > 1 { throw ThriftError(.numberTooLong, at: start) }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
    }
    throw ThriftError(.numberTooLong, at: start)
  }

  @_lifetime(self: copy self)
  private mutating func zigzag() throws(ThriftError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
  }

  @_lifetime(self: copy self)
  private mutating func number<T: FixedWidthInteger>() throws(ThriftError) -> T {
    let start = offset
    let value = try zigzag()
    guard let fitting = T(exactly: value) else {
      throw ThriftError(.outOfRange(value, bits: T.bitWidth), at: start)
    }
    return fitting
  }

  /// The next bytes that a length stands before, borrowed.
  @_lifetime(copy self) @_lifetime(self: copy self)
  private mutating func bytes() throws(ThriftError) -> RawSpan {
    let start = offset
    let count = try length(try varint(), at: start)
    do throws(BytesError) { return try reader.readBytes(count) } catch {
      throw ThriftError(.truncated, at: start)
    }
  }

  @_lifetime(self: copy self)
  private mutating func text() throws(ThriftError) -> String {
    let start = offset
    guard let text = try bytes().validatedString() else { throw ThriftError(.notText, at: start) }
    return text
  }

  @_lifetime(self: copy self)
  private mutating func listHeader() throws(ThriftError) -> (count: Int, element: ThriftType?) {
    let start = offset
    let header = try byte()
    let short = UInt64(header >> 4)
    let count = try length(short == 15 ? try varint() : short, at: start)
    // Some writers give an empty list no type.
    if count == 0 { return (0, nil) }
    return (count, try Self.type(header & 0x0f, at: start))
  }

  /// A count of bytes, or of elements of at least one byte each, that can be there.
  private func length(_ claimed: UInt64, at start: Int) throws(ThriftError) -> Int {
    guard let count = Int(exactly: claimed), count <= remaining else {
      throw ThriftError(.badLength(claimed), at: start)
    }
    return count
  }

  private func expect(_ type: ThriftType, _ field: ThriftField) throws(ThriftError) {
    guard field.type == type else {
      throw ThriftError(.wrongType(field: field.id, expected: type, found: field.type), at: offset)
    }
  }

  private static func type(_ code: UInt8, at start: Int) throws(ThriftError) -> ThriftType {
    guard let type = ThriftType(rawValue: code) else { throw ThriftError(.unknownType(code), at: start) }
    return type
  }
}
