import ApusBytes
import ApusWire
import Testing

@Suite("A frame's header")
struct FrameHeaderTests {
  private static func decode(_ bytes: [UInt8]) throws(WireError) -> FrameHeader? {
    try FrameHeader.decode(unsafe bytes.span.bytes)
  }

  private static func encoded(_ header: FrameHeader) -> [UInt8] {
    var writer = ByteWriter()
    header.encode(into: &writer)
    return writer.bytes.copied()
  }

  @Test("is read as it was written, and not before it is whole", arguments: [0, 1, 0xFFFF_FFFF] as [UInt32])
  func roundTrip(length: UInt32) throws {
    let header = FrameHeader(
      length: length, type: 3, flags: .compressed, deadline: 0x1234, id: 0x0102_0304_0506_0708)
    let bytes = Self.encoded(header)
    #expect(bytes.count == FrameHeader.byteCount)
    #expect(try Self.decode(bytes) == header)
    #expect(header.frameByteCount % FrameHeader.alignment == 0)
    for count in 0..<bytes.count { #expect(try Self.decode(Array(bytes.prefix(count))) == nil) }
  }

  @Test("with a flag that nobody knows is refused", arguments: 1..<8)
  func flags(bit: Int) {
    var bytes = Self.encoded(FrameHeader(length: 0, type: 1, id: 1))
    bytes[5] = 1 << UInt8(bit)
    #expect(throws: WireError.malformed("a frame has the unknown flags \(bytes[5])", at: 5)) {
      try Self.decode(bytes)
    }
  }

  @Test("says how many zeroes follow its body")
  func padding() {
    #expect((0...9).map { FrameHeader.padding(behind: UInt32($0)) } == [0, 7, 6, 5, 4, 3, 2, 1, 0, 7])
  }
}
