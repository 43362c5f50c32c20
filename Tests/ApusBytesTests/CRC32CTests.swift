import ApusBytes
import Testing

@Suite struct CRC32CTests {
  /// What this processor can do.
  static let methods = CRC32C.Method.allCases.filter { $0 <= CRC32C.bestMethod }

  /// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  static let published: [(name: String, bytes: [UInt8], crc: UInt32)] = [
    ("nothing", [], 0),
    ("32 zeroes", [UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ("32 ones", [UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
    ("ascending", Array(0..<32), 0x46dd_794e),
    ("descending", (0..<32).reversed(), 0x113f_db5c),
    (
      "an iSCSI read command",
      hex(
        """
        01 c0 00 00 00 00 00 00 00 00 00 00 00 00 00 00 14 00 00 00 00 00 04 00 \
        00 00 00 14 00 00 00 18 28 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00
        """), 0xd996_3a56
    ),
    ("the check value", Array("123456789".utf8), 0xe306_9283),
  ]

  @Test("the published vectors come out, by every method", arguments: methods)
  func published(method: CRC32C.Method) {
    for (name, bytes, crc) in Self.published {
      #expect(CRC32C.extend(0, unsafe bytes.span.bytes, by: method) == crc, "\(name)")
      #expect(CRC32C.checksum(unsafe bytes.span.bytes) == crc, "\(name)")
      #expect(CRC32C.extendSoftware(0, unsafe bytes.span.bytes) == crc, "\(name)")
    }
  }

  @Test("one bit at a time comes to the same")
  func definition() {
    var random = SplitMix64(seed: 1)
    for count in 0..<70 {
      let bytes = random.bytes(count)
      var state = ~(0 as UInt32)
      for byte in bytes {
        state ^= UInt32(byte)
        for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0x82f6_3b78 : 0) }
      }
      #expect(CRC32C.extendSoftware(0, unsafe bytes.span.bytes) == ~state, "\(count) bytes")
    }
  }

  @Test("every method agrees with the tables at every length and alignment", arguments: methods)
  func lengthsAndAlignments(method: CRC32C.Method) {
    var random = SplitMix64(seed: 2)
    var block = ByteBlock(byteCount: 4096)
    fill(&block, &random)
    var disagreements: [String] = []
    for alignment in 0..<16 {
      for count in 0...1200 {
        let bytes = block.bytes.extracting(alignment..<(alignment + count))
        let start = UInt32(truncatingIfNeeded: random.next())
        let found = CRC32C.extend(start, bytes, by: method)
        if found != CRC32C.extendSoftware(start, bytes) {
          disagreements.append("\(count) bytes at alignment \(alignment)")
        }
      }
    }
    #expect(disagreements.isEmpty)
  }

  @Test("bytes are checked alike at every length and alignment, also while they are copied")
  func copying() {
    var random = SplitMix64(seed: 3)
    var block = ByteBlock(byteCount: 4096)
    fill(&block, &random)
    var disagreements: [String] = []
    for alignment in 0..<16 {
      for count in 0...1200 {
        let bytes = block.bytes.extracting(alignment..<(alignment + count))
        let start = UInt32(truncatingIfNeeded: random.next())
        let expected = CRC32C.extendSoftware(start, bytes)
        var writer = ByteWriter()
        writer.write(UInt8(7))
        let found = writer.write(bytes, extending: start)
        writer.write(UInt8(9))
        let copied = [7] + bytes.copied() + [9]
        if CRC32C.extend(start, bytes) != expected || found != expected || writer.bytes.copied() != copied {
          disagreements.append("\(count) bytes at alignment \(alignment)")
        }
      }
    }
    #expect(disagreements.isEmpty)
  }

  @Test("every method agrees with the tables at large lengths", arguments: seeds)
  func largeLengths(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var block = ByteBlock(byteCount: 300_000)
    fill(&block, &random)
    for _ in 0..<100 {
      let start = random.below(100)
      let count = random.flip() ? random.below(block.byteCount - start) : random.below(20_000)
      let bytes = block.bytes.extracting(start..<(start + count))
      let expected = CRC32C.extendSoftware(0, bytes)
      for method in Self.methods {
        let found = CRC32C.extend(0, bytes, by: method)
        #expect(found == expected, "seed \(seed), \(method), \(count) bytes at \(start)")
      }
    }
  }

  @Test("a checksum may be extended piece by piece", arguments: seeds)
  func chaining(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<500 {
      let bytes = random.bytes(random.below(5000))
      let cut = random.below(bytes.count + 1)
      let a = unsafe bytes.span.bytes.extracting(0..<cut)
      let b = unsafe bytes.span.bytes.extracting(cut..<bytes.count)
      let whole = CRC32C.checksum(unsafe bytes.span.bytes)
      #expect(CRC32C.extend(CRC32C.extend(0, a), b) == whole, "seed \(seed), \(cut) of \(bytes.count)")
      #expect(CRC32C.extend(0, a, b) == whole, "seed \(seed), \(cut) of \(bytes.count)")
      #expect(
        CRC32C.extend(CRC32C.extendSoftware(0, a), b) == whole, "seed \(seed), \(cut) of \(bytes.count)")
    }
  }

  @Test("a flipped bit is noticed")
  func flips() {
    var random = SplitMix64(seed: 3)
    var bytes = random.bytes(600)
    let whole = CRC32C.checksum(unsafe bytes.span.bytes)
    for bit in 0..<(bytes.count * 8) {
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(CRC32C.checksum(unsafe bytes.span.bytes) != whole, "bit \(bit)")
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
  }

  @Test("hardware is used exactly when there is a better method than the tables")
  func dispatch() {
    #expect(CRC32C.usesHardware == (CRC32C.bestMethod != .software))
  }

  private func fill(_ block: inout ByteBlock, _ random: inout SplitMix64) {
    var bytes = block.mutableBytes
    for at in bytes.byteOffsets {
      bytes.storeBytes(of: UInt8.random(in: .min ... .max, using: &random), toByteOffset: at, as: UInt8.self)
    }
  }
}
