// HISTORY and EXPLAIN, saying whatever chance wants.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire

extension Chance {
  private mutating func moment(receipts: Bool) -> AskedMoment {
    switch below(receipts ? 4 : 3) {
    case 0: return .newest
    case 1: return .lsn(lsn(), at: ReadTime(nanoseconds: i64()))
    case 2: return .known(by: ReadTime(nanoseconds: i64()))
    default: return .receipt(receipt())
    }
  }

  mutating func receipt() -> AnswerReceipt {
    let keys = bytes(9)
    return AnswerReceipt(
      timeline: random.bytes(16), fingerprint: random.bytes(32), lsn: lsn(),
      time: ReadTime(nanoseconds: i64()), keys: unsafe keys.span.bytes)
  }

  mutating func history() -> Sample {
    .of(
      HistoryRequest(
        moment(receipts: false), options: HistoryRequest.Options(rawValue: UInt8(below(4))),
        eventsMax: 1 + u32() / 2, from: EventTime(nanoseconds: i64()), to: EventTime(nanoseconds: i64()),
        project: text(), view: text(), key: bytes(9), place: bytes(16)))
  }

  mutating func historyReply() -> HistoryReply {
    HistoryReply(
      lsn: lsn(), time: ReadTime(nanoseconds: i64()), mayLack: flag(),
      horizon: flag() ? HistoryReply.Horizon(lsn: LSN(1 + random.next() >> 1), nanoseconds: i64()) : nil,
      view: text(), next: bytes(16),
      events: (0..<below(4)).map { _ in
        let fate = random.pick([HistoryReply.Fate.wins, .winsNothing, .refused])
        return HistoryReply.Event(
          random.pick([.upsert, .delete]), fate, lsn: lsn(), eventTime: EventTime(nanoseconds: i64()),
          createdAt: CreatedAt(nanoseconds: i64()), knownAt: KnownAt(nanoseconds: i64()),
          isKnownAtAssumed: flag(), producer: text(), rule: fate == .refused ? text() : "",
          cells: (0..<below(4)).map { _ in
            let type = type()
            return HistoryReply.Cell(text(), type, flag() ? value(type) : nil)
          })
      })
  }

  mutating func explain() -> Sample {
    let rows = 1 + below(4)
    return .explain(
      handle: u32(), rows: rows, moment(receipts: true),
      keys: (0..<(rows * (1 + below(2)))).map { _ in bytes(9) })
  }

  mutating func explainReply() -> ExplainReply {
    let columns = (0..<below(4)).map { _ in
      ExplainReply.Column(name: text(), type: type(), feature: text())
    }
    let rows = below(4)
    let codes = CellCode.allCases.filter { $0 != .invalid && $0 != .nullOutsideMaxAge }
    var cells: [ExplainReply.Cell] = []
    for _ in 0..<rows {
      for column in columns {
        var cell = ExplainReply.Cell(random.pick(codes), winner: nil, loser: nil)
        if flag() { cell.winner = candidate(column.type) }
        if flag() {
          cell.loser = ExplainReply.Loser(
            candidate(column.type), random.pick([.older, .notYetKnown, .deleted]))
        }
        cells.append(cell)
      }
    }
    return ExplainReply(
      lsn: lsn(), time: ReadTime(nanoseconds: i64()), mayLack: flag(), rows: rows, service: text(),
      columns: columns, cells: cells)
  }

  private mutating func candidate(_ type: FeatureType) -> ExplainReply.Candidate {
    let said: ExplainReply.Said
    switch below(3) {
    case 0: said = .null
    case 1: said = .deleted
    default: said = .value(value(type))
    }
    return ExplainReply.Candidate(
      said, lsn: lsn(), eventTime: EventTime(nanoseconds: i64()), createdAt: CreatedAt(nanoseconds: i64()),
      knownAt: KnownAt(nanoseconds: i64()), isKnownAtAssumed: flag(), producer: text())
  }
}

extension Sample {
  static func of(_ m: HistoryRequest) -> Sample {
    Sample("history", .history, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: HistoryReply) -> Sample {
    Sample("history-reply", .history, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ExplainReply) -> Sample {
    Sample("explain-reply", .explain, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func explain(handle: UInt32, rows: Int, _ moment: AskedMoment, keys: [[UInt8]]) -> Sample {
    let said = Plain.of([
      "handle": .number(handle), "rows": .number(rows), "moment": Ours.plain(moment),
      "keys": .list(keys.map { .bytes($0) }),
    ])
    return Sample("explain", .explain, isReply: false, said) { writer in
      ExplainRequest.encode(handle: handle, rows: rows, moment, into: &writer)
      for key in keys { writer.write(short: unsafe key.span.bytes) }
    }
  }
}
