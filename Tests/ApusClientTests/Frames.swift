// Frames as a server sends them, and a shop's vector to ask for.

import ApusBytes
import ApusClient
import ApusContracts
import ApusWire

enum Frames {
  static func hello(inFlightMax: UInt32 = 64, rowsMax: UInt32 = 1_000, compressFrom: UInt32 = 0) -> [UInt8] {
    reply(to: .hello, id: 0) {
      HelloReply(
        compressFrom: compressFrom, storeID: Array(repeating: 1, count: 16),
        timeline: Array(repeating: 2, count: 16), visible: LSN(7),
        clockNanoseconds: 1_000, frameByteCountMax: 1 << 20, inFlightMax: inFlightMax, rowsMax: rowsMax,
        durability: .durable, scopes: .all, server: "apus test"
      ).encode(into: &$0)
    }
  }

  static func reply(to type: MessageType, id: UInt64, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    let frame = FrameWriter.begin(replyTo: type, id: id, in: &writer)
    body(&writer)
    frame.finish(in: &writer)
    return writer.bytes.copied()
  }

  static func error(_ refusal: WireRefusal, id: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    FrameWriter.write(refusal, id: id, into: &writer)
    return writer.bytes.copied()
  }

  static func pong(id: UInt64, visible: UInt64 = 9) -> [UInt8] {
    reply(to: .ping, id: id) {
      PingReply(clockNanoseconds: 5, visible: LSN(visible), bytes: []).encode(into: &$0)
    }
  }

  static func body(of frame: [UInt8]) -> [UInt8] {
    guard let header = try? FrameHeader.decode(unsafe frame.span.bytes) else { return [] }
    return Array(frame.dropFirst(FrameHeader.byteCount).prefix(Int(header.length)))
  }
}

/// A vector of a shop: a number, a fraction and a text per card.
enum Shop {
  static let types: [FeatureType] = [.int64, .float64, .string]

  static func prepared(handle: UInt32) -> PrepareReply {
    PrepareReply(
      handle: handle, fingerprint: Array(repeating: UInt8(truncatingIfNeeded: handle), count: 32),
      roles: [.init(entity: "card", name: "", parts: [.init(name: "card_id", type: .string)])],
      columns: [
        .init(
          name: "txn_count_24h", type: .int64, feature: "card_activity@1:txn_count_24h", hasDefault: true,
          ttlNanoseconds: 1_000),
        .init(
          name: "avg_amount_30d", type: .float64, feature: "card_activity@1:avg_amount_30d",
          hasDefault: false, ttlNanoseconds: nil),
        .init(
          name: "last_action", type: .string, feature: "card_activity@1:last_action", hasDefault: false,
          ttlNanoseconds: nil),
      ])
  }

  /// The cells of row r: a count of 10 r, which is missing (and 0 by default) in every third row from the second; a mean of
  /// r / 2, null in odd rows; and a text.
  static func reply(rows: Int, layout: ReplyLayout, options: GetOptions = []) throws -> [UInt8] {
    let shape = ReplyShape(types, defaults: [.int64(0), nil, nil])
    var writer = GetReplyWriter()
    var buffer = ByteWriter()
    try writer.begin(
      shape, rows: rows, layout: layout, options: options, lsn: LSN(42), time: ReadTime(nanoseconds: 5_000),
      byteCountMax: 1 << 20, in: &buffer)
    for row in 0..<rows {
      put(row % 3 == 1 ? nil : .int64(Int64(10 * row)), .neverSeen, row, 0, &writer, &buffer)
      put(row % 2 == 1 ? nil : .float64(Double(row) / 2), .null, row, 1, &writer, &buffer)
      put(.string("buy \(row)"), .present, row, 2, &writer, &buffer)
    }
    try writer.finish(in: &buffer)
    return buffer.bytes.copied()
  }

  private static func put(
    _ value: Value?, _ blank: CellCode, _ row: Int, _ column: Int, _ writer: inout GetReplyWriter,
    _ buffer: inout ByteWriter
  ) {
    var bytes = ByteWriter()
    value?.write(into: &bytes)
    writer.put(value == nil ? blank : .present, bytes.bytes, row: row, column: column, in: &buffer)
    if value != nil {
      writer.put(eventTimeNanoseconds: 4_000 + Int64(row), lsn: UInt64(30 + row), row: row, column: column)
    }
  }
}
