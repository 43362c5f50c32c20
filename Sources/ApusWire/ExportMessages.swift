// EXPORT asks for a training set: everything that `Export.md` lets a set depend on, and four words that are only repeated in its
// manifest. The spine and the set themselves go as streams. Counts are at most 65,535.

package import ApusBytes

package struct ExportRequest: Equatable, Sendable {
  /// What the columns of features are.
  package enum Wanted: Equatable, Sendable {
    /// `fraud@1`, or the current version of `fraud`.
    case service(String)
    /// `view:feature`, `view@2:feature`.
    case features([String])
    /// All features of `card_activity@1`, or of its current version.
    case view(String)
  }

  /// Where the rows come from.
  package enum Labels: Equatable, Sendable {
    /// A spine that is sent.
    case spine
    /// The same, and its columns are text that stands for keys and moments, as in CSV.
    case text
    /// The view's own events within moments, both included. Only of a view.
    case events(from: Int64, through: Int64)
  }

  package enum Mode: UInt8, Sendable { case known = 1, happened = 2 }

  /// Up to where the set sees.
  package enum Point: Equatable, Sendable {
    case newest
    case lsn(LSN)
    /// The last LSN that was appended by a moment.
    case time(nanoseconds: Int64)
    case pin(String)
  }

  package struct Options: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let strict = Options(rawValue: 1)
    package static let beyondHistoryIsNull = Options(rawValue: 2)
    package static let stale = Options(rawValue: 4)
    /// Only the reply is wanted.
    package static let withoutRows = Options(rawValue: 8)
    static let all: Options = [.strict, .beyondHistoryIsNull, .stale, .withoutRows]
  }

  /// Columns beside the values.
  package struct Columns: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let statuses = Columns(rawValue: 1)
    package static let reasons = Columns(rawValue: 2)
    package static let eventTimes = Columns(rawValue: 4)
    package static let lsns = Columns(rawValue: 8)
    static let all: Columns = [.statuses, .reasons, .eventTimes, .lsns]
  }

  /// A key as requests call it, and the spine's column that has it.
  package struct Key: Equatable, Sendable {
    package var name: String
    package var column: String
    package init(_ name: String, column: String) { (self.name, self.column) = (name, column) }
  }

  /// What the manifest says of files, and the server does not look at.
  package struct Told: Equatable, Sendable {
    package var set = ""
    package var format = ""
    package var spine = ""
    package var spineFormat = ""
    package init(set: String = "", format: String = "", spine: String = "", spineFormat: String = "") {
      (self.set, self.format, self.spine, self.spineFormat) = (set, format, spine, spineFormat)
    }
  }

  /// What whole numbers in the column of moments may count, in nanoseconds.
  package static let timeUnits: Set<Int64> = [1, 1_000, 1_000_000, 1_000_000_000]

  package var wanted: Wanted
  package var labels: Labels
  package var mode = Mode.known
  package var point = Point.newest
  package var options: Options = []
  package var columns: Columns = []
  /// Not below 0.
  package var delayNanoseconds: Int64 = 0
  /// One of `timeUnits`; nil: whole numbers are refused.
  package var timeUnitNanoseconds: Int64?
  /// Empty: the only one.
  package var project = ""
  /// The spine's column of moments; empty: `event_timestamp`, else the only one of timestamps.
  package var time = ""
  /// The spine's column of LSNs; empty: `lsn`, if there is one.
  package var lsn = ""
  package var keys: [Key] = []
  /// Of moments without a zone; empty: UTC, and they are counted.
  package var timezone = ""
  /// Before the names of features.
  package var prefix = ""
  /// `time=2026-11-19T00:00:00Z`, `hash=0.8`; empty: none.
  package var split = ""
  /// What asks for no checks at all.
  package static let noChecks = "none"
  /// Quality checks as JSON; empty: the usual.
  package var checks = ""
  package var told = Told()

  package init(_ wanted: Wanted, _ labels: Labels) { (self.wanted, self.labels) = (wanted, labels) }

  private var names: [String] {
    switch wanted {
    case .service(let name), .view(let name): [name]
    case .features(let names): names
    }
  }

  package func encode(into writer: inout ByteWriter) {
    let kind: UInt8 =
      switch wanted {
      case .service: 1
      case .features: 2
      case .view: 3
      }
    writer.write(kind)
    let (rows, from, through): (UInt8, Int64, Int64) =
      switch labels {
      case .spine: (1, 0, 0)
      case .text: (2, 0, 0)
      case .events(let from, let through): (3, from, through)
      }
    writer.write(rows)
    writer.write(mode.rawValue)
    let (place, seen, moment, pin): (UInt8, LSN, Int64, String) =
      switch point {
      case .newest: (1, .none, 0, "")
      case .lsn(let lsn): (2, lsn, 0, "")
      case .time(let nanoseconds): (3, .none, nanoseconds, "")
      case .pin(let name): (4, .none, 0, name)
      }
    writer.write(place)
    writer.write(options.rawValue)
    writer.write(columns.rawValue)
    writer.writeZeroes(2)
    writer.write(delayNanoseconds)
    writer.write(seen.rawValue)
    writer.write(moment)
    writer.write(from)
    writer.write(through)
    writer.write(timeUnitNanoseconds ?? 0)
    writer.write(short: project)
    writer.write(count: names.count)
    for name in names { writer.write(short: name) }
    writer.write(short: time)
    writer.write(short: lsn)
    writer.write(count: keys.count)
    for key in keys {
      writer.write(short: key.name)
      writer.write(short: key.column)
    }
    writer.write(short: timezone)
    writer.write(short: prefix)
    writer.write(short: split)
    writer.write(short: pin)
    writer.write(text: checks)
    writer.write(short: told.set)
    writer.write(short: told.format)
    writer.write(short: told.spine)
    writer.write(short: told.spineFormat)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    let kind = try reader.number("what is exported", as: UInt8.self)
    let rows = try reader.number("EXPORT's kind of labels", as: UInt8.self)
    guard let mode = Mode(rawValue: try reader.number("the mode")) else {
      throw .malformed("EXPORT has no such mode", at: 2)
    }
    let place = try reader.number("the kind of snapshot", as: UInt8.self)
    options = Options(rawValue: try reader.number("EXPORT's options"))
    columns = Columns(rawValue: try reader.number("EXPORT's columns"))
    guard options.isSubset(of: .all), columns.isSubset(of: .all) else {
      throw .malformed("EXPORT has an unknown option or column", at: 4)
    }
    try reader.zero(2)
    self.mode = mode
    delayNanoseconds = try reader.number("the delay")
    guard delayNanoseconds >= 0 else { throw .malformed("the delay is below 0", at: 8) }
    let seen = LSN(rawValue: try Self.number(place == 2, "the snapshot's LSN", &reader))
    let moment: Int64 = try Self.number(place == 3, "the snapshot's time", &reader)
    let isOfEvents = rows == 3
    let from: Int64 = try Self.number(isOfEvents, "the first moment", &reader)
    let through: Int64 = try Self.number(isOfEvents, "the last moment", &reader)
    guard from <= through else { throw .malformed("the last moment is before the first", at: 32) }
    let unit = try reader.number("the unit of times", as: Int64.self)
    guard unit == 0 || Self.timeUnits.contains(unit) else {
      throw .malformed("a unit of times has \(unit) nanoseconds", at: 48)
    }
    timeUnitNanoseconds = unit == 0 ? nil : unit
    project = try reader.short("the project")
    let namesAt = reader.offset
    let names = try reader.names()
    time = try reader.short("the column of moments")
    lsn = try reader.short("the column of LSNs")
    keys = []
    for _ in 0..<(try reader.count("keys", as: UInt16.self, ofAtLeast: 4)) {
      let name = try reader.short("a key")
      keys.append(Key(name, column: try reader.short("a key's column")))
    }
    timezone = try reader.short("the time zone")
    prefix = try reader.short("the prefix")
    split = try reader.short("the split")
    let pinAt = reader.offset
    let pin = try reader.short("the pin")
    checks = try reader.text("the checks")
    told.set = try reader.short("the set's name")
    told.format = try reader.short("the set's format")
    told.spine = try reader.short("the spine's name")
    told.spineFormat = try reader.short("the spine's format")
    try reader.finish("EXPORT")
    wanted = try Self.wanted(kind, names, at: namesAt)
    labels = try Self.labels(rows, kind, from, through)
    guard pin.isEmpty == (place != 4) else {
      throw .malformed("a pin is named with a snapshot of kind 4, and with no other", at: pinAt)
    }
    point = try Self.point(place, seen, moment, pin)
    let saysOfSpine = !time.isEmpty || !lsn.isEmpty || !keys.isEmpty || !timezone.isEmpty || unit != 0
    guard !isOfEvents || !saysOfSpine else {
      throw .malformed("EXPORT says something of a spine, and there is none", at: 1)
    }
  }

  /// A number where it means something, else zeroes.
  @_lifetime(reader: copy reader)
  private static func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ isThere: Bool, _ what: StaticString, _ reader: inout BodyReader
  ) throws(WireError) -> T {
    if isThere { return try reader.number(what) }
    try reader.zero(T.bitWidth / 8)
    return 0
  }

  private static func wanted(_ kind: UInt8, _ names: [String], at place: Int) throws(WireError) -> Wanted {
    if kind == 2 { return .features(names) }
    guard names.count == 1, let name = names.first else {
      throw .malformed("a service or a view has one name, not \(names.count)", at: place)
    }
    switch kind {
    case 1: return .service(name)
    case 3: return .view(name)
    default: throw .malformed("nothing is exported as kind \(kind)", at: 0)
    }
  }

  private static func labels(
    _ rows: UInt8, _ kind: UInt8, _ from: Int64, _ through: Int64
  ) throws(WireError) -> Labels {
    switch rows {
    case 1: return .spine
    case 2: return .text
    case 3 where kind == 3: return .events(from: from, through: through)
    case 3: throw .malformed("only a view has events of its own", at: 1)
    default: throw .malformed("EXPORT has no labels of kind \(rows)", at: 1)
    }
  }

  private static func point(
    _ place: UInt8, _ lsn: LSN, _ moment: Int64, _ pin: String
  ) throws(WireError) -> Point {
    switch place {
    case 1: return .newest
    case 2: return .lsn(lsn)
    case 3: return .time(nanoseconds: moment)
    case 4: return .pin(pin)
    default: throw .malformed("EXPORT has no snapshot of kind \(place)", at: 3)
    }
  }
}

package struct ExportReply: Equatable, Sendable {
  package static let digestByteCount = 32

  package var lsn: LSN
  package var rows: UInt64
  /// 32 bytes each.
  package var identity: [UInt8]
  package var contentDigest: [UInt8]
  /// JSON, and all of it: what belongs beside the set.
  package var manifest: String

  package init(lsn: LSN, rows: UInt64, identity: [UInt8], contentDigest: [UInt8], manifest: String) {
    precondition(
      identity.count == Self.digestByteCount && contentDigest.count == Self.digestByteCount,
      "a digest has 32 bytes")
    (self.lsn, self.rows, self.identity, self.contentDigest) = (lsn, rows, identity, contentDigest)
    self.manifest = manifest
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(rows)
    writer.write(identity)
    writer.write(contentDigest)
    writer.write(text: manifest)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    rows = try reader.number("the rows")
    identity = try reader.span(Self.digestByteCount, "the identity").copied()
    contentDigest = try reader.span(Self.digestByteCount, "the content digest").copied()
    manifest = try reader.text("the manifest")
    try reader.finish("EXPORT's reply")
  }
}
