import ApusBytes
import Testing

@Suite struct ByteReaderTests {
  @Test("integers are little-endian and may lie anywhere")
  func integers() {
    let bytes = hex("ff 01 02 03 04 05 06 07 08")
    let values = read(bytes) { (reader) throws(BytesError) -> [UInt64] in
      [
        UInt64(try reader.read(UInt8.self)), UInt64(try reader.read(UInt16.self)),
        UInt64(try reader.read(UInt32.self)),
      ]
    }
    #expect(values == .success([0xff, 0x0201, 0x0605_0403]))
    #expect(read(bytes) { (reader) throws(BytesError) in try reader.read(Int8.self) } == .success(-1))
    #expect(
      read(bytes) { (reader) throws(BytesError) -> UInt64 in
        try reader.skip(1)
        return try reader.read(UInt64.self)
      } == .success(0x0807_0605_0403_0201))
  }

  @Test("a read past the end says where, what it needed and what there was, and stays in place")
  func truncated() {
    let result = read([1, 2, 3, 4]) { (reader) throws(BytesError) in
      try reader.skip(1)
      let error = failure(reading: UInt32.self, from: &reader)
      return (error, reader.offset, reader.remaining)
    }
    #expect(result.value?.0 == .truncated(at: 1, needed: 4, available: 3))
    #expect(result.value?.1 == 1)
    #expect(result.value?.2 == 3)
  }

  @Test("any length may be asked for", arguments: [-1, .min, .min + 1, 4, .max, .max - 1])
  func hostileCounts(count: Int) {
    let expected: BytesError =
      count < 0
      ? .negativeCount(at: 1, count: count) : .truncated(at: 1, needed: count, available: 2)
    let bytes: [UInt8] = [0x61, 0x62, 0x63]
    func afterOne<T>(_ body: (inout ByteReader) throws(BytesError) -> T) -> BytesError? {
      read(bytes) { (reader) throws(BytesError) in
        try reader.skip(1)
        return try body(&reader)
      }.error
    }
    #expect(afterOne { (reader) throws(BytesError) in try reader.skip(count) } == expected)
    #expect(afterOne { (reader) throws(BytesError) in try reader.readArray(count) } == expected)
    #expect(afterOne { (reader) throws(BytesError) in try reader.readString(utf8Count: count) } == expected)
    #expect(afterOne { (reader) throws(BytesError) in try reader.readBytes(count).byteCount } == expected)
  }

  @Test("a bool is 0 or 1, nothing else")
  func bools() {
    #expect(read([0]) { (reader) throws(BytesError) in try reader.readBool() } == .success(false))
    #expect(read([1]) { (reader) throws(BytesError) in try reader.readBool() } == .success(true))
    #expect(
      read([2]) { (reader) throws(BytesError) in try reader.readBool() }.error == .badBool(at: 0, found: 2))
    #expect(
      read([]) { (reader) throws(BytesError) in try reader.readBool() }.error
        == .truncated(at: 0, needed: 1, available: 0))
  }

  @Test("floats keep their bits, a NaN's too")
  func floats() {
    let bytes = written {
      $0.write(float32: Float(bitPattern: 0x7fc0_1234))
      $0.write(float64: -0.0)
    }
    let bits = read(bytes) { (reader) throws(BytesError) in
      (try reader.readFloat32().bitPattern, try reader.readFloat64().bitPattern)
    }
    #expect(bits.value?.0 == 0x7fc0_1234)
    #expect(bits.value?.1 == 1 << 63)
  }

  @Test("text is valid UTF-8 or an error, never repaired")
  func text() {
    func string(_ bytes: [UInt8]) -> Result<String, BytesError> {
      read(bytes) { (reader) throws(BytesError) in try reader.readString(utf8Count: reader.remaining) }
    }
    #expect(string([]) == .success(""))
    #expect(string(Array("grüße, 世界 🌍\0".utf8)) == .success("grüße, 世界 🌍\0"))
    for bad in ["ff", "c0 80", "c3", "ed a0 80", "f4 90 80 80", "61 80", "e2 82", "f8 88 80 80 80"] {
      #expect(string(hex(bad)).error == .invalidUTF8(at: 0), "\(bad)")
    }
  }

  @Test("bytes that were read are borrowed from the same span")
  func borrowed() {
    let result = read(Array(0..<10)) { (reader) throws(BytesError) in
      let head = try reader.readBytes(4)
      let none = try reader.readBytes(0)
      var inner = ByteReader(head)
      try inner.skip(2)
      return (inner.rest.copied(), none.byteCount, reader.rest.copied(), reader.isAtEnd)
    }
    #expect(result.value?.0 == [2, 3])
    #expect(result.value?.1 == 0)
    #expect(result.value?.2 == [4, 5, 6, 7, 8, 9])
    #expect(result.value?.3 == false)
  }

  @Test("random reads of random bytes never trap, and move only when they succeed", arguments: seeds)
  func garbage(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20_000 {
      let bytes = random.bytes(random.below(24))
      var reader = ByteReader(unsafe bytes.span.bytes)
      for choice in random.bytes(8) {
        let count = random.flip() ? random.below(12) - 2 : Int(truncatingIfNeeded: random.next())
        let before = reader.offset
        let succeeded = succeeds(choice, count, &reader)
        let after = reader.offset
        #expect(
          succeeded ? (before...bytes.count).contains(after) : after == before, "seed \(seed), \(bytes)")
      }
    }
  }

  /// Reads something that `choice` says, and says whether that was there.
  private func succeeds(_ choice: UInt8, _ count: Int, _ reader: inout ByteReader) -> Bool {
    do throws(BytesError) {
      switch choice % 10 {
      case 0: _ = try reader.read(UInt64.self)
      case 1: _ = try reader.read(Int16.self)
      case 2: _ = try reader.readBool()
      case 3: _ = try reader.readFloat64()
      case 4: _ = try reader.readBytes(count).byteCount
      case 5: _ = try reader.readArray(count)
      case 6: _ = try reader.readString(utf8Count: count)
      case 7: try reader.skip(count)
      case 8: _ = try reader.readVarint()
      default: _ = try reader.readSignedVarint()
      }
      return true
    } catch {
      return false
    }
  }

  private func failure<T: FixedWidthInteger & BitwiseCopyable>(
    reading type: T.Type, from reader: inout ByteReader
  ) -> BytesError? {
    do throws(BytesError) {
      _ = try reader.read(type)
      return nil
    } catch {
      return error
    }
  }
}
