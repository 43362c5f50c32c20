// `apus history`: every event of an entity in one view, in the order in which they were written, each with what became of it. What is shown
// are HISTORY's pages, whether a server made them or this process from a folder, so that both show the same.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

enum History {
  struct Options: Equatable {
    var what: Get.Options
    var from = EventTime(nanoseconds: .min)
    var to = EventTime(nanoseconds: .max)
    var limit = usualLimit
    var isNewestFirst = false
    /// Those that wait as dead letters, too.
    var includesRefused = false

    fileprivate func request(view: String, project: String, key: [UInt8]) -> HistoryRequest {
      var asked: HistoryRequest.Options = []
      if isNewestFirst { asked.insert(.newestFirst) }
      if includesRefused { asked.insert(.refused) }
      return HistoryRequest(
        what.moment.asked, options: asked, eventsMax: 1, from: from, to: to, project: project, view: view,
        key: key)
    }
  }

  static let usualLimit: UInt64 = 100

  /// From the store itself.
  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Get.Asked(options.what, answer)
    let result = try answer.changing { (store) throws(StoreError) -> Result<Pages, PastRefusal> in
      let vector = try asked.wanted.pastVector(in: store.catalog, asked.project)
      let key = try asked.keys(of: vector).first ?? []
      var options = options
      options.what.moment = try options.what.moment(in: store)
      let request = options.request(view: asked.wanted.spelled, project: asked.project, key: key)
      return Result { () throws(PastRefusal) in
        try Pages.read(request, limit: options.limit) { (request) throws(PastRefusal) in
          try request.answer(
            from: store, project: asked.project, atMost: ServerLimits.bodyByteCountMax)
        }
      }
    }
    let pages: Pages
    do throws(PastRefusal) { pages = try result.get() } catch { throw Trouble(error, answer.place) }
    show(pages, options, asked.entities, isJSON: answer.isJSON, answer.output)
    return .done
  }

  /// From a server.
  static func run(
    _ options: Options, _ connection: inout RemoteConnection, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    let vector = try RemoteVector(options.what, &connection, asOf: options.what.moment?.lsn)
    let entity = try vector.entity(options.what)
    let request = options.request(
      view: vector.view, project: options.what.project ?? "", key: try vector.keys(of: entity).first ?? [])
    let pages = try Pages.read(request, limit: options.limit) { (request) throws(Trouble) in
      let body = try connection.ask(.history, milliseconds: -1) { request.encode(into: &$0) }
      return try connection.read("HISTORY's answer", body) { (body) throws(WireError) in
        try HistoryReply(decoding: body)
      }
    }
    show(pages, options, [entity], isJSON: isJSON, output)
    return .done
  }

  /// As many as it takes for so many events; what is told of the moment is the first one's.
  private struct Pages {
    var first: HistoryReply
    var events: [HistoryReply.Event]
    var hasMore: Bool

    static func read<Failure: Error>(
      _ request: HistoryRequest, limit: UInt64, _ page: (HistoryRequest) throws(Failure) -> HistoryReply
    ) throws(Failure) -> Pages {
      var request = request
      request.eventsMax = UInt32(clamping: limit)
      let first = try page(request)
      var pages = Pages(first: first, events: first.events, hasMore: !first.next.isEmpty)
      var next = first.next
      while !next.isEmpty, UInt64(pages.events.count) < limit {
        request.place = next
        request.eventsMax = UInt32(clamping: limit - UInt64(pages.events.count))
        let reply = try page(request)
        pages.events += reply.events
        next = reply.next
        pages.hasMore = !next.isEmpty
      }
      return pages
    }
  }

  // MARK: What is shown

  private static func show(
    _ pages: Pages, _ options: Options, _ entities: [Entity], isJSON: Bool, _ output: Output
  ) {
    let first = pages.first
    if isJSON {
      for event in pages.events { output.line(event.json) }
      output.line([
        "events": .number(pages.events.count), "lsn": .number(first.lsn.rawValue),
        "more": .boolean(pages.hasMore), "may_lack": .boolean(first.mayLack),
        "horizon_lsn": first.horizon.map { .number($0.lsn.rawValue) } ?? .null,
        "horizon": first.horizon.map { .text("\(WallTime(nanoseconds: $0.nanoseconds))") } ?? .null,
      ])
      return
    }
    let flag = first.mayLack ? "; records were lost once, and something may be missing" : ""
    output.line("\(first.view) of \(entities.first?.inWords ?? "") at LSN \(first.lsn)\(flag)")
    defer {
      if let horizon = first.horizon {
        output.line()
        output.line(
          "of the events up to LSN \(horizon.lsn) those that won nothing at "
            + "\(WallTime(nanoseconds: horizon.nanoseconds).inWords) may be gone: it is the view's horizon")
      }
    }
    guard !pages.events.isEmpty else {
      output.line("there is no event")
      return
    }
    var table = Table([
      ("lsn", .right), ("event time", .left), ("known", .left), ("producer", .left), ("", .left),
      ("said", .left),
    ])
    for event in pages.events { table.add(event.row) }
    table.lines.forEach { output.line($0) }
    if pages.hasMore {
      output.line()
      output.line("there are more: say a larger --limit, or \(options.isNewestFirst ? "--to" : "--from")")
    }
  }
}

extension HistoryReply.Event {
  private var facts: EventFacts {
    EventFacts(
      eventTime: eventTime, createdAt: createdAt, knownAt: knownAt, isKnownAtAssumed: isKnownAtAssumed,
      producer: producer, lsn: lsn)
  }

  fileprivate var row: [String] {
    let known = facts.known.inWords + (isKnownAtAssumed ? " (assumed)" : "")
    return [
      "\(lsn)", eventTime.wall.inWords, fate == .refused ? "never" : known, producer, fateInWords, said,
    ]
  }

  private var fateInWords: String {
    switch fate {
    case .wins: "wins"
    case .winsNothing: ""
    case .refused: "refused: \(rule)"
    }
  }

  private var said: String {
    if operation == .delete { return "deleted" }
    return cells.map { "\($0.feature)=\($0.value?.inWords ?? "null")" }.joined(separator: " ")
  }

  fileprivate var json: JSON {
    let word =
      switch fate {
      case .wins: "wins"
      case .winsNothing: "wins_nothing"
      case .refused: "refused"
      }
    let said: JSON = [
      "operation": .text(operation == .delete ? "delete" : "upsert"), "wins": .boolean(fate == .wins),
      "fate": .text(word), "rule": rule.isEmpty ? .null : .text(rule),
      "features": .object(cells.map { JSON.Member(key: $0.feature, value: $0.value?.json ?? .null) }),
    ]
    return said.adding(facts.json)
  }
}
