// What ApusWire reads, in the same names and words as the plain reader's, so that the two can be compared.

import ApusBytes
import ApusContracts
import ApusWire

enum Ours {
  /// A body by the type of its frame, read whole.
  static func message(_ type: UInt8, _ body: [UInt8]) throws(WireError) -> Plain {
    let span = unsafe body.span.bytes
    return switch type {
    case 1: plain(try HelloRequest(decoding: span))
    case 129: plain(try HelloReply(decoding: span))
    case 2: plain(try PrepareRequest(decoding: span))
    case 130: plain(try PrepareReply(decoding: span))
    case 3: try get(span)
    case 4: try push(span, isDelete: false)
    case 5: try push(span, isDelete: true)
    case 132, 133: plain(try PushReply(decoding: span))
    case 6: plain(try EraseRequest(decoding: span))
    case 134: plain(try EraseReply(decoding: span))
    case 7: .of(["name": .text(try ProducerRequest(decoding: span).name)])
    case 135: plain(try ProducerReply(decoding: span))
    case 8: plain(try WaitRequest(decoding: span))
    case 136: plain(try WaitReply(decoding: span))
    case 9: plain(try ScanRequest(decoding: span))
    case 137: try scan(span)
    case 10: plain(try DescribeRequest(decoding: span))
    case 138: .of(["json": .text(try DescribeReply(decoding: span).json)])
    case 11: .of(["kind": .number(try StatsRequest(decoding: span).rawValue)])
    case 139: plain(try StatsReply(decoding: span))
    case 12: .of(["bytes": .bytes(try PingRequest(decoding: span).bytes)])
    case 140: plain(try PingReply(decoding: span))
    case 13: .of(["handle": .number(try ReleaseRequest(decoding: span).handle)])
    case 141: try empty(span)
    case 14: plain(try ConsoleRequest(decoding: span))
    case 142: plain(try ConsoleReply(decoding: span))
    case 16: plain(try HistoryRequest(decoding: span))
    case 144: plain(try HistoryReply(decoding: span))
    case 17: try explain(span)
    case 145: plain(try ExplainReply(decoding: span))
    case 18: plain(try ExportRequest(decoding: span))
    case 146: plain(try ExportReply(decoding: span))
    case 20: plain(try StreamData(decoding: span))
    case 21: .of(["bytes": .number(try StreamCredit(decoding: span).byteCount)])
    case 22, 23: try word(span)
    case 24: plain(try StreamProgress(decoding: span))
    case 255: plain(try WireRefusal(decoding: span))
    default: throw .malformed("no message of type \(type)", at: 0)
    }
  }

  private static func empty(_ body: RawSpan) throws(WireError) -> Plain {
    try EmptyReply.decode(body)
    return .of([:])
  }

  static func number(_ lsn: LSN) -> Plain { .number(lsn.rawValue) }
  static func flag(_ flag: Bool) -> Plain { .number(flag ? 1 : 0) }
  static func type(_ type: FeatureType) -> Plain {
    .list([.number(type.element.rawValue), .number(type.shape.rawValue), .number(type.count)])
  }

  static func value(_ value: Value) -> Plain {
    switch value {
    case .bool(let bit): return flag(bit)
    case .int32(let number): return .number(number)
    case .int64(let number), .timestamp(let number): return .number(number)
    case .float32(let number): return .bits(number)
    case .float64(let number): return .bits(number)
    case .string(let text): return .text(text)
    case .bytes(let bytes): return .bytes(bytes)
    case .list(let elements), .vector(let elements):
      return switch elements {
      case .bool(let all): .list(all.map(flag))
      case .int32(let all): .list(all.map { .number($0) })
      case .int64(let all), .timestamp(let all): .list(all.map { .number($0) })
      case .float32(let all): .list(all.map { .bits($0) })
      case .float64(let all): .list(all.map { .bits($0) })
      case .string(let all): .list(all.map { .text($0) })
      case .bytes(let all): .list(all.map { .bytes($0) })
      }
    }
  }

  static func plain(_ hello: HelloRequest) -> Plain {
    .of([
      "lowest": .number(hello.lowestVersion), "highest": .number(hello.highestVersion),
      "compression": .number(hello.compressFrom), "required": .number(hello.required),
      "optional": .number(hello.optional), "client": .text(hello.client),
      "token": .text(hello.token?.id ?? ""),
      "secret": .bytes(hello.token?.secret ?? []),
    ])
  }

  static func plain(_ hello: HelloReply) -> Plain {
    .of([
      "version": .number(hello.version), "compression": .number(hello.compressFrom),
      "features": .number(hello.features), "store": .bytes(hello.storeID), "timeline": .bytes(hello.timeline),
      "visible": number(hello.visible), "clock": .number(hello.clockNanoseconds),
      "frame max": .number(hello.frameByteCountMax), "in flight max": .number(hello.inFlightMax),
      "rows max": .number(hello.rowsMax), "durability": .number(hello.durability.rawValue),
      "scopes": .number(hello.scopes.rawValue), "server": .text(hello.server),
    ])
  }

  static func plain(_ prepare: PrepareRequest) -> Plain {
    let (kind, names) =
      switch prepare {
      case .service(let name, _): (1, [name])
      case .features(let names, _): (2, names)
      }
    return .of([
      "kind": .number(kind), "project": .text(prepare.project), "names": .list(names.map { .text($0) }),
    ])
  }

  static func plain(_ reply: PrepareReply) -> Plain {
    .of([
      "handle": .number(reply.handle), "flags": flag(reply.isDense), "fingerprint": .bytes(reply.fingerprint),
      "roles": .list(
        reply.roles.map { role in
          .of([
            "entity": .text(role.entity), "role": .text(role.name),
            "parts": .list(
              role.parts.map { .of(["name": .text($0.name), "type": .number($0.type.rawValue)]) }),
          ])
        }),
      "columns": .list(
        reply.columns.map { column in
          .of([
            "name": .text(column.name), "type": type(column.type), "feature": .text(column.feature),
            "default": flag(column.hasDefault), "ttl": .number(column.ttlNanoseconds ?? 0),
          ])
        }),
    ])
  }

  static func get(_ body: RawSpan) throws(WireError) -> Plain {
    let get = try GetRequest(decoding: body)
    var walker = get.keys
    var keys: [Plain] = []
    while !walker.isAtEnd { keys.append(.bytes(try walker.next().copied())) }
    try walker.finish()
    let exact = get.exact.flatMap { lsn in
      get.exactTime.map { Plain.list([number(lsn), .number($0.nanoseconds)]) }
    }
    return .of([
      "handle": .number(get.handle), "rows": .number(get.rows), "layout": .number(get.layout.rawValue),
      "options": .number(get.options.rawValue), "minimum": get.minimum.map(number) ?? .nothing,
      "exact": exact ?? .nothing, "keys": .list(keys),
    ])
  }

  static func push(_ body: RawSpan, isDelete: Bool) throws(WireError) -> Plain {
    let push = try PushRequest(decoding: body, isDelete: isDelete)
    let head = push.head
    let (choice, delay): (Int, Int64) =
      switch head.choice {
      case .live: (1, 0)
      case .now: (2, 0)
      case .eventTime: (3, 0)
      case .eventTimePlus(let delay): (4, delay)
      case .column: (5, 0)
      }
    return .of([
      "policy": .number(head.policy.rawValue), "known at": .number(choice), "delay": .number(delay),
      "producer": head.producer.map { .list([.number($0.id), .number($0.epoch), .number($0.sequence)]) }
        ?? .nothing,
      "offset": head.producer?.sourceOffset.map { .bytes($0) } ?? .nothing, "project": .text(head.project),
      "view": .text(head.view), "rows": try rows(push.rows, head.columns),
    ])
  }

  static func scan(_ body: RawSpan) throws(WireError) -> Plain {
    let scan = try ScanReply(decoding: body)
    return .of([
      "lsn": number(scan.lsn), "next": .bytes(scan.next), "rows": try rows(scan.rows, scan.columns),
    ])
  }

  private static func rows(_ rows: borrowing RowsView, _ names: [String]) throws(WireError) -> Plain {
    var walker = rows.keys
    var keys: [Plain] = []
    var times: [[Plain]] = [[], [], []]
    for row in 0..<rows.count {
      keys.append(.bytes(try walker.next().copied()))
      let given = rows.times(row)
      times[0].append(given.eventTime.map { .number($0.nanoseconds) } ?? .nothing)
      times[1].append(given.createdAt.map { .number($0.nanoseconds) } ?? .nothing)
      times[2].append(given.knownAt.map { .number($0.nanoseconds) } ?? .nothing)
    }
    var columns: [Plain] = []
    for (column, name) in names.enumerated() {
      var cells: [Plain] = []
      for row in 0..<rows.count {
        switch try rows.input(row, column) {
        case .absent: cells.append(.word("absent"))
        case .null: cells.append(.word("null"))
        case .value(let value): cells.append(self.value(value))
        }
      }
      columns.append(
        .of(["name": .text(name), "type": type(rows.columnTypes[column]), "cells": .list(cells)]))
    }
    return .of([
      "keys": .list(keys), "event times": .list(times[0]), "created at": .list(times[1]),
      "known at": .list(times[2]), "columns": .list(columns),
    ])
  }

  static func plain(_ reply: PushReply) -> Plain {
    .of([
      "first, last, durable": .list([number(reply.first), number(reply.last), number(reply.durable)]),
      "time": .number(reply.timeNanoseconds),
      "accepted, set aside, erased, set back": .list(
        [reply.accepted, reply.setAside, reply.erased, reply.setBack].map { .number($0) }),
      "again": flag(reply.isRepeated),
      "tallies": .list(
        reply.tallies.map { tally in
          .of([
            "view": .text(tally.view), "rule": .text(tally.rule), "count": .number(tally.count),
            "first row": .number(tally.firstRow), "words": .text(tally.words),
          ])
        }),
    ])
  }

  static func plain(_ erase: EraseRequest) -> Plain {
    .of([
      "project": .text(erase.project),
      "keys": .list(
        erase.keys.map { key in
          .of([
            "name": .text(key.name), "type": key.value.type.map(type) ?? .nothing, "value": value(key.value),
          ])
        }), "dry run": flag(erase.isDryRun),
    ])
  }

  static func plain(_ reply: EraseReply) -> Plain {
    .of([
      "lsn": number(reply.lsn), "time": .number(reply.timeNanoseconds),
      "views": .list(reply.views.map { .of(["name": .text($0.name), "count": .number($0.count)]) }),
    ])
  }

  static func plain(_ reply: ProducerReply) -> Plain {
    .of([
      "id": .number(reply.id), "epoch": .number(reply.epoch), "last sequence": .number(reply.lastSequence),
      "offset": reply.sourceOffset.map { .bytes($0) } ?? .nothing,
    ])
  }

  static func plain(_ wait: WaitRequest) -> Plain {
    .of(["lsn": number(wait.lsn), "for": .number(wait.point.rawValue)])
  }

  static func plain(_ reply: WaitReply) -> Plain {
    .of(["visible": number(reply.visible), "durable": number(reply.durable)])
  }

  static func plain(_ scan: ScanRequest) -> Plain {
    .of([
      "project": .text(scan.project), "view": .text(scan.view), "rows max": .number(scan.rowsMax),
      "from": .bytes(scan.from),
    ])
  }

  static func plain(_ request: DescribeRequest) -> Plain {
    .of(["project": .text(request.project), "name": .text(request.name)])
  }

  static func plain(_ reply: StatsReply) -> Plain {
    let entries = reply.entries.map { name, entry in
      let value: Plain =
        switch entry {
        case .int64(let number): .number(number)
        case .float64(let number): .bits(number)
        case .text(let text): .text(text)
        }
      return Plain.of(["name": .text(name), "value": value])
    }
    return .of(["entries": .list(entries)])
  }

  static func plain(_ reply: PingReply) -> Plain {
    .of([
      "clock": .number(reply.clockNanoseconds), "visible": number(reply.visible),
      "bytes": .bytes(reply.bytes),
    ])
  }

  static func plain(_ console: ConsoleRequest) -> Plain {
    .of([
      "words": .list(console.words.map { .text($0) }),
      "files": .list(console.files.map { .of(["path": .text($0.path), "content": .text($0.content)]) }),
    ])
  }

  static func plain(_ reply: ConsoleReply) -> Plain {
    .of(["exit": .number(reply.exitCode), "output": .text(reply.output), "errors": .text(reply.errors)])
  }

  static func plain(_ refusal: WireRefusal) -> Plain {
    .of([
      "code": .number(refusal.number), "class": .number(refusal.class.rawValue),
      "wait": .number(refusal.waitMilliseconds), "what": .text(refusal.what), "where": .text(refusal.where),
      "next": .text(refusal.next),
      "details": .list(refusal.details.map { .of(["name": .text($0.name), "value": .text($0.value)]) }),
    ])
  }

  /// A reply to GET, through a map that is kept.
  static func getReply(
    _ body: [UInt8], _ map: inout GetReplyMap, rows: Int, layout: ReplyLayout, options: GetOptions
  ) throws(WireError) -> Plain {
    let span = unsafe body.span.bytes
    try map.check(span, rows: rows, layout: layout, options: options)
    let view = GetReplyView(span, map)
    var all: [Plain] = []
    for row in 0..<view.rows {
      var cells: [Plain] = []
      for column in 0..<view.columnCount {
        cells.append(
          .of([
            "code": .number(view.code(row, column).rawValue),
            "value": try view.value(row, column).map(value) ?? .nothing,
            "time": view.eventTimeNanoseconds(row, column).map { .number($0) } ?? .nothing,
            "lsn": view.lsn(row, column).map(number) ?? .nothing,
          ]))
      }
      all.append(.list(cells))
    }
    return .of([
      "lsn": number(view.lsn), "time": .number(view.time.nanoseconds), "may lack": flag(view.mayLack),
      "all present": flag(view.areAllPresent), "rows": .list(all),
    ])
  }
}
