// `apus explain`: why each cell is what it is: the event that won, and of those that lost the one with the greatest stamp, with why. What is
// shown is EXPLAIN's reply, whether a server made it or this process from a folder, so that both show the same.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

enum Explain {
  struct Options: Equatable {
    var what: Get.Options
    /// Of an answer: it stands for the moment.
    var receipt: AnswerReceipt?

    var moment: AskedMoment { receipt.map { .receipt($0) } ?? what.moment.asked }

    /// The LSN that names are understood at, on a timeline; nil: now. What a receipt of another one has means nothing here, and no answer
    /// has LSN 0.
    func lsn(on timeline: [UInt8]) -> LSN? {
      guard let receipt else { return what.moment?.lsn }
      let isOurs = receipt.timeline == AnswerReceipt.first(of: timeline) && receipt.lsn > .none
      return isOurs ? receipt.lsn : nil
    }
  }

  /// From the store itself.
  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Get.Asked(options.what, answer, receipt: options.receipt)
    var defaults: [String: ServedDefault] = [:]
    let result = try answer.changing { (store) throws(StoreError) -> Result<ExplainReply, PastRefusal> in
      var options = options
      options.what.moment = try options.what.moment(in: store)
      let lsn = options.lsn(on: store.identity.timeline)
      let catalog = try lsn.map { (lsn) throws(StoreError) in try store.catalog(asOf: lsn) } ?? store.catalog
      let vector = try asked.wanted.pastVector(in: catalog, asked.project)
      let question = AskedExplanation(vector, keys: try asked.keys(of: vector), options.moment)
      for column in vector.columns { defaults[column.name] = column.filling.map { ServedDefault($0) } }
      return Result { () throws(PastRefusal) in
        try question.answer(from: store, atMost: ServerLimits.bodyByteCountMax)
      }
    }
    let reply: ExplainReply
    do throws(PastRefusal) { reply = try result.get() } catch { throw Trouble(error, answer.place) }
    show(reply, defaults, asked.entities, asked.wanted, isJSON: answer.isJSON, answer.output)
    return .done
  }

  /// From a server.
  static func run(
    _ options: Options, _ connection: inout RemoteConnection, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    let lsn = options.lsn(on: connection.timeline)
    let vector = try RemoteVector(options.what, &connection, asOf: lsn)
    let entity = try vector.entity(options.what)
    let keys = try vector.keys(of: entity)
    let body = try connection.ask(.explain, milliseconds: -1) { writer in
      ExplainRequest.encode(handle: vector.prepared.handle, rows: 1, options.moment, into: &writer)
      for key in keys { writer.write(short: unsafe key.span.bytes) }
    }
    let reply = try connection.read("EXPLAIN's answer", body) { (body) throws(WireError) in
      try ExplainReply(decoding: body)
    }
    let defaults = try ServedDefault.ofBlanks(reply, vector, options.what.project ?? "", &connection)
    show(reply, defaults, [entity], options.what.what, isJSON: isJSON, output)
    return .done
  }

  private static func show(
    _ reply: ExplainReply, _ defaults: [String: ServedDefault], _ entities: [Entity], _ wanted: Get.Wanted,
    isJSON: Bool, _ output: Output
  ) {
    let title = reply.title(of: wanted)
    let time = WallTime(nanoseconds: reply.time.nanoseconds)
    let cells = zip(reply.columns, reply.cells)
    if isJSON {
      output.line([
        "of": .text(title), "keys": entities.first?.json ?? [:], "lsn": .number(reply.lsn.rawValue),
        "read_time": .text("\(time)"), "may_lack": .boolean(reply.mayLack),
        "features": .list(
          cells.map { column, cell in
            let head: JSON = [
              "name": .text(column.name), "type": .text("\(column.type)"), "from": .text(column.view),
            ]
            let filling = cell.isBlank ? defaults[column.name]?.json : nil
            return head.adding(cell.json).adding(["default": filling ?? .null])
          }),
      ])
      return
    }
    let flag = reply.mayLack ? "; records were lost once, and something may be missing" : ""
    output.line("\(title) at LSN \(reply.lsn), \(time.inWords)\(flag)")
    for (column, cell) in cells { cell.lines(column, defaults[column.name]).forEach { output.line($0) } }
  }
}

extension ExplainReply {
  fileprivate func title(of wanted: Get.Wanted) -> String {
    switch wanted {
    case .service, .receipt: service
    case .view: columns.first?.view ?? wanted.spelled
    case .features: wanted.spelled(columns: columns.count)
    }
  }
}

extension ExplainReply.Column {
  /// `card_activity@1`.
  fileprivate var view: String { String(feature.prefix { $0 != ":" }) }
}

extension ExplainReply.Cell {
  /// A service's default stands in its place.
  var isBlank: Bool { code.status == .notFound || code.status == .outsideMaxAge }

  fileprivate func lines(_ column: ExplainReply.Column, _ filling: ServedDefault?) -> [String] {
    var lines: [String] = []
    if let winner {
      let age = code == .outsideMaxAge ? "   (out of age)" : ""
      lines.append("\(column.name) = \(winner.words)   \(winner.origin(column.view))\(age)")
    } else {
      lines.append("\(column.name): \(code.reason?.inWords ?? code.status.inWords)")
    }
    if isBlank, let filling { lines.append("  served: \(filling.words), the service's default") }
    if let loser {
      let candidate = loser.candidate
      lines.append(
        "  not chosen: \(candidate.words)   \(candidate.origin(column.view))   (\(loser.why.inWords))")
    }
    return lines
  }

  fileprivate var json: JSON {
    [
      "status": .text(code.status.word), "reason": code.reason.map { .text($0.inWords) } ?? .null,
      "winner": winner?.json ?? .null,
      "not_chosen": loser.map { $0.candidate.json.adding(["why": .text($0.why.inWords)]) } ?? .null,
    ]
  }
}

extension ExplainReply.Candidate {
  private var facts: EventFacts {
    EventFacts(
      eventTime: eventTime, createdAt: createdAt, knownAt: knownAt, isKnownAtAssumed: isKnownAtAssumed,
      producer: producer, lsn: lsn)
  }

  fileprivate var words: String {
    switch said {
    case .value(let value): value.inWords
    case .null: "null"
    case .deleted: "deleted"
    }
  }

  fileprivate func origin(_ view: String) -> String {
    let by = producer.isEmpty ? "" : "   producer \(producer)"
    return "event \(eventTime.wall.inWords)   known \(facts.known.inWords)\(by)   \(view.drop { $0 != "@" })"
      + "   lsn \(lsn)"
  }

  fileprivate var json: JSON {
    var value = JSON.null
    if case .value(let found) = said { value = found.json }
    let said: JSON = ["operation": .text(said == .deleted ? "delete" : "upsert"), "value": value]
    return said.adding(facts.json)
  }
}

/// What is told of every event.
struct EventFacts {
  let eventTime: EventTime
  let createdAt: CreatedAt
  let knownAt: KnownAt
  let isKnownAtAssumed: Bool
  /// Empty: none.
  let producer: String
  let lsn: LSN

  var known: WallTime { WallTime(nanoseconds: knownAt.nanoseconds) }

  var json: JSON {
    [
      "event_time": .text("\(eventTime.wall)"),
      "created_at": .text("\(WallTime(nanoseconds: createdAt.nanoseconds))"),
      "known_at": .text("\(known)"), "known_at_assumed": .boolean(isKnownAtAssumed),
      "producer": producer.isEmpty ? .null : .text(producer), "lsn": .number(lsn.rawValue),
    ]
  }
}

extension PastFold.Loss {
  fileprivate var inWords: String {
    switch self {
    case .older: "older"
    case .notYetKnown: "not yet known"
    case .deleted: "deleted"
    }
  }
}

extension PastMoment {
  /// Definitions are as of it; nil: they are those of now.
  var lsn: LSN? {
    if case .lsn(let lsn, _) = self { return lsn }
    return nil
  }
}

extension PastMoment? {
  /// As it is asked for: nil is now.
  var asked: AskedMoment {
    switch self {
    case nil, .newest: .newest
    case .lsn(let lsn, let time): .lsn(lsn, at: time)
    case .known(let time): .known(by: time)
    }
  }
}

extension Trouble {
  init(_ refusal: PastRefusal, _ place: StorePlace) {
    switch refusal {
    case .store(let error): self.init(error, place)
    case .receipt(let fault): self.init("bad_receipt", fault.what, at: "--receipt", next: fault.next)
    case .place, .tooLong:
      self.init(
        "too_long", "the answer would be longer than anybody reads", at: place.folder, next: "ask for less")
    }
  }
}
