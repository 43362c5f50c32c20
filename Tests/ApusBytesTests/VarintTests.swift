import ApusBytes
import Testing

@Suite struct VarintTests {
  private func unsigned(_ bytes: [UInt8]) -> Result<UInt64, BytesError> {
    read(bytes) { (reader) throws(BytesError) in try reader.readVarint() }
  }

  @Test(
    "a number has one form",
    arguments: [
      (0, "00"), (1, "01"), (127, "7f"), (128, "80 01"), (300, "ac 02"), (16_383, "ff 7f"),
      (16_384, "80 80 01"),
      (1 << 63, "80 80 80 80 80 80 80 80 80 01"), (.max, "ff ff ff ff ff ff ff ff ff 01"),
    ] as [(UInt64, String)])
  func forms(value: UInt64, form: String) {
    #expect(written { $0.writeVarint(value) } == hex(form))
    #expect(unsigned(hex(form)) == .success(value))
    #expect(Varint.byteCount(of: value) == hex(form).count)
  }

  @Test("small negative numbers are short")
  func zigzag() {
    let forms: [(Int64, String)] = [
      (0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (63, "7e"), (-64, "7f"), (64, "80 01"),
      (.max, "fe ff ff ff ff ff ff ff ff 01"), (.min, "ff ff ff ff ff ff ff ff ff 01"),
    ]
    for (value, form) in forms {
      #expect(written { $0.writeSignedVarint(value) } == hex(form), "\(value)")
      #expect(
        read(hex(form)) { (reader) throws(BytesError) in try reader.readSignedVarint() } == .success(value))
    }
  }

  @Test("a longer form of a shorter number is refused", arguments: ["80 00", "81 80 00", "ff 00"])
  func notMinimal(form: String) {
    #expect(unsigned(hex(form)).error == .varintNotMinimal(at: 0))
  }

  @Test(
    "more than 64 bits are refused",
    arguments: [
      "ff ff ff ff ff ff ff ff ff 02", "ff ff ff ff ff ff ff ff ff 7f", "80 80 80 80 80 80 80 80 80 80 01",
      "ff ff ff ff ff ff ff ff ff ff ff ff",
    ])
  func tooLong(form: String) {
    #expect(unsigned(hex(form)).error == .varintTooLong(at: 0))
  }

  @Test("a varint that breaks off is truncated")
  func truncated() {
    #expect(unsigned([]).error == .truncated(at: 0, needed: 1, available: 0))
    #expect(unsigned([0x80, 0x80]).error == .truncated(at: 0, needed: 3, available: 2))
  }

  @Test("what is written is read, and whatever is read would be written so", arguments: seeds)
  func roundTrip(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20_000 {
      let value = random.next() >> UInt64(random.below(64))
      let signed = Int64(bitPattern: value)
      let bytes = written {
        $0.writeVarint(value)
        $0.writeSignedVarint(signed)
      }
      let back = read(bytes) { (reader) throws(BytesError) in
        (try reader.readVarint(), try reader.readSignedVarint(), reader.isAtEnd)
      }.value
      #expect(back?.0 == value && back?.1 == signed && back?.2 == true, "seed \(seed), \(value)")

      let garbage = random.bytes(11).map { random.flip() ? $0 | 0x80 : $0 }
      let accepted = read(garbage) { (reader) throws(BytesError) in (try reader.readVarint(), reader.offset) }
        .value
      if let (value, length) = accepted {
        #expect(
          written { $0.writeVarint(value) } == Array(garbage.prefix(length)), "seed \(seed), \(garbage)")
      }
    }
  }
}
