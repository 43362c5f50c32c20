// Replies to GET, as a client reads them: the first byte of an input chooses what was asked, the rest is the reply. Every cell is
// read; written again by the server's own writer, each must say the same.

import ApusBytes
import ApusContracts
import ApusWire

enum Replies {
  struct Cell: Equatable {
    var code: CellCode
    var value: [UInt8]?
    var time: Int64?
    var lsn: UInt64?
  }

  /// Columns of every form, and those that a dense layout takes.
  private static let types: [FeatureType] = [
    .int64, .float64, .float32, .bool, .timestamp, .string, .bytes, .list(of: .int32), .list(of: .string),
    FeatureType.vector(of: .float32, count: 3) ?? .float32,
  ]
  private static let numbers: [FeatureType] = [.float64, .float32, .bool, .int32]

  static func get(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    let chosen = unsafe bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
    let layout = ReplyLayout(rawValue: chosen & 3) ?? .columns
    var options: GetOptions = []
    if chosen & 4 != 0 { options.insert(.stale) }
    if chosen & 8 != 0 { options.insert(.eventTimes) }
    if chosen & 16 != 0 { options.insert(.lsns) }
    let rows = layout == .row ? 1 : 1 + Int(chosen >> 5 & 3)
    let isDense = layout == .denseFloat32 || layout == .denseFloat64
    let columns = isDense || chosen & 128 != 0 ? numbers : types
    let kept = columns.filter(layout.takes)
    let defaults: [Value?] = kept.indices.map { $0 == 0 ? zero(kept[0]) : nil }
    let shape = ReplyShape(kept, defaults: defaults)
    // A copy of its own: a body's first byte stands at a multiple of 8.
    let body = bytes.extracting(1...).copied()
    let span = unsafe body.span.bytes
    guard let first = cells(span, shape, rows: rows, layout: layout, options: options) else { return }
    var buffer = ByteWriter()
    var writer = GetReplyWriter()
    do throws(WireError) {
      let head = first.head
      try writer.begin(
        shape, rows: rows, layout: layout, options: options, lsn: head.lsn, time: head.time,
        mayLack: head.mayLack, byteCountMax: 1 << 24, in: &buffer)
      for row in 0..<rows {
        for column in kept.indices {
          let cell = first.cells[row * kept.count + column]
          // A default is the writer's to put: what the cell holds for itself is told from it by the code.
          let own = cell.code == .present || (cell.code == .outsideMaxAge && options.contains(.stale))
          let value = own ? cell.value ?? [] : []
          writer.put(cell.code, unsafe value.span.bytes, row: row, column: column, in: &buffer)
          if let lsn = cell.lsn ?? (cell.time == nil ? nil : 1) {
            writer.put(eventTimeNanoseconds: cell.time ?? 0, lsn: lsn, row: row, column: column)
          }
        }
      }
      try writer.finish(in: &buffer)
    } catch {
      disagreement("a reply that was read cannot be written: \(error)")
    }
    guard let second = cells(buffer.bytes, shape, rows: rows, layout: layout, options: options) else {
      disagreement("a reply that was written is refused")
    }
    for (a, b) in zip(first.cells, second.cells) {
      agree(a.code == b.code, "a code became another: \(a), \(b)")
      let own = a.code == .present || (a.code == .outsideMaxAge && options.contains(.stale))
      if own, !isDense { agree(a.value == b.value, "a value became another: \(a), \(b)") }
    }
  }

  private static func zero(_ type: FeatureType) -> Value? {
    switch type.element {
    case .int64: .int64(0)
    case .float64: .float64(0)
    default: nil
    }
  }

  private static func cells(
    _ body: RawSpan, _ shape: ReplyShape, rows: Int, layout: ReplyLayout, options: GetOptions
  ) -> (head: GetReplyHead, cells: [Cell])? {
    var map = GetReplyMap(shape)
    guard (try? map.check(body, rows: rows, layout: layout, options: options)) != nil else { return nil }
    let view = GetReplyView(body, map)
    var cells: [Cell] = []
    for row in 0..<rows {
      for column in shape.columns.indices {
        var value: [UInt8]?
        do throws(WireError) {
          if let found = try view.value(row, column) {
            var writer = ByteWriter()
            found.write(into: &writer)
            value = writer.bytes.copied()
          }
        } catch {
          // Not a value of its type: found only when it is read.
          return nil
        }
        cells.append(
          Cell(
            code: view.code(row, column), value: value, time: view.eventTimeNanoseconds(row, column),
            lsn: view.lsn(row, column)?.rawValue))
      }
    }
    return (map.head, cells)
  }
}
