import ApusBytes
import Testing

@Suite struct ZstdDictionaryTests {
  /// Small records that resemble each other, as rows of one view do.
  private static func records(_ count: Int, seed: UInt64, prefix: String = "merchant") -> [[UInt8]] {
    var random = SplitMix64(seed: seed)
    let cities = ["Amsterdam", "Berlin", "Copenhagen", "Dublin", "Edinburgh"]
    return (0..<count).map { _ in
      Array(
        """
        {"\(prefix)_id":\(random.below(1_000_000)),"city":"\(cities[random.below(cities.count)])",\
        "orders_7d":\(random.below(90)),"average_basket_euro":\(random.below(9000)),"is_verified":\(random.flip())}
        """.utf8)
    }
  }

  private static func dictionary(seed: UInt64, prefix: String = "merchant") throws(BytesError)
    -> ZstdDictionary
  {
    try ZstdDictionary.train(from: records(3000, seed: seed, prefix: prefix), byteCountMax: 4096)
  }

  @Test("a dictionary makes small similar records much smaller, and they come back")
  func helps() throws {
    let dictionary = try ZstdDictionary(Self.dictionary(seed: 1).bytes)
    var plain = try ZstdCompressor()
    var taught = try ZstdCompressor(dictionary: dictionary)
    var decompressor = try ZstdDecompressor(dictionary: dictionary)
    var (plainCount, taughtCount) = (0, 0)
    for record in Self.records(500, seed: 2) {
      let frame = try taught.compress(unsafe record.span.bytes)
      plainCount += try plain.compress(unsafe record.span.bytes).count
      taughtCount += frame.count
      let back = try decompressor.decompress(unsafe frame.span.bytes, atMost: 500)
      #expect(back == record)
    }
    #expect(taughtCount * 2 < plainCount, "\(taughtCount) bytes with, \(plainCount) without")
  }

  @Test("a frame is read with its own dictionary or not at all")
  func wrongDictionary() throws {
    let right = try Self.dictionary(seed: 1)
    let wrong = try Self.dictionary(seed: 2, prefix: "courier")
    #expect(right.id != wrong.id)
    let record = Self.records(1, seed: 3)[0]
    var compressor = try ZstdCompressor(dictionary: right)
    let frame = try compressor.compress(unsafe record.span.bytes)

    var without = try ZstdDecompressor()
    var withWrong = try ZstdDecompressor(dictionary: wrong)
    let errors = [
      failure { () throws(BytesError) in try without.decompress(unsafe frame.span.bytes, atMost: 500) },
      failure { () throws(BytesError) in try withWrong.decompress(unsafe frame.span.bytes, atMost: 500) },
    ]
    #expect(errors[0] == .decompress(.wrongDictionary(needed: right.id, present: nil)))
    #expect(errors[1] == .decompress(.wrongDictionary(needed: right.id, present: wrong.id)))
  }

  @Test("a frame made without a dictionary is read by any decompressor")
  func plainFrame() throws {
    let record = Self.records(1, seed: 3)[0]
    var compressor = try ZstdCompressor()
    let frame = try compressor.compress(unsafe record.span.bytes)
    var decompressor = try ZstdDecompressor(dictionary: Self.dictionary(seed: 1))
    let back = try decompressor.decompress(unsafe frame.span.bytes, atMost: 500)
    #expect(back == record)
  }

  @Test("what was never trained is no dictionary")
  func notADictionary() throws {
    let good = try Self.dictionary(seed: 1).bytes
    for bytes in [[], Array("any content".utf8), Array(good.prefix(7)), Array(good.prefix(20))] {
      #expect(failure { () throws(BytesError) in try ZstdDictionary(bytes) } == .dictionary(.notADictionary))
    }
  }

  @Test("garbled dictionaries and frames never trap, and never give other bytes", arguments: seeds)
  func flips(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let dictionary = try Self.dictionary(seed: 1)
    let record = Self.records(1, seed: seed)[0]
    var compressor = try ZstdCompressor(dictionary: dictionary)
    let frame = try compressor.compress(unsafe record.span.bytes)
    for _ in 0..<300 {
      var garbled = dictionary.bytes
      garbled[random.below(garbled.count)] ^= 1 << UInt8(random.below(8))
      guard let other = try? ZstdDictionary(garbled) else { continue }
      var decompressor = try ZstdDecompressor(dictionary: other)
      let back = try? decompressor.decompress(unsafe frame.span.bytes, atMost: 500)
      #expect(back == nil || back == record, "seed \(seed)")
    }
    var decompressor = try ZstdDecompressor(dictionary: dictionary)
    for _ in 0..<5000 {
      var garbled = frame
      garbled[random.below(frame.count)] ^= 1 << UInt8(random.below(8))
      let back = try? decompressor.decompress(unsafe garbled.span.bytes, atMost: 500)
      #expect(back == nil || back == record, "seed \(seed)")
    }
  }

  @Test("too little to learn from is refused")
  func tooFew() {
    for samples in [[], [[]], [[1, 2, 3]], Array(repeating: [UInt8](repeating: 7, count: 4), count: 3)] {
      #expect(throws: BytesError.self) { try ZstdDictionary.train(from: samples) }
    }
    #expect(throws: BytesError.self) {
      try ZstdDictionary.train(from: Self.records(3000, seed: 1), byteCountMax: 10)
    }
  }
}
