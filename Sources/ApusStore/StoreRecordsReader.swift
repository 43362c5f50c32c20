// The bodies of the store's own records become values, or faults that say where they are none. Whether a value fits the
// state is asked when it is applied.

internal import ApusBytes
internal import ApusContracts
internal import ApusSystem

/// What the state needs of a letter; the letter's own decoder reads the rest.
struct DeadLetterHead {
  let view: ViewVersionID
  let rule: String
}

struct HandledRecord {
  let how: HandledHow
  let oldestLeft: WallTime
  let ranges: LSNRanges
  let sums: [DeadLetterSum]
}

enum DeadLetterRecord {
  case letter(DeadLetterHead)
  case handled(HandledRecord)

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.deadLetter.rawValue)
    let operation = try reader.read(UInt8.self)
    switch StoreOperation.DeadLetters(rawValue: operation) {
    case .letter:
      let event = try reader.read(UInt8.self)
      guard EventOperation(rawValue: event) != nil else {
        throw reader.contradiction("a letter of event \(event) is of a newer program")
      }
      try reader.zeroes(2)
      let view = ViewVersionID(try reader.read())
      // The contract's revision is for whoever reads the letter.
      _ = try reader.read(UInt32.self)
      self = .letter(DeadLetterHead(view: view, rule: try reader.text()))
    case .handled:
      let how = try reader.read(UInt8.self)
      guard let how = HandledHow(rawValue: how) else {
        throw reader.contradiction("letters handled in way \(how) are of a newer program")
      }
      try reader.zeroes(2)
      let oldestLeft = WallTime(nanoseconds: try reader.read())
      let ranges = try reader.ranges()
      let sums = try reader.sums()
      try reader.finish()
      self = .handled(HandledRecord(how: how, oldestLeft: oldestLeft, ranges: ranges, sums: sums))
    case nil: throw .unknownOperation(kind: reader.kind, operation: operation)
    }
  }
}

struct DefinitionsRecord {
  /// As they were written: what a newer program added and this one passes over is kept.
  let encoded: [[UInt8]]
  let changes: [RegistryChange]

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.definitions.rawValue)
    (encoded, changes) = try reader.definitions()
    try reader.finish()
  }
}

struct EraseRecord {
  let project: ProjectID
  let salt: [UInt8]
  let hashes: [ErasureHash]

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.erase.rawValue)
    let operation = try reader.read(UInt8.self)
    guard StoreOperation.Erase(rawValue: operation) != nil else {
      throw .unknownOperation(kind: reader.kind, operation: operation)
    }
    try reader.zeroes(3)
    project = ProjectID(try reader.read())
    salt = try reader.span(Erasures.saltByteCount).copied()
    var hashes: [ErasureHash] = []
    for _ in 0..<(try reader.count(eachAtLeast: 16)) { hashes.append(try reader.hash()) }
    self.hashes = hashes
    try reader.finish()
    guard !hashes.isEmpty else { throw reader.contradiction("it erases nobody") }
  }
}

enum ProducerRecord {
  case opened(UInt32, epoch: UInt32, name: String)
  case request(ProducerTicket, RowCounts)
  case expired([UInt32])

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.producer.rawValue)
    let raw = try reader.read(UInt8.self)
    guard let operation = StoreOperation.Producers(rawValue: raw) else {
      throw .unknownOperation(kind: reader.kind, operation: raw)
    }
    try reader.zeroes(3)
    switch operation {
    case .opened: self = .opened(try reader.read(), epoch: try reader.read(), name: try reader.text())
    case .request:
      var ticket = ProducerTicket(
        producer: try reader.read(), epoch: try reader.read(), sequence: try reader.read(),
        digest: try reader.digest())
      let counts = try reader.counts()
      if try reader.flags(1) != 0 { ticket.sourceOffset = try reader.sourceOffset() }
      self = .request(ticket, counts)
    case .expired:
      var ids: [UInt32] = []
      for _ in 0..<(try reader.count(eachAtLeast: 4)) {
        let id = try reader.read(UInt32.self)
        guard ids.last.map({ $0 < id }) ?? true else { throw reader.contradiction("its ids do not ascend") }
        ids.append(id)
      }
      self = .expired(ids)
    }
    try reader.finish()
  }
}

// Fields that records and the note share.

extension StoreFieldReader {
  @_lifetime(self: copy self)
  mutating func hash() throws(RecordFault) -> ErasureHash {
    ErasureHash(first: try read(), second: try read())
  }

  @_lifetime(self: copy self)
  mutating func sourceOffset() throws(RecordFault) -> [UInt8] {
    let at = offset
    let offset = try bytes()
    guard offset.count <= StoreLimits.sourceOffsetByteCountMax else {
      throw contradiction("the source offset at \(at) is too long")
    }
    return offset
  }

  @_lifetime(self: copy self)
  mutating func definitions() throws(RecordFault) -> ([[UInt8]], [RegistryChange]) {
    var encoded: [[UInt8]] = []
    var changes: [RegistryChange] = []
    for _ in 0..<(try count(eachAtLeast: 1)) {
      let bytes = try bytes()
      do throws(RegistryError) { changes.append(try RegistryChange(decoding: bytes)) } catch {
        throw .registry(error)
      }
      encoded.append(bytes)
    }
    return (encoded, changes)
  }
}
