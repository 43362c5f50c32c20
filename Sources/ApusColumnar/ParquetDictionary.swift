// The different values of a chunk, in the order in which they came, each once; and for each value of a page its number.
//
// A number once given stays. Values are told apart by their bytes, so that -0.0 and 0.0 are two, and one NaN is one.

import ApusBytes

struct ParquetDictionary: ~Copyable {
  /// The dictionary page's body: the values as PLAIN has them.
  var plain = ByteWriter()
  private(set) var count = 0
  /// The numbers of the page's values; what `number` filled last.
  private(set) var numbers: [UInt32] = []

  /// Of fixed sizes: the values by number.
  private var keys: [UInt64] = []
  /// Of strings and bytes: where the value's bytes begin in `plain`, and its hash, by number.
  private var starts: [Int] = []
  private var hashes: [UInt64] = []
  /// A number plus one, or zero; a power of two of them, at least twice as many as there are values.
  private var slots: [UInt32] = []

  /// More than so many values in one chain are someone's malice: hashes are no secret.
  static let probesMax = 256

  mutating func removeAll() {
    plain.removeAll()
    count = 0
    numbers.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
  }

  /// Cuts the page's body back to values that pages have used. Nothing can be numbered afterwards.
  mutating func forget(after byteCount: Int, keeping values: Int) {
    plain.truncate(to: byteCount)
    count = values
  }

  /// Numbers all values of the page; false when it gave up, after which the dictionary is of no more use.
  mutating func number(_ stage: borrowing ParquetStage, byteCount: Int?) -> Bool {
    numbers.removeAll(keepingCapacity: true)
    numbers.reserveCapacity(stage.valueCount)
    makeRoom(for: stage.valueCount)
    switch byteCount {
    case 4: return number(fixed: stage.values.bytes, stage.valueCount, as: UInt32.self)
    case 8: return number(fixed: stage.values.bytes, stage.valueCount, as: UInt64.self)
    default: return number(stage.values.bytes, stage.ends)
    }
  }

  private mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    fixed bytes: RawSpan, _ valueCount: Int, as: T.Type
  ) -> Bool {
    let mask = slots.count - 1
    for index in 0..<valueCount {
      // The stage holds as many values of that size.
      let raw = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: index &* MemoryLayout<T>.size, as: T.self)
      let key = UInt64(truncatingIfNeeded: raw)
      var slot = Int(truncatingIfNeeded: Self.mix(key)) & mask
      var probes = 0
      while true {
        let found = slots[slot]
        if found == 0 {
          slots[slot] = UInt32(truncatingIfNeeded: count + 1)
          numbers.append(UInt32(truncatingIfNeeded: count))
          keys.append(key)
          plain.write(raw)
          count += 1
          break
        }
        if keys[Int(found) - 1] == key {
          numbers.append(found - 1)
          break
        }
        slot = (slot + 1) & mask
        probes += 1
        if probes > Self.probesMax { return false }
      }
    }
    return true
  }

  private mutating func number(_ bytes: RawSpan, _ ends: [Int]) -> Bool {
    let mask = slots.count - 1
    var start = 0
    for end in ends {
      let value = bytes.extracting(start..<end)
      start = end
      let hash = Self.hash(value)
      var slot = Int(truncatingIfNeeded: hash) & mask
      var probes = 0
      while true {
        let found = slots[slot]
        if found == 0 {
          slots[slot] = UInt32(truncatingIfNeeded: count + 1)
          numbers.append(UInt32(truncatingIfNeeded: count))
          plain.write(UInt32(truncatingIfNeeded: value.byteCount))
          starts.append(plain.count)
          hashes.append(hash)
          plain.write(value)
          count += 1
          break
        }
        let number = Int(found) - 1
        if hashes[number] == hash, isEqual(number, value) {
          numbers.append(found - 1)
          break
        }
        slot = (slot + 1) & mask
        probes += 1
        if probes > Self.probesMax { return false }
      }
    }
    return true
  }

  private func isEqual(_ number: Int, _ value: RawSpan) -> Bool {
    let start = starts[number]
    let end = number + 1 < count ? starts[number + 1] - 4 : plain.count
    return plain.bytes.extracting(start..<end).isEqual(to: value)
  }

  /// Makes the table large enough for so many more values, were all of them new.
  private mutating func makeRoom(for additional: Int) {
    var size = max(slots.count, 64)
    while size < (count + additional) * 2 { size *= 2 }
    if size == slots.count { return }
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: repeatElement(0, count: size))
    for number in 0..<count {
      let hash = starts.isEmpty ? Self.mix(keys[number]) : hashes[number]
      var slot = Int(truncatingIfNeeded: hash) & (size - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = UInt32(truncatingIfNeeded: number + 1)
    }
  }

  /// Every bit of the key moves the low bits, which are the ones in use.
  @inline(__always)
  private static func mix(_ key: UInt64) -> UInt64 {
    let (high, low) = (key ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    return high ^ low
  }

  private static func hash(_ bytes: RawSpan) -> UInt64 {
    var hash = UInt64(bytes.byteCount)
    var at = 0
    while bytes.byteCount &- at >= 8 {
      // `at + 8` is at most the count.
      let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      hash = mix(hash ^ word)
      at &+= 8
    }
    var rest: UInt64 = 0
    while at < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      rest = rest << 8 | UInt64(byte)
      at &+= 1
    }
    return mix(hash ^ rest)
  }
}
