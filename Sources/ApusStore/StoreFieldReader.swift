// A cursor over the fields of one record's body, or of the note: every field is there, in its one form, or a fault says
// where it is not. Nothing here allocates for a count that the bytes left could not hold.

internal import ApusBytes
internal import ApusContracts

struct StoreFieldReader: ~Escapable {
  /// What the note is called where a fault names a record's kind: no record has it.
  static let noteKind: UInt8 = 0

  let kind: UInt8
  private let base: Int
  private var reader: ByteReader

  /// `base` is where the bytes begin, in what a fault should count from.
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, kind: UInt8, base: Int = 0) {
    self.kind = kind
    self.base = base
    reader = ByteReader(bytes)
  }

  /// Where the next field begins. Both are offsets into one run of bytes in memory, so the sum is one too.
  var offset: Int { base &+ reader.offset }
  var isAtEnd: Bool { reader.isAtEnd }

  @_lifetime(self: copy self)
  mutating func read<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) throws(RecordFault) -> T
  {
    let at = offset
    do throws(BytesError) { return try reader.read() } catch { throw fault(error, at: at) }
  }

  @_lifetime(self: copy self)
  mutating func varint() throws(RecordFault) -> UInt64 {
    let at = offset
    do throws(BytesError) { return try reader.readVarint() } catch { throw fault(error, at: at) }
  }

  /// A varint that is how many of something there are in memory.
  @_lifetime(self: copy self)
  mutating func number() throws(RecordFault) -> Int {
    let at = offset
    guard let number = Int(exactly: try varint()) else {
      throw contradiction("the count at \(at) is too large")
    }
    return number
  }

  /// How many elements follow, each of which takes at least so many bytes.
  @_lifetime(self: copy self)
  mutating func count(eachAtLeast byteCount: Int) throws(RecordFault) -> Int {
    let number = try number()
    guard number <= reader.remaining / byteCount else { throw .cut(kind: kind, at: offset) }
    return number
  }

  @_lifetime(copy self) @_lifetime(self: copy self)
  mutating func span(_ byteCount: Int) throws(RecordFault) -> RawSpan {
    let at = offset
    do throws(BytesError) { return try reader.readBytes(byteCount) } catch { throw fault(error, at: at) }
  }

  /// Bytes after their number.
  @_lifetime(self: copy self)
  mutating func bytes() throws(RecordFault) -> [UInt8] {
    let byteCount = try count(eachAtLeast: 1)
    return try span(byteCount).copied()
  }

  /// Text after its number of bytes.
  @_lifetime(self: copy self)
  mutating func text() throws(RecordFault) -> String {
    let byteCount = try count(eachAtLeast: 1)
    let at = offset
    do throws(BytesError) { return try reader.readString(utf8Count: byteCount) } catch {
      throw fault(error, at: at)
    }
  }

  @_lifetime(self: copy self)
  mutating func zeroes(_ byteCount: Int) throws(RecordFault) {
    for _ in 0..<byteCount {
      let at = offset
      guard try read(UInt8.self) == 0 else { throw .notZero(kind: kind, at: at) }
    }
  }

  /// A byte of which only these bits may be set.
  @_lifetime(self: copy self)
  mutating func flags(_ known: UInt8) throws(RecordFault) -> UInt8 {
    let at = offset
    let flags = try read(UInt8.self)
    guard flags & ~known == 0 else { throw .notZero(kind: kind, at: at) }
    return flags
  }

  /// Nothing may follow.
  func finish() throws(RecordFault) {
    guard reader.isAtEnd else { throw .trailing(kind: kind, byteCount: reader.remaining) }
  }

  func contradiction(_ words: String) -> RecordFault { .contradicts(kind: kind, words) }

  private func fault(_ error: BytesError, at: Int) -> RecordFault {
    switch error {
    case .truncated, .negativeCount: .cut(kind: kind, at: at)
    case .invalidUTF8: .notText(kind: kind, at: at)
    default: contradiction("the number at \(at) is not in its one form")
    }
  }
}

extension StoreFieldReader {
  @_lifetime(self: copy self)
  mutating func digest() throws(RecordFault) -> RequestDigest {
    RequestDigest(first: try read(), second: try read())
  }

  @_lifetime(self: copy self)
  mutating func counts() throws(RecordFault) -> RowCounts {
    var counts = RowCounts()
    counts.accepted = try number()
    counts.setAside = try number()
    counts.erased = try number()
    counts.setBack = try number()
    return counts
  }

  /// Ranges as `ByteWriter` writes them; any others are refused.
  @_lifetime(self: copy self)
  mutating func ranges() throws(RecordFault) -> LSNRanges {
    var ranges: [LSNRange] = []
    var end: UInt64 = 0
    for _ in 0..<(try count(eachAtLeast: 2)) {
      let at = offset
      let distance = try varint()
      let count = try varint()
      let (first, isBeyond) = end.addingReportingOverflow(distance)
      let (next, isEndless) = first.addingReportingOverflow(count)
      // Only the first range may begin one after the end before it, which is 0.
      guard distance > (ranges.isEmpty ? 0 : 1), count > 0, !isBeyond, !isEndless else {
        throw contradiction("the range at \(at) does not follow the one before")
      }
      end = next &- 1
      ranges.append(LSNRange(LSN(first), through: LSN(end)))
    }
    return LSNRanges(ranges)
  }

  @_lifetime(self: copy self)
  mutating func sums() throws(RecordFault) -> [DeadLetterSum] {
    var sums: [DeadLetterSum] = []
    for _ in 0..<(try count(eachAtLeast: 7)) {
      let at = offset
      let sum = DeadLetterSum(
        view: ViewVersionID(try read()), rule: try text(), letters: try varint(), byteCount: try varint())
      guard sum.letters > 0, sums.last.map({ $0.key < sum.key }) ?? true else {
        throw contradiction("the sum at \(at) is of nothing, or out of order")
      }
      sums.append(sum)
    }
    return sums
  }
}
