import ApusBytes

/// How many keys a view version has, and the sum of their hashes: what tells the scrub that none is lost.
package struct IndexTally: Equatable, Sendable {
  package var count: UInt64 = 0
  package var digest: UInt64 = 0

  /// Never below zero, whatever a damaged record said: the scrub compares, nobody computes with it.
  mutating func add(_ hash: UInt64) {
    count &+= 1
    digest &+= hash
  }

  mutating func remove(_ hash: UInt64) {
    count &-= 1
    digest &-= hash
  }

  mutating func replace(_ old: UInt64, by new: UInt64) { digest = digest &- old &+ new }
}

/// The hash of IndexFormat.md: fast, and good enough against chance. Against malice the index has no defence but its folder's mode.
enum RowHash {
  private static let hashStart: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let hashOfKey: UInt64 = 0xA076_1D64_78BD_642F
  private static let hashOfValue: UInt64 = 0xE703_7ED1_A0B4_28DB
  private static let hashOfLengths: UInt64 = 0x8EBC_6AF0_9C88_C6E3

  static func of(_ key: RawSpan, _ value: RawSpan) -> UInt64 {
    var h = absorb(hashStart, key, hashOfKey)
    h = absorb(h, value, hashOfValue)
    let lengths =
      UInt64(truncatingIfNeeded: key.byteCount) << 32 | UInt64(truncatingIfNeeded: value.byteCount)
    return mix(h ^ lengths, hashOfLengths)
  }

  @inline(__always)
  private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  @inline(__always)
  private static func absorb(_ start: UInt64, _ bytes: RawSpan, _ factor: UInt64) -> UInt64 {
    var h = start
    var at = 0
    let count = bytes.byteCount
    // `at` plus what is loaded never passes the end.
    while at &+ 8 <= count {
      let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      h = mix(h ^ UInt64(littleEndian: word), factor)
      at &+= 8
    }
    guard at < count else { return h }
    var last: UInt64 = 0
    var shift: UInt64 = 0
    while at < count {
      last |= UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)) << shift
      shift &+= 8
      at &+= 1
    }
    return mix(h ^ last, factor)
  }
}
