// PUSH and DELETE: what holds for all rows, then the rows. Both have one form; a DELETE has no columns.

package import ApusBytes
package import ApusContracts

/// What holds for all rows of a request.
package struct PushHead: Equatable, Sendable {
  package enum Policy: UInt8, Sendable {
    /// Refused rows become dead letters; the others are appended.
    case setAside = 1
    case allOrNothing = 2
  }

  package struct Producer: Equatable, Sendable {
    package var id: UInt32
    package var epoch: UInt32
    package var sequence: UInt64
    /// How far it has read its source, in its own words.
    package var sourceOffset: [UInt8]?
    package init(id: UInt32, epoch: UInt32, sequence: UInt64, sourceOffset: [UInt8]? = nil) {
      (self.id, self.epoch, self.sequence, self.sourceOffset) = (id, epoch, sequence, sourceOffset)
    }
  }

  struct Options: OptionSet {
    let rawValue: UInt8
    static let producer = Options(rawValue: 1)
    static let sourceOffset = Options(rawValue: 2)
    static let createdAt = Options(rawValue: 4)
    static let knownAt = Options(rawValue: 8)
    static let all = Options(rawValue: 15)
  }

  package var policy: Policy
  package var choice: KnownAtChoice
  package var producer: Producer?
  /// Empty: the only one.
  package var project: String
  /// `card_activity`, `card_activity@2`.
  package var view: String
  /// Names of features, in the order of the rows' columns; at most 65,535.
  package var columns: [String]

  package init(
    policy: Policy = .setAside, choice: KnownAtChoice = .live, producer: Producer? = nil,
    project: String = "",
    view: String, columns: [String] = []
  ) {
    (self.policy, self.choice, self.producer) = (policy, choice, producer)
    (self.project, self.view, self.columns) = (project, view, columns)
  }

  /// Writes a whole body. `rows` have a column for every name.
  package func encode(_ rows: WireRows, into writer: inout ByteWriter) {
    precondition(rows.columns.count == columns.count, "every column has a name")
    let start = writer.count
    var options: Options = []
    if let producer {
      options.formUnion(producer.sourceOffset == nil ? .producer : [.producer, .sourceOffset])
    }
    if rows.hasCreatedAt { options.insert(.createdAt) }
    if rows.hasKnownAt { options.insert(.knownAt) }
    writer.write(policy.rawValue)
    writer.write(choice.wireNumber)
    writer.write(options.rawValue)
    writer.write(0 as UInt8)
    writer.write(UInt32(rows.count))
    if case .eventTimePlus(let delay) = choice { writer.write(delay) } else { writer.write(0 as Int64) }
    if let producer {
      writer.write(producer.id)
      writer.write(producer.epoch)
      writer.write(producer.sequence)
      if let offset = producer.sourceOffset { writer.write(bytes: unsafe offset.span.bytes) }
    }
    writer.write(short: project)
    writer.write(short: view)
    writer.write(count: columns.count)
    for column in columns { writer.write(short: column) }
    rows.encode(
      createdAt: rows.hasCreatedAt, knownAt: rows.hasKnownAt, bodyAt: start, into: &writer)
  }
}

/// A PUSH or a DELETE as it came.
package struct PushRequest: ~Escapable {
  package let head: PushHead
  /// At least one.
  package let rows: RowsView

  /// `isDelete`: the rows have no columns.
  @_lifetime(copy body)
  package init(decoding body: RawSpan, isDelete: Bool) throws(WireError) {
    var reader = BodyReader(body)
    let rawPolicy = try reader.number("the policy", as: UInt8.self)
    guard let policy = PushHead.Policy(rawValue: rawPolicy) else {
      throw .malformed("there is no policy \(rawPolicy)", at: 0)
    }
    let rawChoice = try reader.number("the choice of known at", as: UInt8.self)
    let options = PushHead.Options(rawValue: try reader.number("the options"))
    guard options.isSubset(of: .all), !options.contains(.sourceOffset) || options.contains(.producer) else {
      throw .malformed("PUSH cannot have the options \(options.rawValue)", at: 2)
    }
    try reader.zero(1)
    let count = Int(clamping: try reader.number("the rows", as: UInt32.self))
    guard count >= 1 else { throw .malformed("there are no rows", at: 4) }
    let delay = try reader.number("the delay", as: Int64.self)
    guard let choice = KnownAtChoice(wireNumber: rawChoice, delay: delay), delay == 0 || rawChoice == 4 else {
      throw .malformed("known at cannot be chosen as \(rawChoice) with a delay of \(delay)", at: 1)
    }
    var producer: PushHead.Producer?
    if options.contains(.producer) {
      producer = PushHead.Producer(
        id: try reader.number("the producer"), epoch: try reader.number("the epoch"),
        sequence: try reader.number("the sequence"))
    }
    if options.contains(.sourceOffset) { producer?.sourceOffset = try reader.bytes("the offset").copied() }
    var head = PushHead(
      policy: policy, choice: choice, producer: producer, project: try reader.short("the project"),
      view: try reader.short("the view"))
    head.columns = try reader.names()
    guard !isDelete || head.columns.isEmpty else {
      throw .malformed("a DELETE speaks of no feature", at: reader.offset)
    }
    rows = try RowsView(
      body, at: reader.offset, count: count, columns: head.columns.count,
      createdAt: options.contains(.createdAt), knownAt: options.contains(.knownAt))
    self.head = head
  }
}

extension BodyReader {
  /// A count of 2 bytes and so many names.
  @_lifetime(self: copy self)
  mutating func names() throws(WireError) -> [String] {
    var names: [String] = []
    for _ in 0..<(try count("names", as: UInt16.self, ofAtLeast: 2)) { names.append(try short("a name")) }
    return names
  }
}

extension KnownAtChoice {
  var wireNumber: UInt8 {
    switch self {
    case .live: 1
    case .now: 2
    case .eventTime: 3
    case .eventTimePlus: 4
    case .column: 5
    }
  }

  init?(wireNumber: UInt8, delay: Int64) {
    switch wireNumber {
    case 1: self = .live
    case 2: self = .now
    case 3: self = .eventTime
    case 4: self = .eventTimePlus(nanoseconds: delay)
    case 5: self = .column
    default: return nil
    }
  }
}

package struct PushReply: Equatable, Sendable {
  /// Rows that one rule refused.
  package struct Tally: Equatable, Sendable {
    package var view: String
    package var rule: String
    package var count: UInt32
    package var firstRow: UInt32
    package var words: String
    package init(view: String, rule: String, count: UInt32, firstRow: UInt32, words: String) {
      (self.view, self.rule, self.count) = (view, rule, count)
      (self.firstRow, self.words) = (firstRow, words)
    }
  }

  /// Nothing was written when `first > last`.
  package var first: LSN
  package var last: LSN
  package var durable: LSN
  package var timeNanoseconds: Int64
  package var accepted: UInt32
  package var setAside: UInt32
  package var erased: UInt32
  package var setBack: UInt32
  /// Whether this is the first answer again.
  package var isRepeated: Bool
  package var tallies: [Tally]

  package init(
    first: LSN, last: LSN, durable: LSN, timeNanoseconds: Int64, accepted: UInt32, setAside: UInt32 = 0,
    erased: UInt32 = 0, setBack: UInt32 = 0, isRepeated: Bool = false, tallies: [Tally] = []
  ) {
    (self.first, self.last, self.durable) = (first, last, durable)
    self.timeNanoseconds = timeNanoseconds
    (self.accepted, self.setAside, self.erased, self.setBack) = (accepted, setAside, erased, setBack)
    (self.isRepeated, self.tallies) = (isRepeated, tallies)
  }

  package func encode(into writer: inout ByteWriter) {
    for lsn in [first, last, durable] { writer.write(lsn.rawValue) }
    writer.write(timeNanoseconds)
    for count in [accepted, setAside, erased, setBack] { writer.write(count) }
    writer.write(isRepeated)
    writer.writeZeroes(3)
    writer.write(UInt32(tallies.count))
    for tally in tallies {
      writer.write(short: tally.view)
      writer.write(short: tally.rule)
      writer.write(tally.count)
      writer.write(tally.firstRow)
      writer.write(text: tally.words)
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    first = LSN(rawValue: try reader.number("the first LSN"))
    last = LSN(rawValue: try reader.number("the last LSN"))
    durable = LSN(rawValue: try reader.number("the durable LSN"))
    timeNanoseconds = try reader.number("the time")
    accepted = try reader.number("the accepted rows")
    setAside = try reader.number("the rows set aside")
    erased = try reader.number("the erased rows")
    setBack = try reader.number("the rows set back")
    let flags = try reader.number("PUSH's flags", as: UInt8.self)
    guard flags <= 1 else { throw .malformed("PUSH's reply has the unknown flags \(flags)", at: 48) }
    isRepeated = flags == 1
    try reader.zero(3)
    tallies = []
    for _ in 0..<(try reader.count("tallies", as: UInt32.self, ofAtLeast: 16)) {
      tallies.append(
        Tally(
          view: try reader.short("a view"), rule: try reader.short("a rule"),
          count: try reader.number("a count"),
          firstRow: try reader.number("a row"), words: try reader.text("a tally's words")))
    }
    try reader.finish("PUSH's reply")
  }
}
