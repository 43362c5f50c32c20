// One story of a client and a server, message by message: the vectors of version 1.

import ApusBytes
import ApusContracts
import ApusWire

enum GoldenSamples {
  static let second: Int64 = 1_000_000_000
  static let now: Int64 = 1_763_560_902 * second
  private static let columns: [PrepareReply.Column] = [
    column("txn_count_24h", .int64, hasDefault: true), column("avg_amount_30d", .float64),
    column("score", .float32), column("is_new", .bool), column("opened_at", .timestamp),
    column("last_action", .string), column("device", .bytes), column("amounts", .list(of: .int32)),
    column("tags", .list(of: .string)),
    column("embedding", FeatureType.vector(of: .float32, count: 3) ?? .float32),
  ]
  private static let defaults: [Value?] = [.int64(0)] + [Value?](repeating: nil, count: 9)

  private static func column(_ name: String, _ type: FeatureType, hasDefault: Bool = false)
    -> PrepareReply.Column
  {
    PrepareReply.Column(
      name: name, type: type, feature: "card_activity@1:\(name)", hasDefault: hasDefault,
      ttlNanoseconds: 30 * 86_400 * 1_000_000_000)
  }

  /// A string key, as `KeyEncoding.md` writes it.
  static func key(_ text: String) -> [UInt8] {
    var encoder = KeyEncoder()
    try? encoder.append(string: text)
    return encoder.bytes.copied()
  }

  private static let values: [Value] = [
    .int64(3), .float64(12.5), .float32(0.25), .bool(true), .timestamp(nanoseconds: 1_600_000_000 * second),
    .string("buy"), .bytes([0xDE, 0xAD]), .list(.int32([7, -1])), .list(.string(["é", "", "x"])),
    .vector(.float32([1, 0, -1])),
  ]

  private static func present(_ column: Int) -> GivenCell {
    GivenCell(code: .present, value: values[column], eventTime: now - second, lsn: 88_000 + UInt64(column))
  }

  private static func blank(_ code: CellCode) -> GivenCell {
    let hasWinner = [.null, .outsideMaxAge, .nullOutsideMaxAge, .deleted].contains(code)
    return GivenCell(code: code, eventTime: hasWinner ? now - 2 * second : 0, lsn: hasWinner ? 87_000 : 0)
  }

  private static func reply(
    _ name: String, _ layout: ReplyLayout, _ options: GetOptions, _ cells: [[GivenCell]]
  ) -> Sample {
    var given = GivenReply(
      columns: columns, defaults: defaults, cells: cells, layout: layout, options: options,
      time: ReadTime(nanoseconds: now))
    if layout == .denseFloat32 || layout == .denseFloat64 {
      // Of the vector's first columns those that the layout takes.
      let kept = columns.indices.filter { layout.takes(columns[$0].type) }
      given.columns = kept.map { columns[$0] }
      given.defaults = kept.map { defaults[$0] }
      given.cells = cells.map { row in kept.map { row[$0] } }
    }
    var sample = Sample.reply(given)
    sample.name = name
    return sample
  }

  static func named(_ name: String, _ sample: Sample) -> Sample {
    var sample = sample
    sample.name = name
    return sample
  }

  static let all: [Sample] = sessions + replies + writes + others + past + streams

  private static let sessions: [Sample] = [
    .of(HelloRequest(compressFrom: 4096, client: "apus-example 1.0")),
    named(
      "hello-token",
      .of(HelloRequest(client: "apus-example 1.0", token: .init(id: "tok1", secret: Array(0..<32))))),
    .of(
      HelloReply(
        compressFrom: 4096, storeID: Array(1...16), timeline: Array(17...32), visible: LSN(88_123),
        clockNanoseconds: now, frameByteCountMax: 16_777_216, inFlightMax: 1024, rowsMax: 10_000,
        durability: .durable, scopes: [.read, .ingest], server: "apus 0.4.0")),
    .of(PrepareRequest.service("fraud@1", project: "")),
    named(
      "prepare-features",
      .of(PrepareRequest.features(["card_activity:score", "card_activity@2:tags"], project: "fraud"))),
    .of(
      PrepareReply(
        handle: 1, fingerprint: Array(0..<32),
        roles: [.init(entity: "card", name: "", parts: [.init(name: "card_id", type: .string)])],
        columns: columns)),
    .get(handle: 1, rows: 2, layout: .columns, options: [], keys: [key("c42"), key("c\0")]),
    named(
      "get-minimum",
      .get(
        handle: 1, rows: 1, layout: .row, options: [.eventTimes, .lsns], minimum: LSN(88_123),
        keys: [key("c42")])),
    named(
      "get-exact",
      .get(
        handle: 1, rows: 1, layout: .denseFloat64, options: [.stale],
        exact: (LSN(500), ReadTime(nanoseconds: now)),
        keys: [key("c42")])),
    .release(1), .empty(),
  ]

  private static let all10 = [Int](0..<10)
  private static let wholeRow = all10.map { present($0) }
  private static let gapRow = [
    blank(.neverSeen), blank(.null), blank(.outsideMaxAge), blank(.deleted), blank(.erased), blank(.null),
    blank(.notYetKnown), blank(.beyondHistory), blank(.neverSeen), blank(.null),
  ]
  private static let staleRow =
    [GivenCell(code: .outsideMaxAge, value: values[0], eventTime: now - 3 * second, lsn: 9)]
    + [blank(.nullOutsideMaxAge)] + all10.dropFirst(2).map { present($0) }

  private static let replies: [Sample] = [
    reply("get-reply-columns-present", .columns, [], [wholeRow, wholeRow]),
    reply("get-reply-columns-blanks", .columns, [.eventTimes, .lsns], [wholeRow, gapRow, wholeRow]),
    reply("get-reply-columns-stale", .columns, [.stale], [staleRow]),
    reply("get-reply-row-present", .row, [], [wholeRow]),
    reply("get-reply-row-blanks", .row, [.eventTimes, .lsns], [gapRow]),
    reply("get-reply-row-stale", .row, [.stale], [staleRow]),
    reply("get-reply-dense-float32", .denseFloat32, [], [wholeRow, gapRow]),
    reply("get-reply-dense-float64", .denseFloat64, [.stale, .eventTimes, .lsns], [wholeRow, staleRow]),
    reply("get-reply-dense-float64-present", .denseFloat64, [], [wholeRow]),
  ]

  private static let pushed: [GivenRow] = [
    GivenRow(
      key: key("c42"),
      times: GivenTimes(
        eventTime: EventTime(nanoseconds: now), createdAt: CreatedAt(nanoseconds: now + 1),
        knownAt: KnownAt(nanoseconds: now + 2)), inputs: values.map { .value($0) }),
    GivenRow(key: key("c43"), inputs: [.null, .absent] + values.dropFirst(2).map { .value($0) }),
    GivenRow(key: key("c44"), inputs: values.map { _ in .absent }),
  ]

  private static let writes: [Sample] = [
    .producer("pay-2"),
    .of(ProducerReply(id: 4, epoch: 2, lastSequence: 17, sourceOffset: Array("jan.csv:407".utf8))),
    named("producer-reply-new", .of(ProducerReply(id: 5, epoch: 1, lastSequence: 0, sourceOffset: nil))),
    .push(
      PushHead(
        policy: .setAside, choice: .column,
        producer: .init(id: 4, epoch: 2, sequence: 18, sourceOffset: Array("jan.csv:408".utf8)),
        view: "card_activity", columns: columns.map(\.name)), columns.map(\.type), pushed),
    named(
      "push-plain",
      .push(
        PushHead(
          policy: .allOrNothing, choice: .eventTimePlus(nanoseconds: 900 * second), project: "fraud",
          view: "card_activity@1", columns: ["txn_count_24h"]), [.int32],
        [GivenRow(key: key("c42"), inputs: [.value(.int32(4))])])),
    .push(
      PushHead(view: "card_activity"), [],
      [
        GivenRow(key: key("c42"), times: GivenTimes(eventTime: EventTime(nanoseconds: now))),
        GivenRow(key: key("c9")),
      ],
      isDelete: true),
    .of(
      PushReply(
        first: LSN(88_124), last: LSN(88_126), durable: LSN(88_126), timeNanoseconds: now, accepted: 2,
        setAside: 1,
        erased: 0, setBack: 1,
        tallies: [
          .init(
            view: "card_activity@1", rule: "last_action.one_of", count: 1, firstRow: 2,
            words: "add_to_cart is not one of buy, refund")
        ])),
    .of(
      EraseRequest(
        project: "fraud",
        keys: [.init(name: "card_id", value: .string("c42")), .init(name: "payer_id", value: .int64(7))],
        isDryRun: true)),
    .of(
      EraseReply(
        lsn: .none, timeNanoseconds: now,
        views: [.init(name: "card_activity@1", count: 1), .init(name: "account_profile@1", count: 0)])),
  ]

  private static let others: [Sample] = [
    .of(WaitRequest(LSN(88_126), .durable)), .of(WaitReply(visible: LSN(88_130), durable: LSN(88_126))),
    .of(ScanRequest(project: "fraud", view: "card_activity@1", rowsMax: 100, from: [1, 2, 3])),
    .scan(
      lsn: LSN(88_126), next: [], ["txn_count_24h", "tags"], [.int64, .list(of: .string)],
      [
        GivenRow(
          key: key("c42"), times: GivenTimes(eventTime: EventTime(nanoseconds: now)),
          inputs: [.value(.int64(3)), .value(.list(.string(["a", "bc"])))]),
        GivenRow(
          key: key("c43"), times: GivenTimes(eventTime: EventTime(nanoseconds: now - 1)),
          inputs: [.null, .absent]),
      ]),
    .of(DescribeRequest(project: "fraud", name: "card_activity")), .describe(json: #"{"project":"fraud"}"#),
    .stats(.store),
    .of(StatsReply([("rows", .int64(-1)), ("ratio", .float64(0.5)), ("state", .text("open"))])),
    .ping([1, 2, 3]), .of(PingReply(clockNanoseconds: now, visible: LSN(88_126), bytes: [1, 2, 3])),
    .of(
      ConsoleRequest(
        words: ["plan", "fraud", "--json"],
        files: [.init(path: "fraud/views.yaml", content: "project: fraud\n")])),
    .of(ConsoleReply(exitCode: 3, output: "{}\n", errors: "readers: NEW VALUE\n")),
    .error(
      WireRefusal(
        .overloaded, "the appender has no room", where: "card_activity@1", next: "send again after the wait",
        waitMilliseconds: 250, details: [.init("view", "card_activity@1")])),
    named(
      "error-request",
      .error(WireRefusal(.unknownName, "there is no service fraud@9", details: [.init("service", "fraud@9")]))
    ),
    named("error-session", .error(WireRefusal(.malformed("a flag is 2", at: 5)))),
  ]
}
