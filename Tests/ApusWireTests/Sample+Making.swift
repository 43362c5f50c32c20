// A sample of each message from its fields: what it says is put together beside it, and not read back from its bytes.

import ApusBytes
import ApusContracts
import ApusWire

/// A row of a PUSH or of a SCAN's reply.
struct GivenRow {
  var key: [UInt8]
  var times = GivenTimes()
  var inputs: [FeatureInput] = []
}

/// A cell of a reply to GET. The value is its own; a blank's default is the column's.
struct GivenCell {
  var code: CellCode
  var value: Value?
  var eventTime: Int64 = 0
  var lsn: UInt64 = 0
}

struct GivenReply {
  var columns: [PrepareReply.Column]
  var defaults: [Value?]
  /// Row after row.
  var cells: [[GivenCell]]
  var layout: ReplyLayout
  var options: GetOptions = []
  var lsn = LSN(88_123)
  var time = ReadTime(nanoseconds: 1_700_000_000_000_000_000)
  var mayLack = false
}

extension Sample {
  static func release(_ handle: UInt32) -> Sample {
    Sample("release", .release, isReply: false, .of(["handle": .number(handle)])) {
      ReleaseRequest(handle: handle).encode(into: &$0)
    }
  }

  static func ping(_ bytes: [UInt8]) -> Sample {
    Sample("ping", .ping, isReply: false, .of(["bytes": .bytes(bytes)])) {
      PingRequest(bytes).encode(into: &$0)
    }
  }

  static func stats(_ kind: StatsRequest) -> Sample {
    Sample("stats", .stats, isReply: false, .of(["kind": .number(kind.rawValue)])) { kind.encode(into: &$0) }
  }

  static func describe(json: String) -> Sample {
    Sample("describe-reply", .describe, isReply: true, .of(["json": .text(json)])) {
      DescribeReply(json: json).encode(into: &$0)
    }
  }

  static func producer(_ name: String) -> Sample {
    Sample("producer", .producer, isReply: false, .of(["name": .text(name)])) {
      ProducerRequest(name: name).encode(into: &$0)
    }
  }

  static func empty() -> Sample { Sample("release-reply", .release, isReply: true, .of([:])) { _ in } }

  static func error(_ refusal: WireRefusal) -> Sample {
    var sample = Sample("error", .hello, isReply: true, Ours.plain(refusal)) { refusal.encode(into: &$0) }
    sample.type = MessageType.error
    return sample
  }

  static func get(
    handle: UInt32, rows: Int, layout: ReplyLayout, options: GetOptions, minimum: LSN? = nil,
    exact: (LSN, ReadTime)? = nil, keys: [[UInt8]]
  ) -> Sample {
    var sent = options
    if minimum != nil { sent.insert(.minimum) }
    if exact != nil { sent.insert(.exact) }
    let said = Plain.of([
      "handle": .number(handle), "rows": .number(rows), "layout": .number(layout.rawValue),
      "options": .number(sent.rawValue), "minimum": minimum.map(Ours.number) ?? .nothing,
      "exact": exact.map { .list([Ours.number($0.0), .number($0.1.nanoseconds)]) } ?? .nothing,
      "keys": .list(keys.map { .bytes($0) }),
    ])
    return Sample("get", .get, isReply: false, said) { writer in
      if let exact {
        GetRequest.encode(
          handle: handle, rows: rows, layout: layout, options: options, exact: exact.0, time: exact.1,
          into: &writer)
      } else {
        GetRequest.encode(
          handle: handle, rows: rows, layout: layout, options: options, minimum: minimum, into: &writer)
      }
      for key in keys { writer.write(short: unsafe key.span.bytes) }
    }
  }

  private static func gathered(
    _ names: [String], _ types: [FeatureType], _ given: [GivenRow]
  ) -> (rows: WireRows, said: Plain) {
    var rows = WireRows(types)
    for row in given {
      let key = row.key
      let isWhole = (try? rows.append(key: unsafe key.span.bytes, row.times, row.inputs)) != nil
      precondition(isWhole, "the sample is wrong")
    }
    let columns = zip(names, types).enumerated().map { column, both in
      let cells = given.map { row -> Plain in
        switch row.inputs[column] {
        case .absent: .word("absent")
        case .null: .word("null")
        case .value(let value): Ours.value(value)
        }
      }
      return Plain.of(["name": .text(both.0), "type": Ours.type(both.1), "cells": .list(cells)])
    }
    func moments(_ moment: (GivenTimes) -> Int64?) -> Plain {
      .list(given.map { moment($0.times).map { .number($0) } ?? .nothing })
    }
    return (
      rows,
      .of([
        "keys": .list(given.map { .bytes($0.key) }), "event times": moments { $0.eventTime?.nanoseconds },
        "created at": moments { $0.createdAt?.nanoseconds }, "known at": moments { $0.knownAt?.nanoseconds },
        "columns": .list(columns),
      ])
    )
  }

  static func push(_ head: PushHead, _ types: [FeatureType], _ given: [GivenRow], isDelete: Bool = false)
    -> Sample
  {
    let (rows, said) = gathered(head.columns, types, given)
    let (choice, delay): (Int, Int64) =
      switch head.choice {
      case .live: (1, 0)
      case .now: (2, 0)
      case .eventTime: (3, 0)
      case .eventTimePlus(let delay): (4, delay)
      case .column: (5, 0)
      }
    let all = Plain.of([
      "policy": .number(head.policy.rawValue), "known at": .number(choice), "delay": .number(delay),
      "producer": head.producer.map { .list([.number($0.id), .number($0.epoch), .number($0.sequence)]) }
        ?? .nothing,
      "offset": head.producer?.sourceOffset.map { .bytes($0) } ?? .nothing, "project": .text(head.project),
      "view": .text(head.view), "rows": said,
    ])
    return Sample(isDelete ? "delete" : "push", isDelete ? .delete : .push, isReply: false, all) {
      head.encode(rows, into: &$0)
    }
  }

  static func scan(
    lsn: LSN, next: [UInt8], _ names: [String], _ types: [FeatureType], _ given: [GivenRow]
  ) -> Sample {
    let (rows, said) = gathered(names, types, given)
    return Sample(
      "scan-reply", .scan, isReply: true, .of(["lsn": Ours.number(lsn), "next": .bytes(next), "rows": said])
    ) { ScanReply.encode(lsn: lsn, next: next, columns: names, rows, into: &$0) }
  }

  /// What a dense layout makes of a number.
  private static func dense(_ value: Value, _ layout: ReplyLayout) -> Plain {
    let number: Double
    switch value {
    case .bool(let bit): number = bit ? 1 : 0
    case .int32(let int): number = Double(int)
    case .int64(let int), .timestamp(let int): number = Double(int)
    case .float32(let float):
      if layout == .denseFloat32 { return .bits(float) }
      number = Double(float)
    case .float64(let float): number = float
    default: return .nothing
    }
    return layout == .denseFloat32 ? .bits(Float(number)) : .bits(number)
  }

  static func reply(_ given: GivenReply) -> Sample {
    let (stale, times) = (given.options.contains(.stale), given.options.contains(.eventTimes))
    let rows = given.cells.map { row in
      Plain.list(
        row.enumerated().map { column, cell in
          var value: Value?
          switch cell.code {
          case .present: value = cell.value
          case .outsideMaxAge: value = stale ? cell.value : given.defaults[column]
          case .neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory: value = given.defaults[column]
          case .invalid, .null, .nullOutsideMaxAge: value = nil
          }
          let hasWinner = cell.lsn != 0
          let isDense = given.layout == .denseFloat32 || given.layout == .denseFloat64
          return .of([
            "code": .number(cell.code.rawValue),
            "value": value.map { isDense ? dense($0, given.layout) : Ours.value($0) } ?? .nothing,
            "time": hasWinner && times ? .number(cell.eventTime) : .nothing,
            "lsn": hasWinner && given.options.contains(.lsns) ? .number(cell.lsn) : .nothing,
          ])
        })
    }
    let said = Plain.of([
      "lsn": Ours.number(given.lsn), "time": .number(given.time.nanoseconds),
      "may lack": Ours.flag(given.mayLack),
      "all present": Ours.flag(given.cells.allSatisfy { $0.allSatisfy { $0.code == .present } }),
      "rows": .list(rows),
    ])
    var sample = Sample("get-reply", .get, isReply: true, said) { buffer in
      var writer = GetReplyWriter()
      Sample.write(given, with: &writer, into: &buffer)
    }
    sample.question = Question(
      columns: given.columns, rows: given.cells.count, layout: given.layout, options: given.options)
    return sample
  }

  /// Writes the reply as a server would, but column by column from the right, since any order must do.
  static func write(_ given: GivenReply, with writer: inout GetReplyWriter, into buffer: inout ByteWriter) {
    do throws(WireError) {
      try writer.begin(
        ReplyShape(given.columns.map(\.type), defaults: given.defaults), rows: given.cells.count,
        layout: given.layout, options: given.options, lsn: given.lsn, time: given.time,
        mayLack: given.mayLack,
        byteCountMax: 1 << 24, in: &buffer)
      for column in given.columns.indices.reversed() {
        for (row, cells) in given.cells.enumerated() {
          let cell = cells[column]
          var bytes = ByteWriter()
          cell.value?.write(into: &bytes)
          writer.put(cell.code, bytes.bytes, row: row, column: column, in: &buffer)
          if cell.lsn != 0 {
            writer.put(eventTimeNanoseconds: cell.eventTime, lsn: cell.lsn, row: row, column: column)
          }
        }
      }
      try writer.finish(in: &buffer)
    } catch {
      preconditionFailure("the sample is wrong: \(error)")
    }
  }
}
