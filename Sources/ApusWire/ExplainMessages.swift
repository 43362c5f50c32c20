// EXPLAIN tells why cells are what they are: of each the winner, and of those that lost the one with the greatest stamp. Keys and
// handle are as in GET; an answer's receipt stands for its moment, and is held against them.

package import ApusBytes
package import ApusContracts

package struct ExplainRequest: ~Escapable {
  package let handle: UInt32
  /// At least 1.
  package let rows: Int
  package let moment: AskedMoment
  /// Row after row, and in a row role after role.
  package let keys: KeyWalker

  @_lifetime(copy body)
  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    handle = try reader.number("the handle")
    let rows = Int(clamping: try reader.number("the rows", as: UInt16.self))
    guard rows >= 1 else { throw .malformed("no rows are asked for", at: 4) }
    self.rows = rows
    let kind = try reader.number("the kind of moment", as: UInt8.self)
    guard (1...4).contains(kind) else { throw .malformed("there is no moment of kind \(kind)", at: 6) }
    try reader.zero(1)
    if let moment = try AskedMoment.decode(kind: kind, &reader) {
      self.moment = moment
    } else {
      moment = .receipt(try AnswerReceipt(&reader))
    }
    keys = KeyWalker(reader)
  }

  /// Writes all but the keys, which `write(short:)` writes one after another.
  package static func encode(
    handle: UInt32, rows: Int, _ moment: AskedMoment, into writer: inout ByteWriter
  ) {
    writer.write(handle)
    writer.write(count: rows)
    writer.write(moment.kind)
    writer.writeZeroes(1)
    moment.encode(into: &writer)
    if case .receipt(let receipt) = moment { receipt.encode(into: &writer) }
  }
}

package struct ExplainReply: Equatable, Sendable {
  package struct Column: Equatable, Sendable {
    package var name: String
    package var type: FeatureType
    /// `card_activity@1:last_action`.
    package var feature: String
    package init(name: String, type: FeatureType, feature: String) {
      (self.name, self.type, self.feature) = (name, type, feature)
    }
  }

  /// What an event says of one feature.
  package enum Said: Equatable, Sendable {
    case null
    case value(Value)
    case deleted
  }

  package struct Candidate: Equatable, Sendable {
    package var said: Said
    package var lsn: LSN
    package var eventTime: EventTime
    package var createdAt: CreatedAt
    package var knownAt: KnownAt
    package var isKnownAtAssumed: Bool
    /// Empty: nobody in particular.
    package var producer: String

    package init(
      _ said: Said, lsn: LSN, eventTime: EventTime, createdAt: CreatedAt, knownAt: KnownAt,
      isKnownAtAssumed: Bool, producer: String
    ) {
      (self.said, self.lsn, self.eventTime) = (said, lsn, eventTime)
      (self.createdAt, self.knownAt, self.isKnownAtAssumed) = (createdAt, knownAt, isKnownAtAssumed)
      self.producer = producer
    }
  }

  package struct Loser: Equatable, Sendable {
    package var candidate: Candidate
    package var why: PastFold.Loss
    package init(_ candidate: Candidate, _ why: PastFold.Loss) {
      (self.candidate, self.why) = (candidate, why)
    }
  }

  package struct Cell: Equatable, Sendable {
    /// Neither *invalid* nor *null out of age*: the winner tells.
    package var code: CellCode
    package var winner: Candidate?
    package var loser: Loser?
    package init(_ code: CellCode, winner: Candidate?, loser: Loser?) {
      (self.code, self.winner, self.loser) = (code, winner, loser)
    }
  }

  package var lsn: LSN
  package var time: ReadTime
  package var mayLack: Bool
  package var rows: Int
  /// `fraud@1`; empty: a list of features.
  package var service: String
  package var columns: [Column]
  /// Row after row.
  package var cells: [Cell]

  package init(
    lsn: LSN, time: ReadTime, mayLack: Bool, rows: Int, service: String, columns: [Column], cells: [Cell]
  ) {
    precondition(cells.count == rows * columns.count, "every row has a cell of every column")
    (self.lsn, self.time, self.mayLack, self.rows) = (lsn, time, mayLack, rows)
    (self.service, self.columns, self.cells) = (service, columns, cells)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(time.nanoseconds)
    writer.write(mayLack ? 1 as UInt8 : 0)
    writer.writeZeroes(1)
    writer.write(count: rows)
    writer.write(count: columns.count)
    writer.writeZeroes(2)
    writer.write(short: service)
    for column in columns {
      writer.write(short: column.name)
      writer.write(column.type.id)
      writer.write(short: column.feature)
    }
    for cell in cells { cell.encode(into: &writer) }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    time = ReadTime(nanoseconds: try reader.number("the time"))
    mayLack = try reader.flag("EXPLAIN's flags")
    try reader.zero(1)
    rows = Int(clamping: try reader.number("the rows", as: UInt16.self))
    let columnCount = Int(clamping: try reader.number("the columns", as: UInt16.self))
    try reader.zero(2)
    service = try reader.short("the service")
    columns = []
    // What is only claimed is not there: each column is read before the next is made room for.
    for _ in 0..<columnCount {
      let name = try reader.short("a column's name")
      let type = try reader.type()
      columns.append(Column(name: name, type: type, feature: try reader.short("a column's feature")))
    }
    cells = []
    // Without columns there is nothing to go through, however many rows are claimed.
    for _ in 0..<(columns.isEmpty ? 0 : rows) {
      for column in columns { cells.append(try Cell(column.type, &reader)) }
    }
    try reader.finish("EXPLAIN's reply")
  }
}

extension ExplainReply.Cell {
  /// About as many bytes as it is sent as.
  package var byteCount: Int { 2 + (winner?.byteCount ?? 0) + (loser?.candidate.byteCount ?? 0) }

  func encode(into writer: inout ByteWriter) {
    writer.write(code.rawValue)
    writer.write((winner == nil ? 0 as UInt8 : 1) + (loser == nil ? 0 : 1))
    winner?.encode(reason: 0, into: &writer)
    loser?.candidate.encode(reason: loser?.why.rawValue ?? 0, into: &writer)
  }

  @_lifetime(reader: copy reader)
  fileprivate init(_ type: FeatureType, _ reader: inout BodyReader) throws(WireError) {
    let at = reader.offset
    let rawCode = try reader.number("a code", as: UInt8.self)
    guard let code = CellCode(rawValue: rawCode), code != .invalid, code != .nullOutsideMaxAge else {
      throw .malformed("no cell that is explained has the code \(rawCode)", at: at)
    }
    self.code = code
    let count = try reader.number("the candidates", as: UInt8.self)
    guard count <= 2 else { throw .malformed("a cell has \(count) candidates", at: at) }
    for _ in 0..<count {
      let reasonAt = reader.offset
      let reason = try reader.number("a reason", as: UInt8.self)
      let candidate = try ExplainReply.Candidate(type, &reader)
      if reason == 0, winner == nil, loser == nil {
        winner = candidate
      } else if let why = PastFold.Loss(rawValue: reason), loser == nil {
        loser = ExplainReply.Loser(candidate, why)
      } else {
        throw .malformed("a candidate cannot have the reason \(reason) here", at: reasonAt)
      }
    }
  }
}

extension ExplainReply.Candidate {
  var byteCount: Int {
    if case .value(let value) = said { return 42 + producer.utf8.count + value.byteCount }
    return 42 + producer.utf8.count
  }

  fileprivate func encode(reason: UInt8, into writer: inout ByteWriter) {
    writer.write(reason)
    switch said {
    case .null: writer.write(1 as UInt8)
    case .value: writer.write(2 as UInt8)
    case .deleted: writer.write(3 as UInt8)
    }
    writer.write(isKnownAtAssumed ? 1 as UInt8 : 0)
    writer.writeZeroes(1)
    writer.write(lsn.rawValue)
    writer.write(eventTime.nanoseconds)
    writer.write(createdAt.nanoseconds)
    writer.write(knownAt.nanoseconds)
    writer.write(short: producer)
    if case .value(let value) = said { writer.write(value: value) } else { writer.write(0 as UInt32) }
  }

  /// From the state on.
  @_lifetime(reader: copy reader)
  fileprivate init(_ type: FeatureType, _ reader: inout BodyReader) throws(WireError) {
    let at = reader.offset
    let state = try reader.number("a state", as: UInt8.self)
    isKnownAtAssumed = try reader.flag("a candidate's flags")
    try reader.zero(1)
    lsn = LSN(rawValue: try reader.number("a candidate's LSN"))
    eventTime = EventTime(nanoseconds: try reader.number("an event time"))
    createdAt = CreatedAt(nanoseconds: try reader.number("a created at"))
    knownAt = KnownAt(nanoseconds: try reader.number("a known at"))
    producer = try reader.short("a producer")
    switch state {
    case 2: said = .value(try reader.value(type))
    case 1, 3:
      guard try reader.bytes("a value").byteCount == 0 else {
        throw .malformed("what is no value has bytes", at: at)
      }
      said = state == 1 ? .null : .deleted
    default: throw .malformed("there is no state \(state)", at: at)
    }
  }
}

extension Value {
  /// About as many bytes as it is sent as.
  var byteCount: Int {
    switch self {
    case .bool: 1
    case .int32, .float32: 4
    case .int64, .float64, .timestamp: 8
    case .string(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    case .list(let elements), .vector(let elements):
      switch elements {
      case .bool(let all): all.count
      case .int32(let all): 4 * all.count
      case .float32(let all): 4 * all.count
      case .int64(let all), .timestamp(let all): 8 * all.count
      case .float64(let all): 8 * all.count
      case .string(let all): all.reduce(4) { $0 + 4 + $1.utf8.count }
      case .bytes(let all): all.reduce(4) { $0 + 4 + $1.count }
      }
    }
  }
}
