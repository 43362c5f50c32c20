import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite struct ThriftTests {
  @Test("the compact protocol's bytes are those of its specification")
  func golden() {
    var writer = ThriftWriter()
    writer.begin()
    writer.field(1, int32: -1)
    writer.field(2, bool: true)
    writer.field(4, string: "ab")
    writer.field(5, listOf: .int64, count: 2)
    writer.element(int64: 150)
    writer.element(int64: -150)
    writer.begin(field: 6)
    writer.field(1, bool: false)
    writer.field(2, int8: -2)
    writer.end()
    writer.end()
    #expect(
      hex(writer.bytes.bytes.copied()) == "15" + "01" + "11" + "28" + "02" + "6162" + "19" + "26" + "ac02"
        + "ab02" + "1c" + "12" + "13" + "fe" + "00" + "00")
  }

  @Test("a list of fifteen elements or more has its count after its header")
  func longList() {
    var writer = ThriftWriter()
    writer.begin()
    writer.field(1, listOf: .int32, count: 15)
    for value in 0..<15 { writer.element(int32: Int32(value)) }
    writer.end()
    #expect(hex(writer.bytes.bytes.copied()).hasPrefix("19f50f00020406"))
  }

  @Test("fields that nobody knows are skipped, whatever their type")
  func unknown() throws {
    // Numbers of every size, a double, text, a list of structs, a map of numbers to lists, a set, a uuid; then field 30.
    let bytes: [UInt8] =
      [0x13, 0xff, 0x14, 0x02, 0x15, 0x02, 0x16, 0x02, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 2, 65, 66]
      + [0x19, 0x2c, 0x11, 0, 0x00] + [0x1b, 0x01, 0x59, 0x02, 0x15, 0x02] + [0x1a, 0x12, 1]
      + [0x1d] + [UInt8](repeating: 7, count: 16) + [0x05, 60, 0x54, 0]
    var reader = ThriftReader(unsafe bytes.span.bytes)
    var fields = ThriftFields()
    var found: Int32?
    while let field = try reader.nextField(&fields) {
      if field.id == 30 { found = try reader.int32(field) } else { try reader.skip(field) }
    }
    #expect(found == 42)
    #expect(reader.offset == bytes.count)
  }

  @Test("what is nested too deeply, too long, or of a wrong type is refused")
  func refused() {
    #expect(fault([UInt8](repeating: 0x1c, count: 100)) == .tooDeep)
    #expect(fault([UInt8](repeating: 0x19, count: 100)) == .tooDeep)
    #expect(fault([0x18, 0xff, 0xff, 0xff, 0xff, 0x0f]) == .badLength(0xffff_ffff))
    #expect(fault([0x18] + [UInt8](repeating: 0xff, count: 9) + [1]) == .badLength(UInt64.max))
    #expect(fault([0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x08]) == .badLength(1 << 31))
    #expect(fault([0x16] + [UInt8](repeating: 0xff, count: 10)) == .numberTooLong)
    #expect(fault([0x1e, 0]) == .unknownType(14))
    #expect(fault([0x06, 0x80, 0x80, 0x08, 0]) == .badFieldNumber)
    #expect(fault([0x15]) == .truncated)
    // Known fields: the version is a number of 32 bits, the schema a list of structs.
    #expect(footerFault([0x18, 0, 0]) == .wrongType(field: 1, expected: .int32, found: .binary))
    #expect(
      footerFault([0x15, 0xff, 0xff, 0xff, 0xff, 0x1f, 0])
        == .outOfRange(-(1 << 32), bits: 32))
    #expect(footerFault([0x29, 0x15, 2, 0]) == .wrongType(field: 2, expected: .structure, found: .int32))
    #expect(footerFault([0x15, 2, 0]) == .missing(field: 2, of: "FileMetaData"))
  }

  @Test("metadata reads back as it was written")
  func metadata() throws {
    let footer = Samples.footer
    let bytes = Samples.bytes(of: footer)
    var reader = ThriftReader(unsafe bytes.span.bytes)
    #expect(try ParquetFooter(from: &reader) == footer)
    #expect(reader.remaining == 0)

    for header in Samples.pageHeaders {
      var writer = ThriftWriter()
      header.write(into: &writer)
      let bytes = writer.bytes.bytes.copied()
      var reader = ThriftReader(unsafe bytes.span.bytes)
      #expect(try ParquetPageHeader(from: &reader) == header)
      #expect(reader.remaining == 0)
    }

    var writer = ThriftWriter()
    Samples.columnIndex.write(into: &writer)
    Samples.offsetIndex.write(into: &writer)
    let index = writer.bytes.bytes.copied()
    var indexReader = ThriftReader(unsafe index.span.bytes)
    #expect(try ParquetColumnIndex(from: &indexReader) == Samples.columnIndex)
    #expect(try ParquetOffsetIndex(from: &indexReader) == Samples.offsetIndex)
    #expect(indexReader.remaining == 0)
  }

  @Test("metadata cut at any byte, or with any bit flipped, is read or refused, and nothing else")
  func damaged() {
    let bytes = Samples.bytes(of: Samples.footer)
    for end in 0..<bytes.count { #expect(footerFault(Array(bytes[..<end])) != nil) }
    var refusals = 0
    for bit in 0..<(bytes.count * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      if footerFault(flipped) != nil { refusals += 1 }
    }
    // Types and lengths are half of the bytes: far from all changes can pass.
    #expect(refusals > bytes.count)

    var random = SplitMix64(seed: 20_261)
    for _ in 0..<20_000 {
      var noise = bytes
      for _ in 0..<(1 + random.next() % 8) {
        noise[Int(random.next() % UInt64(noise.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      _ = footerFault(noise)
    }
  }

  private func fault(_ bytes: [UInt8]) -> ThriftFault? {
    var reader = ThriftReader(unsafe bytes.span.bytes)
    var fields = ThriftFields()
    do throws(ThriftError) {
      while let field = try reader.nextField(&fields) { try reader.skip(field) }
      return nil
    } catch { return error.fault }
  }

  private func footerFault(_ bytes: [UInt8]) -> ThriftFault? {
    var reader = ThriftReader(unsafe bytes.span.bytes)
    do throws(ThriftError) {
      _ = try ParquetFooter(from: &reader)
      return nil
    } catch { return error.fault }
  }
}

func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
