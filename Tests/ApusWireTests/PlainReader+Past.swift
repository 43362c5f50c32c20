// HISTORY and EXPLAIN, as the page has them.

extension PlainReader {
  /// LSN and time behind a kind of moment, with zeroes where they mean nothing.
  private func moment(_ kind: Int) throws -> Plain {
    if kind != 2 { try zero(8) }
    let lsn = kind == 2 ? try number(8) : .nothing
    if kind == 1 || kind == 4 { try zero(8) }
    let time = kind == 2 || kind == 3 ? try signed() : .nothing
    guard kind == 4 else { return .list([.number(kind), lsn, time]) }
    return .list([
      .number(kind),
      .of([
        "timeline": .bytes(try take(8)), "fingerprint": .bytes(try take(8)), "lsn": try number(8),
        "time": try signed(), "keys": .bytes(try take(8)),
      ]),
    ])
  }

  func history() throws -> Plain {
    let kind = try one(of: 1...3, size: 1)
    let options = try one(of: 0...3, size: 1)
    try zero(2)
    let events = try int(4)
    guard events > 0 else { throw PlainFault(description: "events") }
    return .of([
      "moment": try moment(kind), "options": .number(options), "events max": .number(events),
      "from": try signed(), "until": try signed(), "project": try name(), "view": try name(),
      "key": .bytes(try short()), "place": .bytes(try long()),
    ])
  }

  func historyReply() throws -> Plain {
    let (lsn, time) = (try number(8), try signed())
    let mayLack = try flag()
    try zero(3)
    let count = try int(4)
    let horizon = Plain.list([try number(8), try signed()])
    if case .list(let both) = horizon, both[0] == .number(0), both[1] != .number(0) {
      throw PlainFault(description: "horizon")
    }
    let (view, next) = (try name(), Plain.bytes(try long()))
    var events: [Plain] = []
    for _ in 0..<count { events.append(try event()) }
    return .of([
      "lsn": lsn, "time": time, "may lack": .number(mayLack ? 1 : 0), "horizon": horizon, "view": view,
      "next": next, "events": .list(events),
    ])
  }

  private func event() throws -> Plain {
    let operation = try one(of: 1...2, size: 1)
    let fate = try one(of: 1...3, size: 1)
    let assumed = try flag()
    try zero(1)
    let stamps = Plain.list([try number(8), try signed(), try signed(), try signed()])
    let (producer, rule) = (try name(), try name())
    guard fate == 3 || rule == .text("") else { throw PlainFault(description: "rule") }
    return .of([
      "operation": .number(operation), "fate": .number(fate), "assumed": .number(assumed ? 1 : 0),
      "lsn, event time, created at, known at": stamps, "producer": producer, "rule": rule,
      "cells": try list(2) {
        let (feature, type) = (try name(), try type())
        let state = try one(of: 1...2, size: 1)
        let value = try long()
        guard state == 2 || value.isEmpty else { throw PlainFault(description: "a null") }
        return .of([
          "feature": feature, "type": type.plain,
          "value": state == 1 ? .word("null") : try Self.value(value, type),
        ])
      },
    ])
  }

  func explain() throws -> Plain {
    let handle = try number(4)
    let rows = try int(2)
    guard rows > 0 else { throw PlainFault(description: "rows") }
    let kind = try one(of: 1...4, size: 1)
    try zero(1)
    let moment = try moment(kind)
    var keys: [Plain] = []
    while at < bytes.count { keys.append(.bytes(try short())) }
    return .of(["handle": handle, "rows": .number(rows), "moment": moment, "keys": .list(keys)])
  }

  func explainReply() throws -> Plain {
    let (lsn, time) = (try number(8), try signed())
    let mayLack = try flag()
    try zero(1)
    let (rows, columnCount) = (try int(2), try int(2))
    try zero(2)
    let service = try name()
    var types: [PlainType] = []
    var columns: [Plain] = []
    for _ in 0..<columnCount {
      let (name, type) = (try name(), try type())
      types.append(type)
      columns.append(.of(["name": name, "type": type.plain, "feature": try self.name()]))
    }
    var cells: [Plain] = []
    for _ in 0..<(types.isEmpty ? 0 : rows) {
      for type in types { cells.append(try explained(type)) }
    }
    return .of([
      "lsn": lsn, "time": time, "may lack": .number(mayLack ? 1 : 0), "rows": .number(rows),
      "service": service, "columns": .list(columns), "cells": .list(cells),
    ])
  }

  private func explained(_ type: PlainType) throws -> Plain {
    let code = try one(of: 1...8, size: 1)
    let count = try one(of: 0...2, size: 1)
    var candidates: [Plain] = []
    for place in 0..<count {
      let reason = try int(1)
      // Only the first may have won, and of two it has.
      let allowed = count == 1 ? [0, 1, 2, 4] : place == 0 ? [0] : [1, 2, 4]
      guard allowed.contains(reason) else { throw PlainFault(description: "reason") }
      let state = try one(of: 1...3, size: 1)
      let assumed = try flag()
      try zero(1)
      let stamps = Plain.list([try number(8), try signed(), try signed(), try signed()])
      let producer = try name()
      let value = try long()
      guard state == 2 || value.isEmpty else { throw PlainFault(description: "no value") }
      candidates.append(
        .of([
          "reason": .number(reason), "assumed": .number(assumed ? 1 : 0),
          "lsn, event time, created at, known at": stamps, "producer": producer,
          "said": state == 1 ? .word("null") : state == 3 ? .word("deleted") : try Self.value(value, type),
        ]))
    }
    return .of(["code": .number(code), "candidates": .list(candidates)])
  }
}
