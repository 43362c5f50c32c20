// One of every message, each saying whatever chance wants.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire

extension Chance {
  mutating func samples() -> [Sample] {
    var all = small()
    all.append(push(isDelete: false))
    all.append(push(isDelete: true))
    let types = (0..<below(4)).map { _ in type() }
    all.append(
      .scan(
        lsn: lsn(), next: bytes(9), types.map { _ in text() }, types, rows(types, below(5), otherTimes: false)
      ))
    all.append(get())
    all.append(history())
    all.append(.of(historyReply()))
    all.append(explain())
    all.append(.of(explainReply()))
    all += streams()
    for layout in ReplyLayout.allCases { all.append(.reply(reply(layout))) }
    return all
  }

  private mutating func rows(_ types: [FeatureType], _ count: Int, otherTimes: Bool) -> [GivenRow] {
    let (created, known) = (otherTimes && flag(), otherTimes && flag())
    return (0..<count).map { _ in
      var row = GivenRow(key: bytes(12))
      if flag() { row.times.eventTime = EventTime(nanoseconds: i64()) }
      if created && flag() { row.times.createdAt = CreatedAt(nanoseconds: i64()) }
      if known && flag() { row.times.knownAt = KnownAt(nanoseconds: i64()) }
      row.inputs = types.map { type in
        switch below(4) {
        case 0: .absent
        case 1: .null
        default: .value(value(type))
        }
      }
      return row
    }
  }

  private mutating func push(isDelete: Bool) -> Sample {
    let types = isDelete ? [] : (0..<below(5)).map { _ in type() }
    let producer = PushHead.Producer(
      id: u32(), epoch: u32(), sequence: random.next(), sourceOffset: flag() ? bytes(9) : nil)
    let head = PushHead(
      policy: random.pick([.setAside, .allOrNothing]),
      choice: random.pick([.live, .now, .eventTime, .eventTimePlus(nanoseconds: i64()), .column]),
      producer: flag() ? producer : nil, project: text(), view: text(), columns: types.map { _ in text() })
    return .push(head, types, rows(types, 1 + below(5), otherTimes: true), isDelete: isDelete)
  }

  private mutating func get() -> Sample {
    let layout = random.pick(ReplyLayout.allCases)
    let rows = layout == .row ? 1 : 1 + below(9)
    let keys = (0..<(rows * (1 + below(2)))).map { _ in bytes(9) }
    let options = GetOptions(rawValue: UInt8(below(8) << 2))
    switch below(3) {
    case 0:
      return .get(
        handle: u32(), rows: rows, layout: layout, options: options,
        exact: (lsn(), ReadTime(nanoseconds: i64())),
        keys: keys)
    case 1:
      return .get(handle: u32(), rows: rows, layout: layout, options: options, minimum: lsn(), keys: keys)
    default:
      return .get(handle: u32(), rows: rows, layout: layout, options: options, keys: keys)
    }
  }

  mutating func reply(_ layout: ReplyLayout) -> GivenReply {
    let count = below(9)
    var columns: [PrepareReply.Column] = []
    var defaults: [Value?] = []
    while columns.count < count {
      let type = type()
      guard layout.takes(type) else { continue }
      let filling = below(3) == 0 ? value(type) : nil
      columns.append(
        PrepareReply.Column(
          name: text(), type: type, feature: text(), hasDefault: filling != nil, ttlNanoseconds: nil))
      defaults.append(filling)
    }
    let options = GetOptions(rawValue: UInt8(below(8) << 2))
    let areAllPresent = below(3) == 0
    let rows = layout == .row ? 1 : 1 + below(12)
    let cells = (0..<rows).map { _ in
      columns.map { column in
        var code = areAllPresent ? CellCode.present : random.pick(CellCode.allCases)
        if code == .nullOutsideMaxAge, !options.contains(.stale) { code = .null }
        var cell = GivenCell(code: code)
        if code == .present || code == .outsideMaxAge && options.contains(.stale) {
          cell.value = value(column.type)
        }
        if [.present, .null, .outsideMaxAge, .nullOutsideMaxAge, .deleted].contains(code) {
          cell.eventTime = code == .deleted ? 1 + Int64(below(1000)) : i64()
          cell.lsn = 1 + random.next() >> 1
        }
        return cell
      }
    }
    return GivenReply(
      columns: columns, defaults: defaults, cells: cells, layout: layout, options: options, lsn: lsn(),
      time: ReadTime(nanoseconds: i64()), mayLack: flag())
  }

  private mutating func small() -> [Sample] {
    let hello = HelloRequest(
      lowestVersion: 1, highestVersion: UInt16(1 + below(9)), compressFrom: u32(), required: random.next(),
      optional: random.next(), client: text(),
      token: flag() ? HelloRequest.Token(id: text() + "x", secret: random.bytes(32)) : nil)
    let helloReply = HelloReply(
      compressFrom: u32(), features: random.next(), storeID: random.bytes(16), timeline: random.bytes(16),
      visible: lsn(), clockNanoseconds: i64(), frameByteCountMax: u32(), inFlightMax: u32(), rowsMax: u32(),
      durability: random.pick([.durable, .buffered]), scopes: HelloReply.Scopes(rawValue: UInt8(below(8))),
      server: text())
    let prepare: PrepareRequest =
      flag() ? .service(text(), project: text()) : .features(texts(5), project: text())
    let prepared = PrepareReply(
      handle: 1 + u32() / 2, fingerprint: random.bytes(32),
      roles: (0..<below(3)).map { _ in
        PrepareReply.Role(
          entity: text(), name: text(),
          parts: (0..<below(3)).map { _ in
            PrepareReply.Part(name: text(), type: random.pick(KeyType.allCases))
          })
      },
      columns: (0..<below(5)).map { _ in
        PrepareReply.Column(
          name: text(), type: type(), feature: text(), hasDefault: flag(),
          ttlNanoseconds: flag() ? 1 + random.next() / 2 : nil)
      })
    let pushed = PushReply(
      first: lsn(), last: lsn(), durable: lsn(), timeNanoseconds: i64(), accepted: u32(), setAside: u32(),
      erased: u32(), setBack: u32(), isRepeated: flag(),
      tallies: (0..<below(3)).map { _ in
        PushReply.Tally(view: text(), rule: text(), count: u32(), firstRow: u32(), words: text())
      })
    let erase = EraseRequest(
      project: text(),
      keys: (0..<below(3)).map { _ in
        EraseRequest.Key(name: text(), value: value(.scalar(random.pick(KeyType.allCases).element)))
      }, isDryRun: flag())
    let erased = EraseReply(
      lsn: lsn(), timeNanoseconds: i64(),
      views: (0..<below(3)).map { _ in EraseReply.View(name: text(), count: random.next()) })
    let producer = ProducerReply(
      id: u32(), epoch: u32(), lastSequence: random.next(), sourceOffset: flag() ? bytes(9) : nil)
    let wait = WaitRequest(lsn(), random.pick([.visible, .durable]))
    let waited = WaitReply(visible: lsn(), durable: lsn())
    let scan = ScanRequest(project: text(), view: text(), rowsMax: 1 + u32() / 2, from: bytes(9))
    let describe = DescribeRequest(project: text(), name: text())
    let stats = StatsReply(
      (0..<below(4)).map { _ in
        (text(), random.pick([.int64(i64()), .float64(Double(bitPattern: random.next())), .text(text())]))
      })
    let pinged = PingReply(clockNanoseconds: i64(), visible: lsn(), bytes: bytes(64))
    let console = ConsoleRequest(
      words: texts(4), files: (0..<below(3)).map { _ in ConsoleRequest.File(path: text(), content: text()) })
    let printed = ConsoleReply(exitCode: UInt8(below(256)), output: text(), errors: text())
    let refusal = WireRefusal(
      random.pick(WireCode.allCases), text(), where: text(), next: text(), waitMilliseconds: u32(),
      details: (0..<below(3)).map { _ in WireRefusal.Detail(text(), text()) })
    return [
      .of(hello), .of(helloReply), .of(prepare), .of(prepared), .of(pushed), .of(erase), .of(erased),
      .of(producer),
      .of(wait), .of(waited), .of(scan), .of(describe), .of(stats), .of(pinged), .of(console), .of(printed),
      .error(refusal), .release(u32()), .ping(bytes(64)), .stats(random.pick(StatsRequest.allCases)),
      .describe(json: text()), .producer(text()), .empty(),
    ]
  }
}

// Messages whose fields can be said without reading them back.
extension Sample {
  static func of(_ m: HelloRequest) -> Sample {
    Sample("hello", .hello, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: HelloReply) -> Sample {
    Sample("hello-reply", .hello, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: PrepareRequest) -> Sample {
    Sample("prepare", .prepare, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: PrepareReply) -> Sample {
    Sample("prepare-reply", .prepare, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: PushReply) -> Sample {
    Sample("push-reply", .push, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: EraseRequest) -> Sample {
    Sample("erase", .erase, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: EraseReply) -> Sample {
    Sample("erase-reply", .erase, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ProducerReply) -> Sample {
    Sample("producer-reply", .producer, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: WaitRequest) -> Sample {
    Sample("wait", .wait, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: WaitReply) -> Sample {
    Sample("wait-reply", .wait, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ScanRequest) -> Sample {
    Sample("scan", .scan, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: DescribeRequest) -> Sample {
    Sample("describe", .describe, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: StatsReply) -> Sample {
    Sample("stats-reply", .stats, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: PingReply) -> Sample {
    Sample("ping-reply", .ping, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ConsoleRequest) -> Sample {
    Sample("console", .console, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ConsoleReply) -> Sample {
    Sample("console-reply", .console, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
}
