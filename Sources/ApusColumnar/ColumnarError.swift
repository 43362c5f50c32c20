// What the room says when it cannot: what is wrong, where, and, when a file is only beyond us, how to make one that is not.

package import ApusSystem

/// Where in a file something is, as far as it is known.
package struct ColumnarPlace: Equatable, Sendable {
  /// The column's name; `a.b` is the part b of the column a.
  package var column: String?
  package var rowGroup: Int?
  package var page: Int?
  /// Which batch of a stream, counted from 0.
  package var batch: Int?
  /// From the first byte of the file or stream.
  package var byteOffset: UInt64?

  package init(
    column: String? = nil, rowGroup: Int? = nil, page: Int? = nil, batch: Int? = nil,
    byteOffset: UInt64? = nil
  ) {
    self.column = column
    self.rowGroup = rowGroup
    self.page = page
    self.batch = batch
    self.byteOffset = byteOffset
  }
}

package enum ColumnarError: Error, Equatable, Sendable {
  /// The kernel refused to read or write.
  case system(SystemError)
  /// The bytes do not say what the format lets them say.
  case damaged(String, at: ColumnarPlace)
  /// The file may be sound, and we do not read its like; `advice` says how to write one that we do.
  case unsupported(String, advice: String, at: ColumnarPlace)
  /// Something is larger than we are ready to hold.
  case tooLarge(String, claimed: UInt64, limit: UInt64, at: ColumnarPlace)
}

extension ColumnarPlace: CustomStringConvertible {
  package var description: String {
    var words: [String] = []
    if let column { words.append("column \(column.debugDescription)") }
    if let rowGroup { words.append("row group \(rowGroup)") }
    if let page { words.append("page \(page)") }
    if let batch { words.append("batch \(batch)") }
    if let byteOffset { words.append("byte \(byteOffset)") }
    return words.joined(separator: ", ")
  }
}

extension ColumnarError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let error): error.description
    case .damaged(let what, let place): Self.sentence(what, place)
    case .unsupported(let what, let advice, let place):
      Self.sentence(advice.isEmpty ? what : "\(what); \(advice)", place)
    case .tooLarge(let what, let claimed, let limit, let place):
      Self.sentence("\(what): \(claimed), and at most \(limit) are read", place)
    }
  }

  private static func sentence(_ what: String, _ place: ColumnarPlace) -> String {
    let place = place.description
    return place.isEmpty ? what : "\(place): \(what)"
  }
}
