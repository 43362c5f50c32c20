/// Reads Parquet's hybrid of runs and packed bits: levels, dictionary indexes and bools.
///
/// A run's header says how often one value repeats, or how many groups of eight values follow, packed from the
/// lowest bit up. Nothing is allocated for what a header claims; a packed run may be cut after the last value that
/// anyone asks for, as some writers do.
struct HybridDecoder: ~Escapable {
  private let bytes: RawSpan
  private let width: Int
  private var at = 0
  /// Values of the current run not read yet.
  private var left = 0
  private var isPacked = false
  private var repeated: UInt32 = 0
  /// Where the next packed value starts.
  private var bit = 0

  static let widthMax = 32

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, width: Int) throws(PageFault) {
    guard width >= 0, width <= Self.widthMax else { throw .corrupt("values of \(width) bits") }
    self.bytes = bytes
    self.width = width
  }

  /// Fills `target` with the next values.
  @_lifetime(self: copy self)
  mutating func fill(_ target: UnsafeMutableBufferPointer<UInt32>) throws(PageFault) {
    var done = 0
    while done < target.count {
      if left == 0 { try nextRun() }
      let taken = min(left, target.count &- done)
      let part = unsafe UnsafeMutableBufferPointer(rebasing: target[done..<(done &+ taken)])
      if isPacked {
        unsafe unpack(part)
      } else {
        unsafe part.update(repeating: repeated)
      }
      left &-= taken
      done &+= taken
    }
  }

  /// Appends the next `count` values, each one bit, and says how many were set.
  @_lifetime(self: copy self)
  mutating func appendBits(_ count: Int, to bits: inout GrowingBits) throws(PageFault) -> Int {
    let first = bits.count
    var ones = 0
    var done = 0
    while done < count {
      if left == 0 { try nextRun() }
      let taken = min(left, count &- done)
      if isPacked {
        let before = bits.count
        bits.append(bytes, from: bit, count: taken)
        bit &+= taken
        ones &+= bits.ones(from: before)
      } else {
        guard repeated <= 1 else { throw .corrupt("a level of \(repeated) where at most 1 is possible") }
        bits.append(repeating: repeated == 1, count: taken)
        if repeated == 1 { ones &+= taken }
      }
      left &-= taken
      done &+= taken
    }
    assert(bits.count == first + count)
    return ones
  }

  /// Reads over a run of ones, as far as it goes but at most `count`; 0 when what comes next is anything else.
  @_lifetime(self: copy self)
  mutating func takeOnes(atMost count: Int) throws(PageFault) -> Int {
    if left == 0 { try nextRun() }
    if isPacked || repeated != 1 { return 0 }
    let taken = min(left, count)
    left &-= taken
    return taken
  }

  @_lifetime(self: copy self)
  private mutating func nextRun() throws(PageFault) {
    // A run may be empty; each takes a byte at least, so this ends.
    while left == 0 {
      let header = try readHeader()
      if header & 1 == 0 {
        let byteCount = (width &+ 7) >> 3
        guard byteCount <= bytes.byteCount &- at else { throw .truncated("a run's value") }
        repeated = 0
        for index in 0..<byteCount {
          repeated |=
            UInt32(truncatingIfNeeded: bytes.unsafeByte(at &+ index))
            << UInt32(truncatingIfNeeded: 8 &* index)
        }
        at &+= byteCount
        left = header >> 1
        isPacked = false
      } else {
        // At most 2^34 groups of at most 32 bytes.
        let groups = header >> 1
        let available = bytes.byteCount &- at
        bit = at &* 8
        if groups &* width <= available {
          left = groups &* 8
          at &+= groups &* width
        } else {
          left = available &* 8 / width
          at = bytes.byteCount
          guard left > 0 else { throw .truncated("packed values") }
        }
        isPacked = true
      }
    }
  }

  /// An LEB128 of at most five bytes.
  @_lifetime(self: copy self)
  private mutating func readHeader() throws(PageFault) -> Int {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard at < bytes.byteCount else { throw .truncated("runs end before the values do") }
      let byte = bytes.unsafeByte(at)
      at &+= 1
      value |= Int(truncatingIfNeeded: byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw .corrupt("a run's header is longer than five bytes")
  }

  /// Unpacks values that `nextRun` has found to be inside of the bytes.
  @_lifetime(self: copy self)
  private mutating func unpack(_ target: UnsafeMutableBufferPointer<UInt32>) {
    var done = 0
    let count = target.count
    let mask = width == 32 ? UInt64(UInt32.max) : (1 << UInt64(width)) &- 1
    let shift = UInt64(width)
    // Eight bytes from a value's first on hold all of it, and of eight values of up to eight bits if they begin a byte.
    let lastLoad = bytes.byteCount &- 8
    if width <= 8 {
      while done &+ 8 <= count, bit & 7 == 0, bit >> 3 <= lastLoad {
        var word = bytes.unsafeInteger(bit >> 3, as: UInt64.self)
        for index in 0..<8 {
          unsafe target[done &+ index] = UInt32(truncatingIfNeeded: word & mask)
          word >>= shift
        }
        done &+= 8
        bit &+= 8 &* width
      }
    }
    while done < count, bit >> 3 <= lastLoad {
      let word = bytes.unsafeInteger(bit >> 3, as: UInt64.self) >> UInt64(bit & 7)
      unsafe target[done] = UInt32(truncatingIfNeeded: word & mask)
      done &+= 1
      bit &+= width
    }
    while done < count {
      let word = bytes.paddedWord(at: bit >> 3) >> UInt64(bit & 7)
      unsafe target[done] = UInt32(truncatingIfNeeded: word & mask)
      done &+= 1
      bit &+= width
    }
  }
}

extension RawSpan {
  /// Up to eight bytes from `at` on as one number; those after the span's end are zero.
  func paddedWord(at start: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<max(0, min(8, byteCount &- start)) {
      word |= UInt64(unsafeByte(start &+ index)) << UInt64(8 &* index)
    }
    return word
  }
}
