import ApusBytes
import Testing

@Suite struct ByteBlockTests {
  @Test("a block is zeroed, aligned to a page and as large as asked", arguments: [0, 1, 4096, 10_000])
  func fresh(byteCount: Int) {
    let block = ByteBlock(byteCount: byteCount)
    let bytes = block.bytes.copied()
    let address = unsafe block.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    #expect(bytes == [UInt8](repeating: 0, count: byteCount))
    #expect(address % 4096 == 0)
  }

  @Test("what is put into a block is read from it")
  func mutation() {
    var block = ByteBlock(byteCount: 8)
    do {
      var bytes = block.mutableBytes
      bytes.storeBytes(of: 0x0102_0304 as UInt32, toByteOffset: 4, as: UInt32.self)
    }
    let bytes = block.bytes.copied()
    #expect(bytes == hex("00 00 00 00 04 03 02 01"))
  }
}
