// How a letter is read. Whatever the bytes: a letter or a typed error. What is accepted has the one form that the
// encoder gives it. Memory is bounded by the bytes that are there: no count is believed before its items are read.

import ApusBytes
import ApusContracts

extension DeadLetter {
  /// Reads the body of a record of kind *dead letter*, operation 1.
  package init(_ body: RawSpan) throws(RecordFault) {
    var reader = LetterReader(body)
    let operation: UInt8 = try reader.number()
    guard operation == DeadLetterFormat.letterOperation else {
      throw .unknownOperation(kind: RecordKind.deadLetter.rawValue, operation: operation)
    }
    let rawEvent: UInt8 = try reader.number()
    guard let event = EventOperation(rawValue: rawEvent) else {
      throw .contradicts(kind: RecordKind.deadLetter.rawValue, "a letter of the unknown event \(rawEvent)")
    }
    let at = reader.offset
    guard try reader.number(as: UInt16.self) == 0 else {
      throw .notZero(kind: RecordKind.deadLetter.rawValue, at: at)
    }
    self.event = event
    viewVersion = ViewVersionID(try reader.number())
    revision = try reader.number()
    rule = try reader.text()
    words = try reader.text()
    guard words.utf8.count <= DeadLetterFormat.wordsByteCountMax else {
      throw .contradicts(
        kind: RecordKind.deadLetter.rawValue, "\(words.utf8.count) bytes of words, more than there can be")
    }
    times = try reader.times()
    key = []
    for _ in 0..<(try reader.varint()) { key.append(try reader.value()) }
    features = []
    for _ in 0..<(try reader.varint()) { features.append(try reader.feature()) }
    guard reader.remaining == 0 else {
      throw .trailing(kind: RecordKind.deadLetter.rawValue, byteCount: reader.remaining)
    }
  }
}

/// The fields of a letter, each as a typed error or what it says.
private struct LetterReader: ~Escapable {
  private var reader: ByteReader

  @_lifetime(copy body)
  init(_ body: RawSpan) { reader = ByteReader(body) }

  var offset: Int { reader.offset }
  var remaining: Int { reader.remaining }

  @_lifetime(self: copy self)
  mutating func number<T: FixedWidthInteger & BitwiseCopyable>(as type: T.Type = T.self) throws(RecordFault)
    -> T
  {
    do throws(BytesError) { return try reader.read() } catch { throw Self.fault(error) }
  }

  @_lifetime(self: copy self)
  mutating func varint() throws(RecordFault) -> UInt64 {
    do throws(BytesError) { return try reader.readVarint() } catch { throw Self.fault(error) }
  }

  @_lifetime(self: copy self)
  mutating func text() throws(RecordFault) -> String {
    let byteCount = Int(clamping: try varint())
    do throws(BytesError) { return try reader.readString(utf8Count: byteCount) } catch {
      throw Self.fault(error)
    }
  }

  @_lifetime(self: copy self)
  mutating func times() throws(RecordFault) -> GivenTimes {
    let at = offset
    let flags: UInt8 = try number()
    let known =
      DeadLetterFormat.eventTimeFlag | DeadLetterFormat.createdAtFlag | DeadLetterFormat.knownAtFlag
    guard flags & ~known == 0 else { throw .notZero(kind: RecordKind.deadLetter.rawValue, at: at) }
    var times = GivenTimes()
    if flags & DeadLetterFormat.eventTimeFlag != 0 { times.eventTime = EventTime(nanoseconds: try number()) }
    if flags & DeadLetterFormat.createdAtFlag != 0 { times.createdAt = CreatedAt(nanoseconds: try number()) }
    if flags & DeadLetterFormat.knownAtFlag != 0 { times.knownAt = KnownAt(nanoseconds: try number()) }
    return times
  }

  @_lifetime(self: copy self)
  mutating func feature() throws(RecordFault) -> DeadLetter.Feature {
    let name = try text()
    let state: UInt8 = try number()
    switch state {
    case DeadLetterFormat.nullState: return DeadLetter.Feature(name, .null)
    case DeadLetterFormat.valueState: return DeadLetter.Feature(name, .value(try value()))
    default:
      throw .contradicts(kind: RecordKind.deadLetter.rawValue, "a feature in the unknown state \(state)")
    }
  }

  @_lifetime(self: copy self)
  mutating func value() throws(RecordFault) -> Value {
    let id: UInt32 = try number()
    let byteCount = Int(clamping: try varint())
    let bytes: RawSpan
    do throws(BytesError) { bytes = try reader.readBytes(byteCount) } catch { throw Self.fault(error) }
    guard let element = ElementType(rawValue: UInt8(truncatingIfNeeded: id)),
      let shape = FeatureType.Shape(rawValue: UInt8(truncatingIfNeeded: id >> 8))
    else {
      throw .contradicts(kind: RecordKind.deadLetter.rawValue, "a value of the unknown type \(id)")
    }
    do throws(RowError) {
      let value = try Value(unlimited: bytes, element, shape)
      // The type says how many elements a vector has, and so do its bytes.
      if DeadLetterFormat.typeID(of: value) == id { return value }
    } catch {
      throw .contradicts(kind: RecordKind.deadLetter.rawValue, "a value: \(error)")
    }
    throw .contradicts(kind: RecordKind.deadLetter.rawValue, "a value that is not of its type \(id)")
  }

  private static func fault(_ error: BytesError) -> RecordFault {
    switch error {
    case .truncated(let at, _, _), .negativeCount(let at, _):
      .cut(kind: RecordKind.deadLetter.rawValue, at: at)
    case .invalidUTF8(let at): .notText(kind: RecordKind.deadLetter.rawValue, at: at)
    default: .contradicts(kind: RecordKind.deadLetter.rawValue, "\(error)")
    }
  }
}
