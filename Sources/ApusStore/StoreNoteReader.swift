// A note becomes the parts of a state, or a fault. Whatever the bytes are, nothing traps, and what is allocated is bounded
// by their number. A fault in the note itself names kind 0; its offsets count from the note's first byte.

internal import ApusBytes
internal import ApusContracts
internal import ApusSystem

struct StoreNoteReader {
  private(set) var definitions: [LoggedChange] = []
  private(set) var registry = Registry()
  private(set) var erasures = Erasures()
  private(set) var producers = Producers()
  private(set) var deadLetters = DeadLetterSums()
  private(set) var activity = Activity()
  private(set) var horizons = Horizons()
  private(set) var pins = Pins()
  private(set) var receipts: [ErasureReceipt] = []

  init(_ note: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(note, kind: StoreFieldReader.noteKind)
    guard try reader.span(StoreNote.magic.utf8.count).copied() == Array(StoreNote.magic.utf8) else {
      throw reader.contradiction("it does not begin as a note does")
    }
    let version = try reader.read(UInt32.self)
    guard version == StoreNote.version else { throw reader.contradiction("it is of version \(version)") }
    try reader.zeroes(4)
    var last: UInt32 = 0
    while !reader.isAtEnd {
      let tag = try reader.read(UInt32.self)
      guard tag > last else { throw reader.contradiction("section \(tag) follows section \(last)") }
      last = tag
      try reader.zeroes(4)
      let lengthAt = reader.offset
      guard let length = Int(exactly: try reader.read(UInt64.self)) else {
        throw .cut(kind: reader.kind, at: lengthAt)
      }
      let base = reader.offset
      var body = StoreFieldReader(try reader.span(length), kind: reader.kind, base: base)
      guard let section = StoreNote.Section(rawValue: tag) else {
        guard tag % 2 == 1 else { throw reader.contradiction("section \(tag) is of a newer program") }
        continue
      }
      try read(section, &body)
      try body.finish()
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func read(
    _ section: StoreNote.Section, _ reader: inout StoreFieldReader
  ) throws(RecordFault) {
    switch section {
    case .definitions: try readDefinitions(&reader)
    case .producers: try readProducers(&reader)
    case .erasures: try readErasures(&reader)
    case .deadLetters: try readDeadLetters(&reader)
    case .activity: try readActivity(&reader)
    case .horizons: try readHorizons(&reader)
    case .pins: try readPins(&reader)
    case .receipts: try readReceipts(&reader)
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readDefinitions(_ reader: inout StoreFieldReader) throws(RecordFault) {
    var changes: [RegistryChange] = []
    for _ in 0..<(try reader.count(eachAtLeast: 17)) {
      let lsn = LSN(try reader.read())
      let time = WallTime(nanoseconds: try reader.read())
      guard lsn > .none, lsn >= definitions.last?.lsn ?? .none else {
        throw reader.contradiction("the LSNs of definitions do not ascend")
      }
      let bytes = try reader.bytes()
      do throws(RegistryError) { changes.append(try RegistryChange(decoding: bytes)) } catch {
        throw .registry(error)
      }
      definitions.append(LoggedChange(lsn: lsn, time: time, bytes: bytes))
    }
    do throws(RegistryError) { registry = try Registry(changes) } catch { throw .registry(error) }
  }

  @_lifetime(reader: copy reader)
  private mutating func readProducers(_ reader: inout StoreFieldReader) throws(RecordFault) {
    for _ in 0..<(try reader.count(eachAtLeast: 28)) {
      let id = try reader.read(UInt32.self)
      let epoch = try reader.read(UInt32.self)
      var producer = Producer(
        id: id, name: try reader.text(), epoch: epoch, sequence: try reader.read(),
        lastUsed: WallTime(nanoseconds: try reader.read()))
      let flags = try reader.flags(StoreNote.expiredFlag | StoreNote.offsetFlag)
      producer.isExpired = flags & StoreNote.expiredFlag != 0
      if flags & StoreNote.offsetFlag != 0 { producer.sourceOffset = try reader.sourceOffset() }
      for _ in 0..<(try reader.count(eachAtLeast: 52)) { producer.answers.append(try answer(&reader)) }
      do throws(Producers.Contradiction) { try producers.restore(producer) } catch {
        throw reader.contradiction(error.words)
      }
    }
  }

  @_lifetime(reader: copy reader)
  private func answer(_ reader: inout StoreFieldReader) throws(RecordFault) -> ProducerAnswer {
    let sequence = try reader.read(UInt64.self)
    let first = LSN(try reader.read())
    let lsns = LSNRange(first, through: LSN(try reader.read()))
    guard first > .none, !lsns.isEmpty else { throw reader.contradiction("an answer has no frame") }
    let frame = FrameMoment(lsns: lsns, time: WallTime(nanoseconds: try reader.read()))
    return ProducerAnswer(
      sequence: sequence, frame: frame, digest: try reader.digest(), counts: try reader.counts())
  }

  @_lifetime(reader: copy reader)
  private mutating func readErasures(_ reader: inout StoreFieldReader) throws(RecordFault) {
    let salt = try reader.span(Erasures.saltByteCount).copied()
    let count = try reader.count(eachAtLeast: 32)
    guard count > 0 else { throw reader.contradiction("there is a salt, and nobody was erased") }
    var last: ErasureHash?
    for _ in 0..<count {
      let hash = try reader.hash()
      guard last.map({ ($0.first, $0.second) < (hash.first, hash.second) }) ?? true else {
        throw reader.contradiction("the hashes of the erased do not ascend")
      }
      last = hash
      let floor = LSN(try reader.read())
      let erase = Erase(floor: floor, time: WallTime(nanoseconds: try reader.read()))
      guard floor > .none, erasures.add(hash, salt: salt, erase) else {
        throw reader.contradiction("an erasure has no LSN")
      }
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readDeadLetters(_ reader: inout StoreFieldReader) throws(RecordFault) {
    let sums = try reader.sums()
    let oldest = WallTime(nanoseconds: try reader.read())
    for sum in sums {
      guard registry.has(sum.view) else { throw .unknownView(sum.view) }
      guard deadLetters.add(sum, at: oldest) else {
        throw reader.contradiction("there are more letters than can be")
      }
    }
    guard !sums.isEmpty || oldest.nanoseconds == 0 else {
      throw reader.contradiction("the oldest of no letters has a time")
    }
    deadLetters.restore(handled: try reader.ranges())
  }

  @_lifetime(reader: copy reader)
  private mutating func readActivity(_ reader: inout StoreFieldReader) throws(RecordFault) {
    var last = ViewVersionID(0)
    for _ in 0..<(try reader.count(eachAtLeast: 29)) {
      let id = ViewVersionID(try reader.read())
      guard registry.has(id) else { throw .unknownView(id) }
      let seen = ViewActivity(
        events: try reader.varint(), newestEventTime: EventTime(nanoseconds: try reader.read()),
        lastAppendTime: WallTime(nanoseconds: try reader.read()), lastLSN: LSN(try reader.read()))
      guard id > last, seen.events > 0 else {
        throw reader.contradiction("the view versions with events do not ascend, or one has none")
      }
      activity.restore(id, seen)
      last = id
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readHorizons(_ reader: inout StoreFieldReader) throws(RecordFault) {
    var last = ViewVersionID(0)
    for _ in 0..<(try reader.count(eachAtLeast: 21)) {
      let id = ViewVersionID(try reader.read())
      guard registry.has(id) else { throw .unknownView(id) }
      guard id > last, horizons.raise(id, to: try reader.horizon()) else {
        throw reader.contradiction("the horizons do not ascend")
      }
      last = id
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readPins(_ reader: inout StoreFieldReader) throws(RecordFault) {
    var last: ExactText?
    for _ in 0..<(try reader.count(eachAtLeast: 29)) {
      let name = try reader.name()
      var pin = Pin(
        name: name, last: LSN(try reader.read()), moment: WallTime(nanoseconds: try reader.read()),
        since: WallTime(nanoseconds: try reader.read()))
      try reader.readRest(of: &pin)
      if let unknown = pin.views.first(where: { !registry.has($0) }) { throw .unknownView(unknown) }
      guard last.map({ $0 < ExactText(name) }) ?? true, pins.add(pin) else {
        throw reader.contradiction("the pins do not ascend")
      }
      last = ExactText(name)
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readReceipts(_ reader: inout StoreFieldReader) throws(RecordFault) {
    for _ in 0..<(try reader.count(eachAtLeast: 27)) {
      let lsn = LSN(try reader.read())
      let time = WallTime(nanoseconds: try reader.read())
      let said = try reader.receipt()
      let last = receipts.last
      guard lsn > last?.lsn ?? .none, said.through < lsn, said.through >= last?.through ?? .none else {
        throw reader.contradiction("the receipts of erasures do not ascend")
      }
      receipts.append(
        ErasureReceipt(
          lsn: lsn, time: time, through: said.through, events: said.events, letters: said.letters,
          files: said.files))
    }
  }
}
