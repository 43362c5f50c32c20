// The bodies, one by one, as the page has them.

extension PlainReader {
  /// A body by the type of its frame; replies to GET need what was asked, and have a function of their own.
  static func message(_ type: UInt8, _ body: [UInt8]) throws -> Plain {
    let reader = PlainReader(body)
    let plain = try reader.body(type)
    try reader.end()
    return plain
  }

  private func body(_ type: UInt8) throws -> Plain {
    switch type {
    case 1: try hello()
    case 129: try helloReply()
    case 2: try prepare()
    case 130: try prepareReply()
    case 3: try get()
    case 4: try push(isDelete: false)
    case 5: try push(isDelete: true)
    case 132, 133: try pushReply()
    case 6: try erase()
    case 134:
      .of([
        "lsn": try number(8), "time": try signed(),
        "views": try list(4) { .of(["name": try name(), "count": try number(8)]) },
      ])
    case 7: .of(["name": try name()])
    case 135: try producerReply()
    case 8: try wait()
    case 136: .of(["visible": try number(8), "durable": try number(8)])
    case 9: try scan()
    case 137: try scanReply()
    case 10: .of(["project": try name(), "name": try name()])
    case 138: .of(["json": try text()])
    case 11: .of(["kind": .number(try one(of: 1...3, size: 1))])
    case 139: .of(["entries": try list(4) { try entry() }])
    case 12: .of(["bytes": .bytes(try pinged())])
    case 140: .of(["clock": try signed(), "visible": try number(8), "bytes": .bytes(try pinged())])
    case 13: .of(["handle": try number(4)])
    case 141: .of([:])
    case 14:
      .of([
        "words": try list(2) { try text() },
        "files": try list(2) { .of(["path": try name(), "content": try text()]) },
      ])
    case 142: try consoleReply()
    case 16: try history()
    case 144: try historyReply()
    case 17: try explain()
    case 145: try explainReply()
    case 18: try export()
    case 146:
      .of([
        "lsn": try number(8), "rows": try number(8), "identity": .bytes(try take(32)),
        "content digest": .bytes(try take(32)), "manifest": try text(),
      ])
    case 20: .of(["sequence": try number(8), "bytes": .bytes(try take(bytes.count - at))])
    case 21: try credit()
    case 22, 23: .of([:])
    case 24: try progress()
    case 255: try error()
    default: throw PlainFault(description: "no message of type \(type)")
    }
  }

  private func hello() throws -> Plain {
    guard try take(8) == Array("APUSWIRE".utf8) else { throw PlainFault(description: "magic") }
    let lowest = try int(2)
    let highest = try int(2)
    guard lowest >= 1, lowest <= highest else { throw PlainFault(description: "versions") }
    let (compression, required, optional) = (try number(4), try number(8), try number(8))
    let client = try name()
    let id = try name()
    let secret = try short()
    guard secret.count == (id == .text("") ? 0 : 32) else { throw PlainFault(description: "secret") }
    return .of([
      "lowest": .number(lowest), "highest": .number(highest), "compression": compression,
      "required": required,
      "optional": optional, "client": client, "token": id, "secret": .bytes(secret),
    ])
  }

  private func helloReply() throws -> Plain {
    let version = try int(2)
    guard version > 0 else { throw PlainFault(description: "version") }
    try zero(2)
    return .of([
      "version": .number(version), "compression": try number(4), "features": try number(8),
      "store": .bytes(try take(16)), "timeline": .bytes(try take(16)), "visible": try number(8),
      "clock": try signed(), "frame max": try number(4), "in flight max": try number(4),
      "rows max": try number(4), "durability": .number(try one(of: 1...2, size: 1)),
      "scopes": .number(try one(of: 0...7, size: 1)),
      "server": try {
        try zero(2)
        return try name()
      }(),
    ])
  }

  private func prepare() throws -> Plain {
    let kind = try one(of: 1...2, size: 1)
    try zero(3)
    let project = try name()
    let names = try list(2) { try name() }
    if kind == 1, case .list(let all) = names, all.count != 1 { throw PlainFault(description: "names") }
    return .of(["kind": .number(kind), "project": project, "names": names])
  }

  private func prepareReply() throws -> Plain {
    let handle = try int(4)
    guard handle > 0 else { throw PlainFault(description: "handle") }
    let flags = try one(of: 0...1, size: 4)
    let fingerprint = Plain.bytes(try take(32))
    let roles = try list(2) {
      .of([
        "entity": try name(), "role": try name(),
        "parts": try list(2) {
          let name = try name()
          let type = try one(of: 1...8, size: 1)
          guard ![4, 5].contains(type) else { throw PlainFault(description: "a key's type") }
          return .of(["name": name, "type": .number(type)])
        },
      ])
    }
    var isDense = true
    let columns = try list(2) {
      let name = try name()
      let type = try type()
      if type.shape != 0 || [6, 7].contains(type.element) { isDense = false }
      return .of([
        "name": name, "type": type.plain, "feature": try self.name(), "default": .number(try flag() ? 1 : 0),
        "ttl": try number(8),
      ])
    }
    guard isDense == (flags == 1) else { throw PlainFault(description: "flags") }
    return .of([
      "handle": .number(handle), "flags": .number(flags), "fingerprint": fingerprint, "roles": roles,
      "columns": columns,
    ])
  }

  private func get() throws -> Plain {
    let handle = try number(4)
    let rows = try int(2)
    let layout = try one(of: 1...4, size: 1)
    let options = try one(of: 0...31, size: 1)
    guard rows > 0, layout != 2 || rows == 1, options & 3 != 3 else { throw PlainFault(description: "GET") }
    let minimum = options & 1 == 1 ? try number(8) : .nothing
    let exact = options & 2 == 2 ? Plain.list([try number(8), try signed()]) : .nothing
    var keys: [Plain] = []
    while at < bytes.count { keys.append(.bytes(try short())) }
    return .of([
      "handle": handle, "rows": .number(rows), "layout": .number(layout), "options": .number(options),
      "minimum": minimum, "exact": exact, "keys": .list(keys),
    ])
  }

  private func push(isDelete: Bool) throws -> Plain {
    let policy = try one(of: 1...2, size: 1)
    let choice = try one(of: 1...5, size: 1)
    let options = try one(of: 0...15, size: 1)
    try zero(1)
    let rows = try int(4)
    let delay = Int64(bitPattern: try u(8))
    guard rows > 0, choice == 4 || delay == 0, options & 3 != 2 else { throw PlainFault(description: "PUSH") }
    let producer =
      options & 1 == 1 ? Plain.list([try number(4), try number(4), try number(8)]) : .nothing
    let offset = options & 2 == 2 ? Plain.bytes(try long()) : .nothing
    let (project, view) = (try name(), try name())
    let said = try rowsAndColumns(
      rows, times: [true, options & 4 == 4, options & 8 == 8], mayHaveColumns: !isDelete)
    return .of([
      "policy": .number(policy), "known at": .number(choice), "delay": .number(delay), "producer": producer,
      "offset": offset, "project": project, "view": view, "rows": said,
    ])
  }

  private func scanReply() throws -> Plain {
    let lsn = try number(8)
    let rows = try int(4)
    return .of([
      "lsn": lsn, "next": .bytes(try long()),
      "rows": try rowsAndColumns(rows, times: [true, false, false], mayHaveColumns: true),
    ])
  }

  /// From *columns* on.
  private func rowsAndColumns(_ rows: Int, times: [Bool], mayHaveColumns: Bool) throws -> Plain {
    var names: [Plain] = []
    for _ in 0..<(try int(2)) { names.append(try name()) }
    guard mayHaveColumns || names.isEmpty else { throw PlainFault(description: "columns") }
    try align()
    guard rows <= bytes.count else { throw PlainFault(description: "rows") }
    var moments: [[Plain]] = []
    for isSent in times {
      moments.append(
        try (0..<rows).map { _ in
          guard isSent else { return .nothing }
          let moment = Int64(bitPattern: try u(8))
          return moment == .max ? .nothing : .number(moment)
        })
    }
    let keys = try (0..<rows).map { _ in Plain.bytes(try short()) }
    try align()
    var columns: [Plain] = []
    for name in names {
      let type = try type()
      try zero(4)
      let states = try take(rows)
      guard states.allSatisfy({ $0 <= 2 }) else { throw PlainFault(description: "states") }
      try align()
      let values = try section2(type, try section1(type, rows: rows))
      let cells = try zip(states, values).map { state, value in
        state == 2 ? try Self.value(value, type) : .word(state == 0 ? "absent" : "null")
      }
      columns.append(.of(["name": name, "type": type.plain, "cells": .list(cells)]))
    }
    return .of([
      "keys": .list(keys), "event times": .list(moments[0]), "created at": .list(moments[1]),
      "known at": .list(moments[2]), "columns": .list(columns),
    ])
  }

  private func pushReply() throws -> Plain {
    let lsns = Plain.list([try number(8), try number(8), try number(8)])
    let time = try signed()
    let counts = Plain.list([try number(4), try number(4), try number(4), try number(4)])
    let flag = try flag()
    try zero(3)
    return .of([
      "first, last, durable": lsns, "time": time, "accepted, set aside, erased, set back": counts,
      "again": .number(flag ? 1 : 0),
      "tallies": try list(4) {
        .of([
          "view": try name(), "rule": try name(), "count": try number(4), "first row": try number(4),
          "words": try text(),
        ])
      },
    ])
  }

  private func erase() throws -> Plain {
    .of([
      "project": try name(),
      "keys": try list(2) {
        let name = try name()
        let type = try type()
        guard type.shape == 0, ![4, 5].contains(type.element) else { throw PlainFault(description: "a key") }
        return .of(["name": name, "type": type.plain, "value": try Self.value(try long(), type)])
      },
      "dry run": .number(try flag() ? 1 : 0),
    ])
  }

  private func producerReply() throws -> Plain {
    let (id, epoch, sequence) = (try number(4), try number(4), try number(8))
    let hasOffset = try flag()
    try zero(7)
    return .of([
      "id": id, "epoch": epoch, "last sequence": sequence,
      "offset": hasOffset ? .bytes(try long()) : .nothing,
    ])
  }

  private func wait() throws -> Plain {
    let (lsn, point) = (try number(8), try one(of: 1...2, size: 1))
    try zero(7)
    return .of(["lsn": lsn, "for": .number(point)])
  }

  private func scan() throws -> Plain {
    let (project, view, rows) = (try name(), try name(), try int(4))
    guard rows > 0 else { throw PlainFault(description: "rows") }
    return .of(["project": project, "view": view, "rows max": .number(rows), "from": .bytes(try long())])
  }

  private func entry() throws -> Plain {
    let name = try name()
    switch try int(1) {
    case 3: return .of(["name": name, "value": try signed()])
    case 5: return .of(["name": name, "value": .bits(Double(bitPattern: try u(8)))])
    case 6: return .of(["name": name, "value": try text()])
    default: throw PlainFault(description: "an entry's type")
    }
  }

  private func pinged() throws -> [UInt8] {
    guard bytes.count - at <= 64 else { throw PlainFault(description: "PING") }
    return try take(bytes.count - at)
  }

  private func consoleReply() throws -> Plain {
    let exit = try number(1)
    try zero(7)
    return .of(["exit": exit, "output": try text(), "errors": try text()])
  }

  private func error() throws -> Plain {
    let code = try int(2)
    let kind = try one(of: 1...3, size: 1)
    try zero(1)
    let wait = try int(4)
    let classes =
      [
        3: 1...6, 2: [7, 19, 32, 33, 34, 35, 37, 38, 39, 40, 127],
        1: [16, 17, 18, 20, 21, 22, 23, 24, 36, 48, 49, 50, 51, 52, 53, 64, 65, 66, 67],
      ] as [Int: any Sequence<Int>]
    for (known, codes) in classes where codes.contains(where: { $0 == code }) && known != kind {
      throw PlainFault(description: "class")
    }
    guard wait == 0 || kind == 2 else { throw PlainFault(description: "wait") }
    return .of([
      "code": .number(code), "class": .number(kind), "wait": .number(wait), "what": try text(),
      "where": try text(), "next": try text(),
      "details": try list(2) { .of(["name": try name(), "value": try text()]) },
    ])
  }
}
