// The story's end: somebody asks why, and what there ever was.

import ApusBytes
import ApusContracts
import ApusWire

extension GoldenSamples {
  private static let receipt: AnswerReceipt = {
    var keys = ByteWriter()
    let card = key("c42")
    keys.write(short: unsafe card.span.bytes)
    return AnswerReceipt(
      timeline: Array(17...32), fingerprint: Array(0..<32), lsn: LSN(88_123),
      time: ReadTime(nanoseconds: now),
      keys: keys.bytes)
  }()

  private static func candidate(
    _ said: ExplainReply.Said, _ lsn: UInt64, seconds: Int64, isAssumed: Bool = false,
    by producer: String = ""
  ) -> ExplainReply.Candidate {
    let time = now - seconds * second
    return ExplainReply.Candidate(
      said, lsn: LSN(lsn), eventTime: EventTime(nanoseconds: time),
      createdAt: CreatedAt(nanoseconds: time + 1),
      knownAt: KnownAt(nanoseconds: time + 2), isKnownAtAssumed: isAssumed, producer: producer)
  }

  private static func event(
    _ operation: EventOperation, _ fate: HistoryReply.Fate, _ lsn: UInt64, seconds: Int64,
    isAssumed: Bool = false, by producer: String = "", rule: String = "", _ cells: [HistoryReply.Cell]
  ) -> HistoryReply.Event {
    let time = now - seconds * second
    return HistoryReply.Event(
      operation, fate, lsn: LSN(lsn), eventTime: EventTime(nanoseconds: time),
      createdAt: CreatedAt(nanoseconds: time + 1), knownAt: KnownAt(nanoseconds: time + 2),
      isKnownAtAssumed: isAssumed, producer: producer, rule: rule, cells: cells)
  }

  static let past: [Sample] = [
    .of(HistoryRequest(eventsMax: 100, view: "card_activity", key: key("c42"))),
    named(
      "history-all",
      .of(
        HistoryRequest(
          .lsn(LSN(88_123), at: ReadTime(nanoseconds: now)), options: [.newestFirst, .refused],
          eventsMax: 1_000, from: EventTime(nanoseconds: now - 100 * second),
          to: EventTime(nanoseconds: now), project: "fraud", view: "card_activity@1", key: key("c42"),
          place: [1, 2, 3]))),
    named(
      "history-known",
      .of(
        HistoryRequest(
          .known(by: ReadTime(nanoseconds: now)), eventsMax: 1, view: "card_activity", key: key("c42")))),
    .of(
      HistoryReply(
        lsn: LSN(88_130), time: ReadTime(nanoseconds: now), mayLack: false,
        horizon: HistoryReply.Horizon(lsn: LSN(80_000), nanoseconds: now - 1_000 * second),
        view: "card_activity@1", next: Array(1...16),
        events: [
          event(
            .upsert, .winsNothing, 87_000, seconds: 90,
            [
              HistoryReply.Cell("txn_count_24h", .int64, .int64(9)),
              HistoryReply.Cell("last_action", .string, nil),
            ]),
          event(.delete, .winsNothing, 87_001, seconds: 80, []),
          event(
            .upsert, .wins, 88_000, seconds: 1, isAssumed: true, by: "pay-2",
            [
              HistoryReply.Cell("txn_count_24h", .int64, .int64(3)),
              HistoryReply.Cell("tags", .list(of: .string), .list(.string(["é", ""]))),
            ]),
          event(
            .upsert, .refused, 88_126, seconds: 0, rule: "last_action.one_of",
            [HistoryReply.Cell("last_action", .string, .string("add_to_cart"))]),
        ])),
    named(
      "history-reply-end",
      .of(
        HistoryReply(
          lsn: LSN(88_130), time: ReadTime(nanoseconds: now), mayLack: true, horizon: nil,
          view: "card_activity@1", next: [], events: []))),
    .explain(handle: 1, rows: 1, .newest, keys: [key("c42")]),
    named(
      "explain-lsn",
      .explain(
        handle: 1, rows: 2, .lsn(LSN(500), at: ReadTime(nanoseconds: now)), keys: [key("c42"), key("c43")])),
    named(
      "explain-known",
      .explain(handle: 1, rows: 1, .known(by: ReadTime(nanoseconds: now)), keys: [key("c42")])),
    named("explain-receipt", .explain(handle: 1, rows: 1, .receipt(receipt), keys: [key("c42")])),
    .of(
      ExplainReply(
        lsn: LSN(88_123), time: ReadTime(nanoseconds: now), mayLack: false, rows: 2, service: "fraud@1",
        columns: [
          .init(name: "txn_count_24h", type: .int64, feature: "card_activity@1:txn_count_24h"),
          .init(name: "last_action", type: .string, feature: "card_activity@1:last_action"),
        ],
        cells: [
          .init(
            .present, winner: candidate(.value(.int64(3)), 88_000, seconds: 130, by: "pay-2"),
            loser: .init(candidate(.value(.int64(9)), 88_100, seconds: 15, isAssumed: true), .notYetKnown)),
          .init(
            .deleted, winner: candidate(.deleted, 87_001, seconds: 80),
            loser: .init(candidate(.value(.string("buy")), 87_000, seconds: 90), .deleted)),
          .init(.notYetKnown, winner: nil, loser: .init(candidate(.null, 88_101, seconds: 9), .notYetKnown)),
          .init(.neverSeen, winner: nil, loser: nil),
        ])),
    .error(
      WireRefusal(
        .badReceipt, "the receipt is of other keys than those given", next: "give all keys of the answer",
        details: [.init("part", "keys")])
    ).called("error-receipt"),
  ]
}

extension Sample {
  fileprivate func called(_ name: String) -> Sample {
    var sample = self
    sample.name = name
    return sample
  }
}
