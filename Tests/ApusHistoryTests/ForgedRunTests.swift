// Runs whose every checksum holds and which are nevertheless none: made with the writer of columns, by hand. They stand for what no damage
// makes, and show that nothing is believed that was not looked at.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Forged runs")
struct ForgedRunTests {
  /// One row of a view version with an int64 key and a list of bools, as its columns.
  private struct Row {
    var key: [UInt8] = [0x80, 0, 0, 0, 0, 0, 0, 1]
    var eventTime: Int64 = 5
    var knownAt: Int64 = 6
    var lsn: Int64 = 101
    var isDeleted = false
    var said: Bool? = true
  }

  private func fields(_ change: (inout [ColumnField]) -> Void = { _ in }) -> [ColumnField] {
    let moment = ColumnType(.timestamp(.nanoseconds, isUTC: true))
    var fields = [
      ColumnField("_key", ColumnType(.bytes), isNullable: false),
      ColumnField("id", ColumnType(.int64), isNullable: false),
      ColumnField("_event_time", moment, isNullable: false),
      ColumnField("_created_at", moment, isNullable: false),
      ColumnField("_known_at", moment, isNullable: false),
      ColumnField("_lsn", ColumnType(.int64), isNullable: false),
      ColumnField("_known_at_assumed", ColumnType(.bool), isNullable: false),
      ColumnField("_deleted", ColumnType(.bool), isNullable: false),
      ColumnField("_created_at_given", ColumnType(.bool), isNullable: false),
      ColumnField("_producer", ColumnType(.string)),
      ColumnField("f", ColumnType(.string)),
      ColumnField("f__said", ColumnType(.bool), isNullable: false),
    ]
    change(&fields)
    return fields
  }

  private func columns(_ rows: [Row], _ fields: [ColumnField]) throws -> ColumnBatch {
    var columns: [Column] = []
    for field in fields {
      var builder = ColumnBuilder(field.type, named: field.name)
      for row in rows {
        switch (field.name, field.type.element) {
        case ("_key", .bytes): try builder.append(unsafe row.key.span.bytes)
        case ("_event_time", .timestamp), ("_created_at", .timestamp): builder.append(row.eventTime)
        case ("_known_at", .timestamp): builder.append(row.knownAt)
        case ("_lsn", .int64): builder.append(row.lsn)
        case ("_deleted", .bool): builder.append(row.isDeleted)
        case ("f__said", .bool): builder.append(row.said ?? false)
        case (_, .int64), (_, .timestamp): builder.append(1 as Int64)
        case (_, .int32): builder.append(1 as Int32)
        case (_, .bool): builder.append(true)
        case (_, .string): try builder.append("x")
        default: try builder.append(unsafe ([1, 2] as [UInt8]).span.bytes)
        }
      }
      columns.append(try builder.finish())
    }
    return try ColumnBatch(ColumnSchema(fields), columns, rowCount: rows.count)
  }

  /// Writes such a file, and reads it as the run that its attributes say it is.
  private func read(
    _ rows: [Row], fields: [ColumnField]? = nil, texts change: (inout [ColumnMetadata]) -> Void = { _ in },
    crcs changeCRCs: (inout [UInt32]) -> Void = { _ in }
  ) throws -> [HistoryEvent] {
    let fields = fields ?? self.fields()
    let disk = SimulatedDisk(folders: ["d"])
    let file = try disk.open("d/r", .create)
    let sink = FileSink(file)
    let writer = try ParquetWriter(ColumnSchema(fields), to: sink)
    try writer.append(try columns(rows, fields))
    let digest = EventDigest(first: 1, second: 2)
    var texts = [
      ("apus.run", "0"), ("apus.store", "101112131415161718191a1b1c1d1e1f"), ("apus.file", "2748"),
      ("apus.view", "p/v@1"), ("apus.view_version", "9"), ("apus.lsns", "101..110"), ("apus.types", "6"),
      ("apus.keys", "3"), ("apus.events", "\(rows.count)"), ("apus.digest", "\(digest)"),
    ].map { ColumnMetadata(key: $0, value: $1) }
    change(&texts)
    let summary = try writer.finish { groups in
      var crcs = groups.flatMap(\.columns).flatMap {
        ($0.dictionary.map { [$0.crc] } ?? []) + $0.pages.map(\.crc)
      }
      changeCRCs(&crcs)
      return texts + [ColumnMetadata(key: "apus.pages", value: base64(crcs))]
    }
    try sink.flush()
    let attributes = RunAttributes(
      viewVersion: ViewVersionID(9), last: LSN(110), events: UInt64(rows.count), size: summary.byteCount,
      tailAt: summary.tailOffset, tailDigest: summary.tailDigest, digest: digest,
      greatestKnownAt: KnownAt(nanoseconds: 6), greatestEventTime: EventTime(nanoseconds: 5), rawBytes: 1)
    let run = try RunReader(file, runID, first: LSN(101), attributes)
    return try all(run.events())
  }

  private func base64(_ crcs: [UInt32]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var bits = crcs.flatMap { crc in (0..<4).map { UInt8(truncatingIfNeeded: crc >> (8 * $0)) } }
      .map { byte in
        String(repeating: "0", count: byte.leadingZeroBitCount) + (byte == 0 ? "" : String(byte, radix: 2))
      }
      .joined()
    let filling = (3 - crcs.count * 4 % 3) % 3
    while bits.count % 6 != 0 { bits += "0" }
    var text = ""
    while !bits.isEmpty {
      text.append(digits[Int(bits.prefix(6), radix: 2) ?? 0])
      bits.removeFirst(6)
    }
    return text + String(repeating: "=", count: filling)
  }

  @Test("a run that was made by hand as History.md says is read")
  func sound() throws {
    var second = Row()
    second.lsn = 102
    second.said = nil
    var third = Row()
    third.lsn = 103
    third.isDeleted = true
    let events = try read([Row(), second, third])
    #expect(events.map(\.head.lsn.rawValue) == [101, 102, 103])
    let layout = try layout([.string])
    #expect(try events.map { try inputs($0, layout) } == [[.value(.string("x"))], [.absent], [.absent]])
    #expect(events.map(\.head.isDelete) == [false, false, true])
    #expect(events.map(\.producer) == ["x", "x", "x"])
  }

  @Test("rows that are no events are refused, and nothing traps")
  func rows() throws {
    func refused(_ change: (inout Row) -> Void, after first: [Row] = []) {
      var row = Row()
      change(&row)
      #expect(throws: HistoryError.self) { try read(first + [row]) }
    }
    refused { $0.knownAt = 4 }
    refused { $0.lsn = 100 }
    refused { $0.lsn = 111 }
    refused { $0.lsn = -1 }
    refused { $0.lsn = .max }
    refused { $0.key = [UInt8](repeating: 2, count: 401) }
    refused({ $0.lsn = 101 }, after: [Row()])
    refused({ $0.eventTime = 4 }, after: [Row()])
    refused({ $0.key = [1] }, after: [Row()])
    // Parquet knows no row group without rows.
    #expect(try read([]).isEmpty)
  }

  @Test("columns that are not those of the types are refused")
  func wrongColumns() {
    let other = [
      fields { $0[0] = ColumnField("_key", ColumnType(.string), isNullable: false) },
      fields { $0[0] = ColumnField("_key", ColumnType(.bytes)) },
      fields { $0[5] = ColumnField("_lsn", ColumnType(.int32), isNullable: false) },
      fields { $0[7] = ColumnField("_deleted", ColumnType(.int64), isNullable: false) },
      fields { $0[10] = ColumnField("f", ColumnType(.int64)) },
      fields { $0[10] = ColumnField("g", ColumnType(.string)) },
      fields { $0.swapAt(2, 4) },
      fields { $0.removeLast() },
      fields { $0.append($0[11]) },
    ]
    for (place, fields) in other.enumerated() {
      let isRefused: Bool
      do {
        let events = try read([Row()], fields: fields)
        // A column that may be null and is not says the same.
        isRefused = events.isEmpty
      } catch {
        isRefused = error is HistoryError
      }
      #expect(isRefused == (place != 1), "change \(place)")
    }
  }

  @Test("texts that are missing, twice there, or say something else are refused")
  func texts() {
    for place in 0..<10 {
      for change in 0..<4 {
        #expect(throws: HistoryError.self, "text \(place), change \(change)") {
          try read([Row()]) { texts in
            let text = texts[place]
            switch change {
            case 0: texts.remove(at: place)
            case 1: texts.append(text)
            case 2: texts[place] = ColumnMetadata(key: text.key + "x", value: text.value)
            // A view's name is for people.
            default:
              texts[place] = ColumnMetadata(key: text.key == "apus.view" ? "" : text.key, value: "7777777777")
            }
          }
        }
      }
    }
    #expect(throws: HistoryError.self) { try read([Row()], crcs: { $0.removeLast() }) }
    #expect(throws: HistoryError.self) { try read([Row()], crcs: { $0.append(0) }) }
    #expect(throws: HistoryError.self) { try read([Row()], crcs: { $0[0] ^= 1 }) }
    #expect(throws: HistoryError.self) { try read([Row()], crcs: { $0.removeAll() }) }
  }
}
