import ApusBytes
import Testing

@Suite struct ZstdTests {
  private func compress(_ bytes: [UInt8], level: ZstdLevel = .standard) throws(BytesError) -> [UInt8] {
    var compressor = try ZstdCompressor(level: level)
    return try compressor.compress(unsafe bytes.span.bytes)
  }

  private func decompress(_ frame: [UInt8], atMost limit: Int = 1 << 20) throws(BytesError) -> [UInt8] {
    var decompressor = try ZstdDecompressor()
    return try decompressor.decompress(unsafe frame.span.bytes, atMost: limit)
  }

  /// Bytes that compress somewhat: words of a small vocabulary.
  private func prose(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    let words = (0..<50).map { _ in random.bytes(1 + random.below(9)) }
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += words[random.below(words.count)] }
    return Array(bytes.prefix(count))
  }

  @Test(
    "what is compressed comes back, at every level",
    arguments: [ZstdLevel(-5), .fast, .standard, .small, ZstdLevel(19)])
  func roundTrip(level: ZstdLevel) throws {
    for count in [0, 1, 2, 100, 4096, 200_000] {
      let bytes = prose(count, seed: UInt64(count))
      let frame = try compress(bytes, level: level)
      #expect(try decompress(frame) == bytes, "\(count) bytes")
    }
    let frame = try compress(prose(200_000, seed: 1), level: level)
    #expect(frame.count < 180_000)
  }

  @Test("contexts are used again, and frames are appended to what is there", arguments: seeds)
  func reuse(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var compressor = try ZstdCompressor()
    var decompressor = try ZstdDecompressor()
    var frames = ByteWriter()
    var contents = ByteWriter()
    var expected: [UInt8] = []
    for _ in 0..<200 {
      let bytes = random.flip() ? prose(random.below(3000), seed: seed) : random.bytes(random.below(300))
      let start = frames.count
      try compressor.compress(unsafe bytes.span.bytes, into: &frames)
      try decompressor.decompress(
        frames.bytes.extracting(start..<frames.count), atMost: 3000, into: &contents)
      expected += bytes
    }
    let found = contents.bytes.copied()
    #expect(found == expected, "seed \(seed)")
  }

  @Test("the limit is exact")
  func limit() throws {
    let bytes = prose(1000, seed: 1)
    let frame = try compress(bytes)
    #expect(try decompress(frame, atMost: 1000) == bytes)
    #expect(
      failure { () throws(BytesError) in try decompress(frame, atMost: 999) }
        == .decompress(.tooLarge(claimed: 1000, limit: 999)))
    #expect(
      failure { () throws(BytesError) in try decompress(frame, atMost: 0) }
        == .decompress(.tooLarge(claimed: 1000, limit: 0)))
    #expect(try decompress(compress([]), atMost: 0) == [])
  }

  @Test("a bomb is refused by what it claims")
  func bomb() throws {
    let bomb = try compress([UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 10_000)
    #expect(
      failure { () throws(BytesError) in try decompress(bomb) }
        == .decompress(.tooLarge(claimed: 64 << 20, limit: 1 << 20)))
  }

  /// A frame header that claims `size` bytes in eight bytes, one segment, then `blocks` of 128 KiB of one byte each.
  private func runFrame(claiming size: UInt64?, blocks: Int) -> [UInt8] {
    written {
      $0.write(0xfd2f_b528 as UInt32)
      if let size {
        $0.write(0b1110_0000 as UInt8)
        $0.write(size)
      } else {
        $0.write(0 as UInt8)  // no size, no checksum
        $0.write(0x38 as UInt8)  // a window of 128 KiB
      }
      for block in 0..<blocks {
        let header = UInt32(128 << 10) << 3 | 1 << 1 | (block == blocks - 1 ? 1 : 0)
        $0.write(UInt8(header & 0xff))
        $0.write(UInt16(header >> 8))
        $0.write(0x61 as UInt8)
      }
    }
  }

  @Test(
    "no memory is asked for on the strength of a claim", arguments: [1 << 40, 1 << 63, .max - 2] as [UInt64])
  func hugeClaim(claimed: UInt64) {
    #expect(
      failure { () throws(BytesError) in try decompress(runFrame(claiming: claimed, blocks: 1)) }
        == .decompress(.tooLarge(claimed: claimed, limit: 1 << 20)))
  }

  @Test("a frame that holds more, or less, than it claims is refused")
  func lies() throws {
    let more = runFrame(claiming: 1000, blocks: 1)
    #expect(throws: BytesError.self) { try decompress(more) }
    let less = runFrame(claiming: 200_000, blocks: 1)
    #expect(throws: BytesError.self) { try decompress(less) }
    let right = runFrame(claiming: 128 << 10, blocks: 1)
    #expect(try decompress(right) == [UInt8](repeating: 0x61, count: 128 << 10))
  }

  @Test("a frame that does not say its size is read up to the limit")
  func unsized() throws {
    let frame = runFrame(claiming: nil, blocks: 5)
    let byteCount = 5 * 128 << 10
    #expect(try decompress(frame, atMost: byteCount) == [UInt8](repeating: 0x61, count: byteCount))
    #expect(
      failure { () throws(BytesError) in try decompress(frame, atMost: byteCount - 1) }
        == .decompress(.tooLarge(claimed: nil, limit: byteCount - 1)))
    let bomb = runFrame(claiming: nil, blocks: 100_000)
    #expect(
      failure { () throws(BytesError) in try decompress(bomb) }
        == .decompress(.tooLarge(claimed: nil, limit: 1 << 20)))
  }

  @Test("every truncation is refused")
  func truncation() throws {
    let frame = try compress(prose(5000, seed: 4))
    for count in 0..<frame.count {
      let error = failure { () throws(BytesError) in try decompress(Array(frame.prefix(count))) }
      #expect(error == .decompress(.incomplete), "\(count) of \(frame.count) bytes")
    }
  }

  @Test("bytes after the frame are refused, another frame too")
  func trailing() throws {
    let frame = try compress([1, 2, 3])
    #expect(
      failure { () throws(BytesError) in try decompress(frame + [0]) } == .decompress(.trailingBytes(1)))
    #expect(
      failure { () throws(BytesError) in try decompress(frame + frame) }
        == .decompress(.trailingBytes(frame.count)))
  }

  @Test("what is no frame is called so")
  func notAFrame() {
    let skippable = hex("50 2a 4d 18 01 00 00 00 00")
    for bytes in [skippable, Array("hello, world".utf8)] {
      #expect(failure { () throws(BytesError) in try decompress(bytes) } == .decompress(.notAFrame))
    }
  }

  @Test("a garbled frame gives an error or its own bytes, never others", arguments: seeds)
  func flips(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let bytes = prose(2000, seed: seed)
    let frame = try compress(bytes)
    var decompressor = try ZstdDecompressor()
    for _ in 0..<20_000 {
      var garbled = frame
      for _ in 0...random.below(3) { garbled[random.below(frame.count)] ^= 1 << UInt8(random.below(8)) }
      var writer = ByteWriter()
      writer.write(utf8: "before")
      do throws(BytesError) {
        try decompressor.decompress(unsafe garbled.span.bytes, atMost: 4096, into: &writer)
        let found = writer.bytes.copied()
        #expect(found == Array("before".utf8) + bytes, "seed \(seed)")
      } catch {
        let found = writer.count
        #expect(found == 6, "seed \(seed): nothing is appended on an error")
      }
    }
  }
}
