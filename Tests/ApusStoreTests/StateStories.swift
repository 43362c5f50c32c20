import ApusBytes
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem
import ApusTestSupport

/// The bytes of a frame's records, and what its header said.
struct StateFrame: Sendable {
  var payload: [UInt8]
  var moment: FrameMoment

  init(_ base: UInt64, at time: Int64, _ records: [[UInt8]]) {
    payload = records.flatMap { $0 }
    moment = FrameMoment(
      lsns: LSNRange(LSN(base), through: LSN(base + UInt64(records.count) - 1)),
      time: WallTime(nanoseconds: time))
  }
}

/// What a writer wrote.
func record(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
  var writer = ByteWriter()
  body(&writer)
  return writer.bytes.copied()
}

/// A record of these bytes; not all of them are records that anybody writes.
func record(kind: UInt8, body: [UInt8]) -> [UInt8] {
  record {
    $0.write(UInt32(kind))
    $0.write(UInt32(body.count))
    $0.write(body)
  }
}

/// A dead letter as far as the state looks at it, and some bytes behind.
func letterRecord(_ view: UInt32, _ rule: String, tail: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
  record(
    kind: 2,
    body: record {
      $0.write(0x0000_0101 as UInt32)
      $0.write(view)
      $0.write(1 as UInt32)
      $0.writeVarint(UInt64(rule.utf8.count))
      $0.write(utf8: rule)
      $0.write(tail)
    })
}

func eventRecord(_ view: UInt32, _ eventTime: Int64) -> [UInt8] {
  let times = EventTimes(eventTime: EventTime(nanoseconds: eventTime))
  return record {
    $0.write(
      EventRecord(.delete, ViewVersionID(view), times), key: unsafe [1 as UInt8].span.bytes, cells: RawSpan())
  }
}

extension StoreState {
  /// Applies a frame record by record, as the appender and the replay do; says whether the catalog changed.
  @discardableResult
  mutating func apply(_ frame: StateFrame) throws -> Bool {
    var isOtherCatalog = false
    var walker = RecordWalker(unsafe frame.payload.span.bytes, base: frame.moment.lsns.first)
    while let record = try walker.next() {
      if record.kind == .event {
        let view = try EventView(record.body, appendNanoseconds: frame.moment.time.nanoseconds)
        note(eventOf: view.viewVersion, eventTime: view.eventTime, lsn: record.lsn, time: frame.moment.time)
      } else if try apply(record, in: frame.moment) {
        isOtherCatalog = true
      }
    }
    return isOtherCatalog
  }

  /// Applies a frame of these records, of which each counts.
  @discardableResult
  mutating func apply(_ base: UInt64, at time: Int64, _ records: [UInt8]...) throws -> Bool {
    try apply(StateFrame(base, at: time, records))
  }

  /// Why the record is refused; nil if it is not. A refused one changes nothing, whatever it is.
  func refusal(of record: [UInt8], _ lsn: UInt64 = 1_000_000, at time: Int64 = 1_000_000) -> RecordFault? {
    var state = self
    do {
      try state.apply(lsn, at: time, record)
      return nil
    } catch let fault as RecordFault {
      return state == self ? fault : .contradicts(kind: 255, "refused, and changed it all the same: \(fault)")
    } catch {
      return .contradicts(kind: 255, "\(error)")
    }
  }

  var noteBytes: [UInt8] { record { writeNote(into: &$0) } }
}

/// The state that a note says, or why there is none.
func state(noted bytes: [UInt8]) -> Result<StoreState, RecordFault> {
  do throws(RecordFault) {
    return .success(try StoreState(note: unsafe bytes.span.bytes))
  } catch {
    return .failure(error)
  }
}

/// The changes that define two views of one entity: view versions 1 and 2 of project 1.
func stateDefinitions() throws -> [RegistryChange] {
  let text = """
    project: fraud
    entities:
      card: {keys: {card_id: string}}
    views:
      activity: {entity: card, ttl: none, features: {count: {type: int64}, sum: {type: float64, min: 0}}}
      profile: {entity: card, ttl: 30d, features: {name: {type: string}}}
    """
  let file = DefinitionFile(name: "fraud.yaml", bytes: Array(text.utf8))
  return try Registry().plan(try DefinitionReader.read([file])).records
}

func definedState() throws -> StoreState {
  let changes = try stateDefinitions()
  var state = StoreState()
  try state.apply(1, at: 100, record { $0.writeDefinitions(changes) })
  return state
}

func ticket(
  _ producer: UInt32, _ epoch: UInt32, _ sequence: UInt64, digest: UInt64 = 0, offset: [UInt8]? = nil
) -> ProducerTicket {
  ProducerTicket(
    producer: producer, epoch: epoch, sequence: sequence,
    digest: RequestDigest(first: digest, second: ~digest), sourceOffset: offset)
}

/// A log made at random: frames that follow one another as a store would write them, and beside them, by the plainest
/// means, what the state must say of letters and events.
struct StateStory {
  struct Letter {
    let lsn: UInt64
    let time: Int64
    let view: UInt32
    let rule: String
    let byteCount: Int
    var isHandled = false
  }

  private(set) var frames: [StateFrame] = []
  private(set) var letters: [Letter] = []
  /// View version, event time, LSN, append time.
  private(set) var events: [(view: UInt32, eventTime: Int64, lsn: UInt64, time: Int64)] = []
  private(set) var handled: Set<UInt64> = []
  private(set) var state = StoreState()
  private var random: SplitMix64
  private var nextLSN: UInt64 = 1
  private var time: Int64 = -500
  private let salt: [UInt8]
  private var projects: UInt32 = 1

  init(seed: UInt64, frameCount: Int) throws {
    random = SplitMix64(seed: seed)
    salt = random.bytes(32)
    let changes = try stateDefinitions()
    try append([record { $0.writeDefinitions(changes) }])
    while frames.count < frameCount { try step() }
  }

  private mutating func append(_ records: [[UInt8]]) throws {
    let frame = StateFrame(nextLSN, at: time, records)
    try state.apply(frame)
    frames.append(frame)
    // Gaps are what the log leaves after a crash.
    nextLSN += UInt64(records.count) + (random.chance(0.1) ? 10 : 0)
    time += Int64(random.below(200))
  }

  private mutating func step() throws {
    switch random.below(15) {
    case 0:
      projects += 1
      let changes = [RegistryChange.project(ProjectID(projects), name: "project_\(projects)")]
      try append([record { $0.writeDefinitions(changes) }])
    case 1:
      let hashes = (0...random.below(3)).map { _ in
        ErasureHash(first: UInt64(random.below(3)), second: UInt64(random.below(3)))
      }
      let salt = salt
      try append([record { $0.writeErase(project: ProjectID(1), salt: salt, hashes) }])
    case 2, 3:
      // The last two are equal to Unicode, and not the same bytes.
      let name = random.pick(["a", "b", "\u{e9}", "e\u{301}"])
      let opening = state.producers.opening(name: name)
      try append([record { $0.writeProducerOpened(opening, name: name) }])
    case 4:
      let ids = state.producers.expired(at: WallTime(nanoseconds: time), idleNanosecondsMax: 1_000)
      if !ids.isEmpty { try append([record { $0.writeProducersExpired(ids) }]) }
    case 5: try handle()
    case 6: try raiseHorizon()
    case 7: try pin()
    case 8:
      let through = LSN(max(state.receipts.last?.through.rawValue ?? 0, nextLSN - 1))
      let files = (0..<random.below(3)).map { "history/run-\($0)" }
      let (events, letters) = (UInt64(random.below(300)), UInt64(random.below(3)))
      try append([
        record { $0.writeReceipt(through: through, events: events, letters: letters, files: files) }
      ])
    default: try push()
    }
  }

  private mutating func raiseHorizon() throws {
    let view = ViewVersionID(UInt32(1 + random.below(2)))
    let before = state.horizons[view]
    var horizon = Horizon(
      moment: KnownAt(nanoseconds: (before?.moment.nanoseconds ?? -1_000) + Int64(random.below(50))),
      through: LSN(min(nextLSN - 1, (before?.through.rawValue ?? 0) + UInt64(random.below(5)))), oldest: nil)
    if random.coin() {
      horizon.oldest = EventTime(
        nanoseconds: (before?.oldest?.nanoseconds ?? -2_000) + Int64(random.below(50)))
    }
    guard state.pins.allow(horizon, of: view) else { return }
    try append([record { $0.writeHorizon(view, horizon) }])
  }

  private mutating func pin() throws {
    let name = random.pick(["report", "audit", "\u{e9}", "e\u{301}"])
    if state.pins[name] != nil, random.chance(0.3) {
      try append([record { $0.writeUnpin(name) }])
    } else if state.pins[name] == nil {
      let last = LSN(UInt64(random.below(Int(nextLSN))))
      let moment = WallTime(nanoseconds: time)
      try append([record { $0.writePin(Pin(name: name, last: last, moment: moment, since: moment)) }])
    }
  }

  private mutating func push() throws {
    var records: [[UInt8]] = []
    if let producer = state.producers.listed.filter({ !$0.isExpired }).randomElement(using: &random) {
      let offset = random.coin() ? random.bytes(random.below(5)) : nil
      let ticket = ticket(
        producer.id, producer.epoch, producer.sequence + 1, digest: random.next(), offset: offset)
      var counts = RowCounts()
      counts.accepted = random.below(300)
      counts.erased = random.below(2)
      records.append(record { $0.writeProducerRequest(ticket, counts) })
    }
    for _ in 0...random.below(4) {
      let lsn = nextLSN + UInt64(records.count)
      let view = UInt32(1 + random.below(2))
      if random.chance(0.4) {
        let rule = random.pick(["key", "count.min", "\u{e9}", "e\u{301}"])
        let letter = letterRecord(view, rule, tail: random.bytes(random.below(20)))
        letters.append(Letter(lsn: lsn, time: time, view: view, rule: rule, byteCount: letter.count))
        records.append(letter)
      } else {
        let eventTime = time - Int64(random.below(1_000))
        events.append((view, eventTime, lsn, time))
        records.append(eventRecord(view, eventTime))
      }
    }
    try append(records)
  }

  /// Handles some of the letters: all up to one, those of one rule, or any.
  private mutating func handle() throws {
    let open = letters.indices.filter { !letters[$0].isHandled }
    guard !open.isEmpty, let seen = frames.last else { return }
    var ranges: [LSNRange] = []
    var chosen: [Int] = []
    if random.coin() {
      chosen = Array(open.prefix(1 + random.below(open.count)))
      ranges = [LSNRange(.first, through: LSN(chosen.last.map { letters[$0].lsn } ?? 0))]
    } else {
      chosen = open.filter { _ in random.coin() }
      ranges = chosen.map { LSNRange(LSN(letters[$0].lsn), through: LSN(letters[$0].lsn)) }.shuffled(
        using: &random)
    }
    for place in chosen { letters[place].isHandled = true }
    for range in ranges { handled.formUnion(range.first.rawValue...range.last.rawValue) }
    let sums = Self.sums(chosen.map { letters[$0] }).shuffled(using: &random)
    let left = letters.filter { !$0.isHandled }.map(\.time).min() ?? seen.moment.time.nanoseconds
    let how = random.pick([HandledHow.replayed, .purged])
    try append([record { $0.writeHandled(how, ranges, sums, oldestLeft: WallTime(nanoseconds: left)) }])
  }

  static func sums(_ letters: [Letter]) -> [DeadLetterSum] {
    // A rule's bytes, since Strings that Unicode holds for equivalent are equal.
    var sums: [[UInt8]: DeadLetterSum] = [:]
    for letter in letters {
      let none = DeadLetterSum(view: ViewVersionID(letter.view), rule: letter.rule, letters: 0, byteCount: 0)
      let key = [UInt8(letter.view)] + Array(letter.rule.utf8)
      sums[key, default: none].letters += 1
      sums[key, default: none].byteCount += UInt64(letter.byteCount)
    }
    return sums.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }
}
