import ApusBytes
import Testing

@Suite struct KeyEncodingTests {
  /// The examples of `KeyEncoding.md`, and the ends of every integer.
  static let golden: [(key: [KeyComponent], bytes: String)] = [
    ([.bool(true)], "01"),
    ([.bool(false)], "00"),
    ([.int32(0)], "80 00 00 00"),
    ([.int32(-1)], "7f ff ff ff"),
    ([.int32(.min)], "00 00 00 00"),
    ([.int32(.max)], "ff ff ff ff"),
    ([.int64(1)], "80 00 00 00 00 00 00 01"),
    ([.int64(.min)], "00 00 00 00 00 00 00 00"),
    ([.int64(.max)], "ff ff ff ff ff ff ff ff"),
    ([.timestamp(-1)], "7f ff ff ff ff ff ff ff"),
    ([.int64(1), .int64(11)], "80 00 00 00 00 00 00 01 80 00 00 00 00 00 00 0b"),
    ([.string([])], "00"),
    ([.string(Array("user:7".utf8))], "75 73 65 72 3a 37 00"),
    ([.string(Array("é".utf8))], "c3 a9 00"),
    ([.bytes([0, 1, 2, 255])], "01 01 01 02 02 ff 00"),
    ([.string(Array("a".utf8)), .bool(false)], "61 00 00"),
    ([.string(Array("1".utf8)), .string(Array("11".utf8))], "31 00 31 31 00"),
    ([.string(Array("11".utf8)), .string(Array("1".utf8))], "31 31 00 31 00"),
    ([], ""),
  ]

  @Test("the specification's examples hold", arguments: golden)
  func examples(key: [KeyComponent], bytes: String) throws {
    #expect(try encode(key) == hex(bytes))
    #expect(try decode(hex(bytes), as: key.map(\.kind)) == key)
  }

  @Test("a string from a peer is checked, and is then the same key as the text")
  func peerText() throws {
    let good = Array("grüße\0".utf8)
    let bad: [UInt8] = [0x61, 0xff]
    var encoder = KeyEncoder()
    let error = failure { () throws(BytesError) in try encoder.append(utf8: unsafe bad.span.bytes) }
    #expect(error == .invalidUTF8(at: 0))
    try encoder.append(utf8: unsafe good.span.bytes)
    let bytes = encoder.bytes.copied()
    #expect(try bytes == encode([.string(good)]))
  }

  @Test("a key of 400 bytes is good, one of 401 is refused and leaves no trace")
  func limit() throws {
    var encoder = KeyEncoder()
    try encoder.append(string: String(repeating: "a", count: 390))
    try encoder.append(int64: 7)
    let before = encoder.bytes.copied()
    #expect(before.count == 399)
    let refused = [
      failure { () throws(BytesError) in try encoder.append(int32: 1) },
      failure { () throws(BytesError) in try encoder.append(string: "b") },
      failure { () throws(BytesError) in try encoder.append(bytes: unsafe [0 as UInt8].span.bytes) },
    ]
    #expect(refused[0] == .keyTooLong(byteCount: 403, limit: 400))
    #expect(refused[1] == .keyTooLong(byteCount: 401, limit: 400))
    #expect(refused[2] == .keyTooLong(byteCount: 401, limit: 400))
    let after = encoder.bytes.copied()
    #expect(after == before)
    try encoder.append(true)
    let full = encoder.bytes.copied()
    #expect(try decode(full, as: [.string, .int64, .bool]).count == 3)
    #expect(
      failure { () throws(BytesError) in try decode(full + [0], as: [.string, .int64, .bool, .string]) }
        == .keyTooLong(byteCount: 401, limit: 400))
    encoder.removeAll()
    let emptied = encoder.byteCount
    #expect(emptied == 0)
  }

  @Test("escapes count against the limit")
  func escapedLimit() throws {
    #expect(try encode([.bytes([UInt8](repeating: 0, count: 199))]).count == 399)
    #expect(
      failure { () throws(BytesError) in try encode([.bytes([UInt8](repeating: 1, count: 200))]) }
        == .keyTooLong(byteCount: 401, limit: 400))
    #expect(
      failure { () throws(BytesError) in try encode([.bytes([UInt8](repeating: 1, count: 1_000_000))]) }
        == .keyTooLong(byteCount: 1_000_001, limit: 400))
  }

  @Test(
    "the decoder refuses what the encoder never writes",
    arguments: [
      ("02", [.bool], .badBool(at: 0, found: 2)),
      ("", [.bool], .truncated(at: 0, needed: 1, available: 0)),
      ("80 00 00", [.int32], .truncated(at: 0, needed: 4, available: 3)),
      ("01 80 00", [.bool, .int64], .truncated(at: 1, needed: 8, available: 2)),
      ("", [.string], .badKey(at: 0, .unterminated)),
      ("61 62", [.string], .badKey(at: 0, .unterminated)),
      ("01 61 01", [.bool, .bytes], .badKey(at: 1, .unterminated)),
      ("61 01 00", [.bytes], .badKey(at: 2, .badEscape(0))),
      ("61 01 03 00", [.bytes], .badKey(at: 2, .badEscape(3))),
      ("01 ff 00", [.string], .badKey(at: 1, .badEscape(255))),
      ("01 ff 00", [.bool, .string], .invalidUTF8(at: 1)),
      ("61 00 00", [.string], .badKey(at: 2, .trailingBytes(1))),
      ("00", [], .badKey(at: 0, .trailingBytes(1))),
    ] as [(String, [KeyComponent.Kind], BytesError)])
  func strict(bytes: String, kinds: [KeyComponent.Kind], error: BytesError) {
    #expect(failure { () throws(BytesError) in try decode(hex(bytes), as: kinds) } == error)
  }

  @Test(
    "a component that is refused is not half read", arguments: ["01 61 01 03 00", "01 61 ff 00", "01 61 62"])
  func inPlace(bytes: String) throws {
    let bytes = hex(bytes)
    var decoder = try KeyDecoder(unsafe bytes.span.bytes)
    _ = try decoder.readBool()
    var refused = false
    do throws(BytesError) { _ = try decoder.readString() } catch { refused = true }
    let offset = decoder.offset
    #expect(refused)
    #expect(offset == 1)
  }
}
