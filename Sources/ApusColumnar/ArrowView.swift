// A string or bytes in 16 bytes: up to 12 bytes themselves, or where they are and how they begin.

struct ArrowView {
  let count: Int
  private let first: UInt32
  private let second: UInt32
  private let third: UInt32

  static let byteCount = 16
  private static let ownBytesMax = 12

  enum Place {
    /// In the views themselves.
    case own(Range<Int>)
    case buffer(Int, Range<Int>)
  }

  /// The views of all rows; nil is a null row, whose view is not looked at.
  static func all(
    _ bytes: [UInt8], _ rows: Int, _ validity: [UInt8], _ place: ColumnarPlace
  ) throws(ColumnarError) -> [ArrowView?] {
    let words = try Column(
      ColumnType(.uint32, .vector(4)), named: place.column ?? "", count: rows, values: bytes)
    var views: [ArrowView?] = []
    views.reserveCapacity(rows)
    for row in 0..<rows {
      if !validity.isEmpty, !Bitmap.isSet(validity, row) {
        views.append(nil)
        continue
      }
      guard let count = Int32(exactly: words.int64(4 * row)) else {
        throw .damaged("a view of more bytes than there can be", at: place)
      }
      views.append(
        ArrowView(
          count: Int(count), first: words.load(4 * row + 1), second: words.load(4 * row + 2),
          third: words.load(4 * row + 3)))
    }
    return views
  }

  /// Where the bytes are, or nil when the buffers do not have them, or others begin there.
  func range(_ row: Int, in buffers: [ArraySlice<UInt8>]) -> Place? {
    if count <= Self.ownBytesMax {
      let start = row * Self.byteCount + 4
      return .own(start..<(start + count))
    }
    guard let index = Int(exactly: second), index < buffers.count, let start = Int(exactly: third),
      start <= buffers[index].count, count <= buffers[index].count - start
    else { return nil }
    let found = buffers[index].dropFirst(start).prefix(4).reversed().reduce(0 as UInt32) {
      $0 << 8 | UInt32($1)
    }
    return found == first ? .buffer(index, start..<(start + count)) : nil
  }
}
