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
    var said = true
    /// Nil: a null.
    var value: String? = "x"
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
        case ("f__said", .bool): builder.append(row.said)
        case (_, .int64), (_, .timestamp): builder.append(1 as Int64)
        case (_, .int32): builder.append(1 as Int32)
        case (_, .bool): builder.append(true)
        case ("f", .string):
          if let value = row.value { try builder.append(value) } else { builder.appendNull() }
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
    crcs changeCRCs: (inout [UInt32]) -> Void = { _ in }, tail changeTail: (inout [UInt8]) -> Void = { _ in },
    pageRowsMax: Int = 8192, reading: (RunReader) throws -> [HistoryEvent] = { try all($0.events()) }
  ) throws -> [HistoryEvent] {
    let fields = fields ?? self.fields()
    let disk = SimulatedDisk(folders: ["d"])
    let file = try disk.open("d/r", .create)
    let sink = FileSink(file)
    var options = ParquetWriterOptions()
    options.pageRowsMax = pageRowsMax
    let writer = try ParquetWriter(ColumnSchema(fields), to: sink, options: options)
    try writer.append(try columns(rows, fields))
    let digest = EventDigest(first: 1, second: 2)
    var texts = [
      ("apus.run", "1"), ("apus.store", "101112131415161718191a1b1c1d1e1f"), ("apus.file", "2748"),
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
    var tail = Array(try file.readAll().dropFirst(Int(summary.tailOffset)))
    changeTail(&tail)
    try file.writeAll(tail, at: summary.tailOffset)
    let attributes = RunAttributes(
      viewVersion: ViewVersionID(9), last: LSN(110), events: UInt64(rows.count), size: summary.byteCount,
      tailAt: summary.tailOffset, tailDigest: SHA256.digest(of: unsafe tail.span.bytes), digest: digest,
      greatestKnownAt: KnownAt(nanoseconds: 6), greatestEventTime: EventTime(nanoseconds: 5), rawBytes: 1,
      keys: 0)
    let run = try RunReader(file, runID, first: LSN(101), attributes)
    return try reading(run)
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
    second.said = false
    second.value = nil
    var third = Row()
    third.lsn = 103
    third.isDeleted = true
    third.said = false
    third.value = nil
    var fourth = Row()
    fourth.lsn = 104
    fourth.value = nil
    let events = try read([Row(), second, third, fourth])
    #expect(events.map(\.head.lsn.rawValue) == [101, 102, 103, 104])
    let layout = try layout([.string])
    #expect(
      try events.map { try inputs($0, layout) } == [[.value(.string("x"))], [.absent], [.absent], [.null]])
    #expect(events.map(\.head.isDelete) == [false, false, true, false])
    #expect(events.map(\.producer) == ["x", "x", "x", "x"])
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
    // What a person would take for a value, and Apus for nothing; and the other way round.
    refused { $0.said = false }
    refused { $0.isDeleted = true }
    refused {
      $0.isDeleted = true
      $0.value = nil
    }
    refused {
      $0.isDeleted = true
      $0.said = false
    }
    refused({ $0.lsn = 101 }, after: [Row()])
    refused({ $0.eventTime = 4 }, after: [Row()])
    refused({ $0.key = [1] }, after: [Row()])
    // Parquet knows no row group without rows.
    #expect(try read([]).isEmpty)
  }

  @Test("keys outside of the bounds by which they are looked for are damage, to a reader and to a lookup")
  func bounds() throws {
    let key = Row().key
    // Column indexes stand first: the least and the greatest key of the only block.
    func forged(_ place: Int, to byte: UInt8) -> (inout [UInt8]) -> Void {
      { tail in
        var found = 0
        for start in 0..<(tail.count - key.count) where Array(tail[start..<(start + key.count)]) == key {
          if found == place { tail[start + key.count - 1] = byte }
          found += 1
        }
      }
    }
    func lookUp(_ run: RunReader) throws -> [HistoryEvent] {
      contents(try run.events(of: unsafe key.span.bytes))
    }
    #expect(try read([Row()], reading: lookUp).count == 1)
    // A bound that is too wide is a bound.
    #expect(try read([Row()], tail: forged(0, to: 0)).count == 1)
    #expect(try read([Row()], tail: forged(1, to: 9)).count == 1)
    #expect(throws: HistoryError.self) { try read([Row()], tail: forged(0, to: 2)) }
    #expect(throws: HistoryError.self) { try read([Row()], tail: forged(1, to: 0)) }
    var second = Row()
    second.lsn = 102
    second.key[7] = 3
    func narrow(_ tail: inout [UInt8]) {
      for start in 0..<(tail.count - 8) where Array(tail[start..<(start + 8)]) == second.key {
        tail[start + 7] = 1
        return
      }
    }
    #expect(throws: HistoryError.self) { try read([Row(), second], tail: narrow, reading: lookUp) }
  }

  @Test("a block of more rows than any writer makes is refused before it takes memory")
  func rowsOfBlock() throws {
    let rows = (0..<8193).map { number in
      var row = Row()
      row.key[6] = UInt8(number >> 8)
      row.key[7] = UInt8(number & 255)
      return row
    }
    #expect(try read(Array(rows.dropLast())).count == 8192)
    #expect(throws: HistoryError.self) { try read(rows, pageRowsMax: 8193) }
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
