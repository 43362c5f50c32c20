// HISTORY tells every event of a key in a view, page by page, as SCAN tells entities: the server keeps nothing between two pages, and
// each says in the server's own words where the next begins.

package import ApusBytes
package import ApusContracts

package struct HistoryRequest: Equatable, Sendable {
  package struct Options: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The event with the greatest LSN comes first.
    package static let newestFirst = Options(rawValue: 1)
    /// Events that were refused and wait as dead letters are told, too.
    package static let refused = Options(rawValue: 2)
    static let all: Options = [.newestFirst, .refused]
  }

  /// No receipt.
  package var moment: AskedMoment
  package var options: Options
  /// At least 1.
  package var eventsMax: UInt32
  /// Only what became true from then on, up to then.
  package var from: EventTime
  package var to: EventTime
  /// Empty: the only one.
  package var project: String
  package var view: String
  /// Encoded.
  package var key: [UInt8]
  /// Where to go on; empty: the beginning.
  package var place: [UInt8]

  package init(
    _ moment: AskedMoment = .newest, options: Options = [], eventsMax: UInt32,
    from: EventTime = EventTime(nanoseconds: .min), to: EventTime = EventTime(nanoseconds: .max),
    project: String = "", view: String, key: [UInt8], place: [UInt8] = []
  ) {
    (self.moment, self.options, self.eventsMax) = (moment, options, eventsMax)
    (self.from, self.to, self.project, self.view) = (from, to, project, view)
    (self.key, self.place) = (key, place)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(moment.kind)
    writer.write(options.rawValue)
    writer.writeZeroes(2)
    writer.write(eventsMax)
    moment.encode(into: &writer)
    writer.write(from.nanoseconds)
    writer.write(to.nanoseconds)
    writer.write(short: project)
    writer.write(short: view)
    writer.write(short: unsafe key.span.bytes)
    writer.write(bytes: unsafe place.span.bytes)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    let kind = try reader.number("the kind of moment", as: UInt8.self)
    options = Options(rawValue: try reader.number("HISTORY's options"))
    guard options.isSubset(of: .all) else {
      throw .malformed("HISTORY has the unknown options \(options.rawValue)", at: 1)
    }
    try reader.zero(2)
    eventsMax = try reader.number("the most events")
    guard eventsMax >= 1 else { throw .malformed("no events are asked for", at: 4) }
    guard (1...3).contains(kind), let moment = try AskedMoment.decode(kind: kind, &reader) else {
      throw .malformed("HISTORY has no moment of kind \(kind)", at: 0)
    }
    self.moment = moment
    from = EventTime(nanoseconds: try reader.number("the least event time"))
    to = EventTime(nanoseconds: try reader.number("the greatest event time"))
    project = try reader.short("the project")
    view = try reader.short("the view")
    key = try reader.shortBytes("the key").copied()
    place = try reader.bytes("where to go on").copied()
    try reader.finish("HISTORY")
  }
}

/// A page.
package struct HistoryReply: Equatable, Sendable {
  /// What became of an event, as of the moment.
  package enum Fate: UInt8, Sendable {
    /// Some feature has its value, or it ended some feature.
    case wins = 1
    case winsNothing = 2
    /// It was refused, and waits as a dead letter.
    case refused = 3
  }

  /// What an event says of a feature; nil: that it is null.
  package struct Cell: Equatable, Sendable {
    package var feature: String
    package var type: FeatureType
    package var value: Value?
    package init(_ feature: String, _ type: FeatureType, _ value: Value?) {
      (self.feature, self.type, self.value) = (feature, type, value)
    }
  }

  package struct Event: Equatable, Sendable {
    package var operation: EventOperation
    package var fate: Fate
    package var isKnownAtAssumed: Bool
    package var lsn: LSN
    package var eventTime: EventTime
    package var createdAt: CreatedAt
    package var knownAt: KnownAt
    /// Empty: nobody in particular.
    package var producer: String
    /// Of a refused one, the rule.
    package var rule: String
    /// Without those that it left as they were.
    package var cells: [Cell]

    package init(
      _ operation: EventOperation, _ fate: Fate, lsn: LSN, eventTime: EventTime, createdAt: CreatedAt,
      knownAt: KnownAt, isKnownAtAssumed: Bool, producer: String, rule: String = "", cells: [Cell]
    ) {
      (self.operation, self.fate, self.lsn) = (operation, fate, lsn)
      (self.eventTime, self.createdAt, self.knownAt) = (eventTime, createdAt, knownAt)
      (self.isKnownAtAssumed, self.producer, self.rule) = (isKnownAtAssumed, producer, rule)
      self.cells = cells
    }
  }

  /// Up to its LSN, events that won nothing at its time may have been let go of.
  package struct Horizon: Equatable, Sendable {
    package var lsn: LSN
    package var nanoseconds: Int64
    package init(lsn: LSN, nanoseconds: Int64) { (self.lsn, self.nanoseconds) = (lsn, nanoseconds) }
  }

  package var lsn: LSN
  package var time: ReadTime
  package var mayLack: Bool
  package var horizon: Horizon?
  /// `card_activity@1`.
  package var view: String
  /// Where to go on; empty: the end.
  package var next: [UInt8]
  package var events: [Event]

  package init(
    lsn: LSN, time: ReadTime, mayLack: Bool, horizon: Horizon?, view: String, next: [UInt8], events: [Event]
  ) {
    (self.lsn, self.time, self.mayLack, self.horizon) = (lsn, time, mayLack, horizon)
    (self.view, self.next, self.events) = (view, next, events)
  }

  /// Of a page before its events.
  package static func headByteCount(view: String, placeByteCount: Int) -> Int {
    46 + view.utf8.count + placeByteCount
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(time.nanoseconds)
    writer.write(mayLack ? 1 as UInt8 : 0)
    writer.writeZeroes(3)
    writer.write(UInt32(events.count))
    writer.write(horizon?.lsn.rawValue ?? 0)
    writer.write(horizon?.nanoseconds ?? 0)
    writer.write(short: view)
    writer.write(bytes: unsafe next.span.bytes)
    for event in events { event.encode(into: &writer) }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    time = ReadTime(nanoseconds: try reader.number("the time"))
    mayLack = try reader.flag("HISTORY's flags")
    try reader.zero(3)
    let count = try reader.count("events", as: UInt32.self, ofAtLeast: Event.byteCountMin)
    let horizonLSN = LSN(rawValue: try reader.number("the horizon's LSN"))
    let horizonTime = try reader.number("the horizon's time", as: Int64.self)
    guard horizonLSN != .none || horizonTime == 0 else {
      throw .malformed("a horizon has a time and no LSN", at: 32)
    }
    horizon = horizonLSN == .none ? nil : Horizon(lsn: horizonLSN, nanoseconds: horizonTime)
    view = try reader.short("the view")
    next = try reader.bytes("where to go on").copied()
    events = []
    for _ in 0..<count { events.append(try Event(&reader)) }
    try reader.finish("HISTORY's reply")
  }
}

extension HistoryReply.Event {
  static let byteCountMin = 42

  /// As it is sent.
  package var byteCount: Int {
    cells.reduce(Self.byteCountMin + producer.utf8.count + rule.utf8.count) { sum, cell in
      sum + 11 + cell.feature.utf8.count + (cell.value?.byteCount ?? 0)
    }
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(operation.rawValue)
    writer.write(fate.rawValue)
    writer.write(isKnownAtAssumed ? 1 as UInt8 : 0)
    writer.writeZeroes(1)
    writer.write(lsn.rawValue)
    writer.write(eventTime.nanoseconds)
    writer.write(createdAt.nanoseconds)
    writer.write(knownAt.nanoseconds)
    writer.write(short: producer)
    writer.write(short: rule)
    writer.write(count: cells.count)
    for cell in cells {
      writer.write(short: cell.feature)
      writer.write(cell.type.id)
      writer.write(cell.value == nil ? 1 as UInt8 : 2)
      if let value = cell.value { writer.write(value: value) } else { writer.write(0 as UInt32) }
    }
  }

  @_lifetime(reader: copy reader)
  init(_ reader: inout BodyReader) throws(WireError) {
    let at = reader.offset
    let rawOperation = try reader.number("an operation", as: UInt8.self)
    let rawFate = try reader.number("a fate", as: UInt8.self)
    guard let operation = EventOperation(rawValue: rawOperation),
      let fate = HistoryReply.Fate(rawValue: rawFate)
    else { throw .malformed("there is no operation \(rawOperation) of fate \(rawFate)", at: at) }
    self.operation = operation
    self.fate = fate
    isKnownAtAssumed = try reader.flag("an event's flags")
    try reader.zero(1)
    lsn = LSN(rawValue: try reader.number("an event's LSN"))
    eventTime = EventTime(nanoseconds: try reader.number("an event time"))
    createdAt = CreatedAt(nanoseconds: try reader.number("a created at"))
    knownAt = KnownAt(nanoseconds: try reader.number("a known at"))
    producer = try reader.short("a producer")
    let ruleAt = reader.offset
    rule = try reader.short("a rule")
    guard rule.isEmpty || fate == .refused else {
      throw .malformed("an event that was not refused has a rule", at: ruleAt)
    }
    cells = []
    for _ in 0..<(try reader.count("cells", as: UInt16.self, ofAtLeast: 11)) {
      let feature = try reader.short("a feature")
      let type = try reader.type()
      let stateAt = reader.offset
      let state = try reader.number("a state", as: UInt8.self)
      switch state {
      case 1:
        guard try reader.bytes("a value").byteCount == 0 else {
          throw .malformed("a null has bytes", at: stateAt)
        }
        cells.append(HistoryReply.Cell(feature, type, nil))
      case 2: cells.append(HistoryReply.Cell(feature, type, try reader.value(type)))
      default: throw .malformed("there is no state \(state)", at: stateAt)
      }
    }
  }
}

extension BodyReader {
  /// A byte of which only the lowest bit may be set.
  @_lifetime(self: copy self)
  mutating func flag(_ what: StaticString) throws(WireError) -> Bool {
    let at = offset
    let flags = try number(what, as: UInt8.self)
    guard flags <= 1 else { throw .malformed("\(what) are \(flags)", at: at) }
    return flags == 1
  }
}
