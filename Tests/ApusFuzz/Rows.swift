// Rows of a PUSH, a DELETE and a SCAN. A cell without a value may stand over any bytes, so a body is not compared with what is
// written of it: that is read once more, and must say the same and be written the same.

import ApusBytes
import ApusContracts
import ApusWire

enum Rows {
  static func push(_ bytes: RawSpan, isDelete: Bool) {
    guard let first = pushed(bytes, isDelete: isDelete) else { return }
    guard let second = pushed(unsafe first.span.bytes, isDelete: isDelete) else {
      disagreement("a PUSH that was written is refused")
    }
    agree(first == second, "a PUSH is another after having been written")
    agree(
      said(bytes, isDelete: isDelete) == said(unsafe first.span.bytes, isDelete: isDelete),
      "the rows of a PUSH are others after having been written")
  }

  static func scan(_ bytes: RawSpan) {
    guard let first = scanned(bytes) else { return }
    guard let second = scanned(unsafe first.span.bytes) else {
      disagreement("a page that was written is refused")
    }
    agree(first == second, "a page is another after having been written")
  }

  private static func pushed(_ bytes: RawSpan, isDelete: Bool) -> [UInt8]? {
    guard let request = try? PushRequest(decoding: bytes, isDelete: isDelete) else { return nil }
    guard let rows = gathered(request.rows) else { return nil }
    var writer = ByteWriter()
    request.head.encode(rows, into: &writer)
    return writer.bytes.copied()
  }

  private static func scanned(_ bytes: RawSpan) -> [UInt8]? {
    guard let reply = try? ScanReply(decoding: bytes) else { return nil }
    guard let rows = gathered(reply.rows) else { return nil }
    var writer = ByteWriter()
    ScanReply.encode(lsn: reply.lsn, next: reply.next, columns: reply.columns, rows, into: &writer)
    return writer.bytes.copied()
  }

  /// Nil when a value is not what its type says, which is found only when it is read.
  private static func gathered(_ view: borrowing RowsView) -> WireRows? {
    var rows = WireRows(view.columnTypes)
    var keys = view.keys
    for row in 0..<view.count {
      guard let found = try? keys.next().copied() else { disagreement("a key that was there is gone") }
      let key = found
      var inputs: [FeatureInput] = []
      for column in view.columnTypes.indices {
        guard let input = try? view.input(row, column) else { return nil }
        inputs.append(input)
      }
      let isWhole = (try? rows.append(key: unsafe key.span.bytes, view.times(row), inputs)) != nil
      agree(isWhole, "a value is not of its own column's type")
    }
    return rows
  }

  /// Keys, times and states, as text.
  private static func said(_ bytes: RawSpan, isDelete: Bool) -> [String] {
    guard let rows = try? PushRequest(decoding: bytes, isDelete: isDelete).rows else { return [] }
    var keys = rows.keys
    var all: [String] = []
    for row in 0..<rows.count {
      let key = (try? keys.next().copied()) ?? []
      var states: [UInt8] = []
      for column in rows.columnTypes.indices { states.append(rows.state(row, column).rawValue) }
      all.append("\(key) \(rows.times(row)) \(states)")
    }
    return all
  }
}
