import ApusBytes

/// A payload whose bytes do not repeat, and whose first word says which frame of a log it is.
struct Payload: ~Copyable {
  private var block: ByteBlock

  init(byteCount: Int) {
    precondition(byteCount >= 8, "a payload holds its number")
    block = ByteBlock(byteCount: byteCount)
    var bytes = block.mutableBytes
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for at in bytes.byteOffsets {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes.storeBytes(of: UInt8(truncatingIfNeeded: state >> 56), toByteOffset: at, as: UInt8.self)
    }
  }

  var byteCount: Int { block.byteCount }
  var bytes: RawSpan { @_lifetime(borrow self) get { block.bytes } }

  mutating func number(_ number: Int, at offset: Int = 0) {
    var bytes = block.mutableBytes
    bytes.storeBytes(of: UInt64(number), toByteOffset: offset, as: UInt64.self)
  }

  /// The first word of a payload that was read.
  @inline(__always) static func number(of payload: RawSpan) -> UInt64 {
    // Eight bytes of any kind are an integer, and the span checks that they are there.
    unsafe payload.unsafeLoadUnaligned(as: UInt64.self)
  }
}
