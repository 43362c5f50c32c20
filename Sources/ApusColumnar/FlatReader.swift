// Flatbuffers from anyone. Nothing is believed before it is checked: each table's vtable and extent, each place that a table points to,
// each vector's length lie inside of the bytes, or are refused. Numbers may lie anywhere.
//
// Nothing here follows pointers on its own, so nothing can go around in circles: whoever walks down a tree counts how deep.

import ApusBytes

struct FlatReader: ~Escapable {
  private let bytes: RawSpan
  /// Where the bytes begin in the stream, for errors.
  private let start: UInt64

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, at start: UInt64) {
    self.bytes = bytes
    self.start = start
  }

  /// A table whose extent, and whose vtable's, are inside of the bytes.
  struct Table {
    fileprivate let at: Int
    fileprivate let byteCount: Int
    fileprivate let vtable: Int
    fileprivate let vtableCount: Int
  }

  /// Elements that are inside of the bytes.
  struct Vector {
    let count: Int
    fileprivate let at: Int
  }

  func damaged(_ what: String, at offset: Int = 0) -> ColumnarError {
    .damaged(what, at: ColumnarPlace(byteOffset: start &+ UInt64(truncatingIfNeeded: offset)))
  }

  func root() throws(ColumnarError) -> Table { try table(pointedToAt: 0) }

  // MARK: Fields of a table; each has the format's default where it is absent

  func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ table: Table, _ id: Int, default value: T
  ) throws(ColumnarError) -> T {
    guard let place = try place(of: id, in: table, byteCount: MemoryLayout<T>.size) else { return value }
    return try load(place)
  }

  func bool(_ table: Table, _ id: Int) throws(ColumnarError) -> Bool {
    try number(table, id, default: 0 as UInt8) != 0
  }

  func table(_ table: Table, _ id: Int) throws(ColumnarError) -> Table? {
    guard let place = try place(of: id, in: table, byteCount: 4) else { return nil }
    return try self.table(pointedToAt: place)
  }

  func vector(_ table: Table, _ id: Int, elementBytes: Int) throws(ColumnarError) -> Vector? {
    guard let place = try place(of: id, in: table, byteCount: 4) else { return nil }
    let at = try target(pointedToAt: place)
    // widens UInt32
    let count = Int(try load(at, as: UInt32.self))
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementBytes)
    guard !overflow, byteCount <= bytes.byteCount &- at &- 4 else {
      throw damaged("a list of \(count) in the metadata ends after it", at: at)
    }
    return Vector(count: count, at: at &+ 4)
  }

  /// A text, its bytes counted against what is left of `budget`.
  func text(_ table: Table, _ id: Int, budget: inout Int) throws(ColumnarError) -> String? {
    guard let vector = try vector(table, id, elementBytes: 1) else { return nil }
    guard vector.count <= budget else {
      throw .tooLarge(
        "bytes of names and texts in a schema", claimed: UInt64(truncatingIfNeeded: vector.count),
        limit: UInt64(truncatingIfNeeded: budget), at: ColumnarPlace(byteOffset: start))
    }
    budget -= vector.count
    guard let text = bytes.extracting(vector.at..<(vector.at &+ vector.count)).validatedString() else {
      throw damaged("a name or text is not UTF-8", at: vector.at)
    }
    return text
  }

  // MARK: Elements of a vector; the caller has counted

  func table(_ vector: Vector, _ index: Int) throws(ColumnarError) -> Table {
    try table(pointedToAt: vector.at &+ 4 &* index)
  }

  func number<T: FixedWidthInteger & BitwiseCopyable>(_ vector: Vector, _ index: Int) throws(ColumnarError)
    -> T
  {
    try load(vector.at &+ MemoryLayout<T>.size &* index)
  }

  // MARK: Places

  private func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ at: Int, as: T.Type = T.self
  ) throws(ColumnarError) -> T {
    guard at >= 0, at <= bytes.byteCount &- MemoryLayout<T>.size else {
      throw damaged("the metadata points behind its end", at: at)
    }
    // The guard has checked the place.
    return T(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: T.self))
  }

  private func target(pointedToAt place: Int) throws(ColumnarError) -> Int {
    // widens UInt32
    let distance = Int(try load(place, as: UInt32.self))
    // Both are far below 2^62.
    return place &+ distance
  }

  private func table(pointedToAt place: Int) throws(ColumnarError) -> Table {
    let at = try target(pointedToAt: place)
    // widens Int32
    let vtable = at &- Int(try load(at, as: Int32.self))
    // widens UInt16
    let vtableCount = Int(try load(vtable, as: UInt16.self))
    // widens UInt16
    let byteCount = Int(try load(vtable &+ 2, as: UInt16.self))
    guard vtableCount >= 4, vtableCount <= bytes.byteCount &- vtable, byteCount >= 4,
      byteCount <= bytes.byteCount &- at
    else { throw damaged("a table of the metadata ends after it", at: at) }
    return Table(at: at, byteCount: byteCount, vtable: vtable, vtableCount: vtableCount)
  }

  private func place(of id: Int, in table: Table, byteCount: Int) throws(ColumnarError) -> Int? {
    let entry = 4 &+ 2 &* id
    guard entry &+ 2 <= table.vtableCount else { return nil }
    // widens UInt16
    let offset = Int(try load(table.vtable &+ entry, as: UInt16.self))
    if offset == 0 { return nil }
    guard offset >= 4, offset &+ byteCount <= table.byteCount else {
      throw damaged("a field of the metadata lies outside of its table", at: table.at)
    }
    return table.at &+ offset
  }
}
