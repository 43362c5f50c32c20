// HISTORY and EXPLAIN as ApusWire reads them, in the plain reader's words.

import ApusBytes
import ApusContracts
import ApusWire

extension Ours {
  static func plain(_ moment: AskedMoment) -> Plain {
    switch moment {
    case .newest: .list([.number(1), .nothing, .nothing])
    case .lsn(let lsn, let time): .list([.number(2), number(lsn), .number(time.nanoseconds)])
    case .known(let time): .list([.number(3), .nothing, .number(time.nanoseconds)])
    case .receipt(let receipt):
      .list([
        .number(4),
        .of([
          "timeline": .bytes(receipt.timeline), "fingerprint": .bytes(receipt.fingerprint),
          "lsn": number(receipt.lsn), "time": .number(receipt.time.nanoseconds), "keys": .bytes(receipt.keys),
        ]),
      ])
    }
  }

  static func plain(_ request: HistoryRequest) -> Plain {
    .of([
      "moment": plain(request.moment), "options": .number(request.options.rawValue),
      "events max": .number(request.eventsMax), "from": .number(request.from.nanoseconds),
      "until": .number(request.to.nanoseconds), "project": .text(request.project),
      "view": .text(request.view),
      "key": .bytes(request.key), "place": .bytes(request.place),
    ])
  }

  static func plain(_ reply: HistoryReply) -> Plain {
    .of([
      "lsn": number(reply.lsn), "time": .number(reply.time.nanoseconds), "may lack": flag(reply.mayLack),
      "horizon": .list([
        .number(reply.horizon?.lsn.rawValue ?? 0), .number(reply.horizon?.nanoseconds ?? 0),
      ]),
      "view": .text(reply.view), "next": .bytes(reply.next),
      "events": .list(
        reply.events.map { event in
          .of([
            "operation": .number(event.operation.rawValue), "fate": .number(event.fate.rawValue),
            "assumed": flag(event.isKnownAtAssumed),
            "lsn, event time, created at, known at": stamps(
              event.lsn, event.eventTime, event.createdAt, event.knownAt),
            "producer": .text(event.producer), "rule": .text(event.rule),
            "cells": .list(
              event.cells.map { cell in
                .of([
                  "feature": .text(cell.feature), "type": type(cell.type),
                  "value": cell.value.map(value) ?? .word("null"),
                ])
              }),
          ])
        }),
    ])
  }

  private static func stamps(
    _ lsn: LSN, _ eventTime: EventTime, _ createdAt: CreatedAt, _ knownAt: KnownAt
  ) -> Plain {
    .list([
      number(lsn), .number(eventTime.nanoseconds), .number(createdAt.nanoseconds),
      .number(knownAt.nanoseconds),
    ])
  }

  static func explain(_ body: RawSpan) throws(WireError) -> Plain {
    let request = try ExplainRequest(decoding: body)
    var walker = request.keys
    var keys: [Plain] = []
    while !walker.isAtEnd { keys.append(.bytes(try walker.next().copied())) }
    try walker.finish()
    return .of([
      "handle": .number(request.handle), "rows": .number(request.rows), "moment": plain(request.moment),
      "keys": .list(keys),
    ])
  }

  static func plain(_ reply: ExplainReply) -> Plain {
    .of([
      "lsn": number(reply.lsn), "time": .number(reply.time.nanoseconds), "may lack": flag(reply.mayLack),
      "rows": .number(reply.rows), "service": .text(reply.service),
      "columns": .list(
        reply.columns.map {
          .of(["name": .text($0.name), "type": type($0.type), "feature": .text($0.feature)])
        }),
      "cells": .list(
        reply.cells.map { cell in
          var candidates: [Plain] = []
          if let winner = cell.winner { candidates.append(plain(winner, 0)) }
          if let loser = cell.loser { candidates.append(plain(loser.candidate, loser.why.rawValue)) }
          return .of(["code": .number(cell.code.rawValue), "candidates": .list(candidates)])
        }),
    ])
  }

  private static func plain(_ candidate: ExplainReply.Candidate, _ reason: UInt8) -> Plain {
    let said: Plain =
      switch candidate.said {
      case .null: .word("null")
      case .deleted: .word("deleted")
      case .value(let found): value(found)
      }
    return .of([
      "reason": .number(reason), "assumed": flag(candidate.isKnownAtAssumed),
      "lsn, event time, created at, known at": stamps(
        candidate.lsn, candidate.eventTime, candidate.createdAt, candidate.knownAt),
      "producer": .text(candidate.producer), "said": said,
    ])
  }
}
