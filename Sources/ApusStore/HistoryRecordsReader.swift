// The bodies of kinds 6 to 8 become values, or faults. Whether a value fits the state is asked when it is applied.

internal import ApusBytes
internal import ApusContracts
internal import ApusHistory
internal import ApusSystem

struct HorizonRecord {
  let view: ViewVersionID
  let horizon: Horizon

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.horizon.rawValue)
    let operation = try reader.read(UInt8.self)
    guard operation == HistoryOperation.raise else {
      throw .unknownOperation(kind: reader.kind, operation: operation)
    }
    try reader.zeroes(3)
    view = ViewVersionID(try reader.read())
    horizon = try reader.horizon()
    try reader.finish()
  }
}

enum PinRecord {
  /// Set at the time of its frame, which is not known here.
  case pin(Pin)
  case unpin(String)

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.pin.rawValue)
    let operation = try reader.read(UInt8.self)
    guard operation == HistoryOperation.pin || operation == HistoryOperation.unpin else {
      throw .unknownOperation(kind: reader.kind, operation: operation)
    }
    try reader.zeroes(3)
    let name = try reader.name()
    if operation == HistoryOperation.pin {
      var pin = Pin(
        name: name, last: LSN(try reader.read()), moment: WallTime(nanoseconds: try reader.read()),
        since: WallTime(nanoseconds: 0))
      try reader.readRest(of: &pin)
      self = .pin(pin)
    } else {
      self = .unpin(name)
    }
    try reader.finish()
  }
}

struct ReceiptRecord {
  let through: LSN
  let events: UInt64
  let letters: UInt64
  let files: [String]

  init(_ body: RawSpan) throws(RecordFault) {
    var reader = StoreFieldReader(body, kind: RecordKind.receipt.rawValue)
    let operation = try reader.read(UInt8.self)
    guard operation == HistoryOperation.carriedOut else {
      throw .unknownOperation(kind: reader.kind, operation: operation)
    }
    try reader.zeroes(3)
    (through, events, letters, files) = try reader.receipt()
    try reader.finish()
  }
}

// Fields that records and the note share.

extension StoreFieldReader {
  @_lifetime(self: copy self)
  mutating func horizon() throws(RecordFault) -> Horizon {
    let flags = try flags(HistoryOperation.oldestEventFlag)
    var horizon = Horizon(
      moment: KnownAt(nanoseconds: try read()), through: LSN(try read()), oldest: nil)
    if flags != 0 { horizon.oldest = EventTime(nanoseconds: try read()) }
    return horizon
  }

  /// The name of a pin, which has the limits of a producer's.
  @_lifetime(self: copy self)
  mutating func name() throws(RecordFault) -> String {
    let at = offset
    let name = try text()
    guard Producers.isName(name) else { throw contradiction("the name at \(at) is none") }
    return name
  }

  /// What stands behind a pin's times.
  @_lifetime(self: copy self)
  mutating func readRest(of pin: inout Pin) throws(RecordFault) {
    if try flags(HistoryOperation.expiresFlag) != 0 { pin.expires = WallTime(nanoseconds: try read()) }
    pin.note = try text()
    for _ in 0..<(try count(eachAtLeast: 4)) {
      let view = ViewVersionID(try read())
      guard view > pin.views.last ?? ViewVersionID(0) else {
        throw contradiction("the view versions of a pin do not ascend")
      }
      pin.views.append(view)
    }
  }

  @_lifetime(self: copy self)
  mutating func receipt() throws(RecordFault) -> (
    through: LSN, events: UInt64, letters: UInt64, files: [String]
  ) {
    let through = LSN(try read())
    let events = try varint()
    let letters = try varint()
    var files: [String] = []
    for _ in 0..<(try count(eachAtLeast: 1)) { files.append(try text()) }
    return (through, events, letters, files)
  }
}
