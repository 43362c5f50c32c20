// Where the buffers of a batch lie in its body: in order, without overlap, each at a multiple of `bodyAlignment`. The lengths are those
// of the bytes that mean something; what is between is zero.

import ApusBytes

struct ArrowBody: ~Copyable {
  /// Length and null count of each column, and of each list's and vector's child after it.
  private(set) var nodes: [(Int64, Int64)] = []
  /// Offset and length of each buffer.
  private(set) var places: [(Int64, Int64)] = []
  private(set) var byteCount = 0
  /// The body itself, when it is compressed.
  private(set) var compressed = ByteWriter()
  private var compressor: ZstdCompressor?

  init(_ level: ZstdLevel?) throws(ColumnarError) {
    guard let level else {
      compressor = nil
      return
    }
    do { compressor = try ZstdCompressor(level: level) } catch { throw Self.refused(error) }
  }

  enum Part { case validity, listOffsets, valueOffsets, values, nothing }

  /// Places a column's buffers after those before.
  mutating func add(_ column: Column) throws(ColumnarError) {
    let elements = Int64(column.elementCount)
    nodes.append((Int64(column.count), Int64(column.nullCount)))
    if column.type.shape != .scalar { nodes.append((elements, column.type.element == .null ? elements : 0)) }
    for part in Self.parts(of: column.type) { try place(Self.bytes(of: part, in: column)) }
  }

  private mutating func place(_ bytes: RawSpan) throws(ColumnarError) {
    var length = bytes.byteCount
    if compressor != nil, length > 0 {
      try compress(bytes)
      length = compressed.count - byteCount
      compressed.align(to: ArrowFormat.bodyAlignment)
    }
    places.append((Int64(byteCount), Int64(length)))
    byteCount += length + Self.padding(after: length)
  }

  private mutating func compress(_ bytes: RawSpan) throws(ColumnarError) {
    let start = compressed.count
    compressed.write(Int64(bytes.byteCount))
    do { try compressor?.compress(bytes, into: &compressed) } catch { throw Self.refused(error) }
    if compressed.count - start < 8 + bytes.byteCount { return }
    compressed.truncate(to: start)
    compressed.write(-1 as Int64)
    compressed.write(bytes)
  }

  /// The buffers of a column in the format's order, a child's after its parent's. A child has no nulls, so its validity is of no bytes.
  static func parts(of type: ColumnType) -> [Part] {
    let element: [Part] =
      switch type.element {
      case .null: []
      case .string, .bytes: [.nothing, .valueOffsets, .values]
      default: [.nothing, .values]
      }
    switch type.shape {
    case .scalar: return type.element == .null ? [] : [.validity] + element.dropFirst()
    case .list: return [.validity, .listOffsets] + element
    case .vector: return [.validity] + element
    }
  }

  @_lifetime(borrow column)
  static func bytes(of part: Part, in column: borrowing Column) -> RawSpan {
    switch part {
    case .validity: unsafe column.validity.span.bytes
    // Every machine that this runs on keeps its numbers as the format does.
    case .listOffsets: unsafe column.listOffsets.span.bytes
    case .valueOffsets: unsafe column.valueOffsets.span.bytes
    case .values: column.valueBytes
    case .nothing: column.valueBytes.extracting(first: 0)
    }
  }

  static func padding(after byteCount: Int) -> Int {
    (ArrowFormat.bodyAlignment - byteCount % ArrowFormat.bodyAlignment) % ArrowFormat.bodyAlignment
  }

  private static func refused(_ error: BytesError) -> ColumnarError {
    .damaged("zstd does not compress: \(error)", at: ColumnarPlace())
  }
}
