import ApusContracts
import ApusIngest
import ApusTestSupport
import Testing

@Suite("Typing by the contract")
struct TypesTests {
  private func csv(_ column: String, _ text: String) throws -> FeatureInput? {
    let quoted =
      "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    return try Loading.csv("card,event_timestamp,\(column)\nc1,2026-11-19T14:03:22Z,\(quoted)\n").input(
      column)
  }

  private func json(_ column: String, _ text: String) throws -> FeatureInput? {
    try Loading.jsonl(#"{"card":"c1","event_timestamp":"2026-11-19T14:03:22Z","\#(column)":\#(text)}"#)
      .input(column)
  }

  @Test("whole numbers are exact up to the ends of their type, and none beyond")
  func integers() throws {
    for number in [0, 1, -1, 9_007_199_254_740_993, Int64.max, Int64.min] {
      #expect(try csv("count", "\(number)") == .value(.int64(number)))
      #expect(try json("count", "\(number)") == .value(.int64(number)))
    }
    for text in ["9223372036854775808", "-9223372036854775809", "99999999999999999999999"] {
      #expect(try csv("count", text) == .value(.string(text)))
      guard case .value(let value)? = try json("count", text) else { continue }
      #expect(value.type != .int64)
    }
    #expect(try csv("small", "2147483647") == .value(.int32(.max)))
    #expect(try csv("small", "2147483648") == .value(.string("2147483648")))
    #expect(try json("small", "2147483648") == .value(.int64(2_147_483_648)))
    for text in ["1.0", "1e3", "+1", " 1", "1 ", "0x10", "--1", "-", "1_000", "١"] {
      #expect(try csv("count", text) == .value(.string(text)))
    }
    #expect(try json("count", "1.0") == .value(.float64(1)))
    #expect(try json("count", "\"1\"") == .value(.string("1")))
  }

  @Test("floats are the nearest ones, and none beyond the largest")
  func floats() throws {
    for text in [
      "0", "-0", "0.1", "1e22", "1e23", "123456789.123456789", "5e-324", "2.2250738585072011e-308",
      "1.7976931348623157e308", "9007199254740993", "0.30000000000000004", "1e-400", "100000000000000000000",
      "12345678901234567890123e-20",
    ] {
      let expected = try #require(Double(text))
      #expect(try csv("mean", text) == .value(.float64(expected)), "\(text)")
      #expect(try json("mean", text) == .value(.float64(expected)), "\(text)")
      #expect(
        try csv("ratio", text) == .value(.float32(Float(expected))) || !Float(expected).isFinite, "\(text)")
    }
    for text in ["1e400", "-1e400", "1e999999999999"] {
      #expect(try csv("mean", text) == .value(.string(text)))
      #expect(try json("mean", text) == .value(.string(text)))
    }
    #expect(try csv("ratio", "1e39") == .value(.string("1e39")))
    for text in [".5", "1.", "1e", "0x1p3", "1,5", "e5", "1e+", "--1"] {
      #expect(try csv("mean", text) == .value(.string(text)))
    }
  }

  @Test("random decimals are read as the standard library reads them")
  func decimals() throws {
    var random = SplitMix64(seed: 4)
    for _ in 0..<2_000 {
      let text =
        "\(random.coin() ? "-" : "")\(random.next() >> UInt64(random.below(60))).\(random.next() >> UInt64(random.below(60)))e\(random.below(640) - 320)"
      guard let expected = Double(text), expected.isFinite else { continue }
      #expect(try csv("mean", text) == .value(.float64(expected)), "\(text)")
    }
  }

  @Test("truth is true or false, in any letters")
  func truth() throws {
    #expect(try csv("flag", "true") == .value(.bool(true)))
    #expect(try csv("flag", "False") == .value(.bool(false)))
    #expect(try csv("flag", "1") == .value(.string("1")))
    #expect(try json("flag", "false") == .value(.bool(false)))
    #expect(try json("flag", "1") == .value(.int64(1)))
  }

  @Test("texts are kept byte by byte; what is not UTF-8 is no text")
  func texts() throws {
    #expect(try csv("word", "e\u{301} \"x\",\r\n y") == .value(.string("e\u{301} \"x\",\r\n y")))
    #expect(
      try json("word", #""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000""#)
        == .value(.string("a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600}\u{0}")))
    #expect(try json("word", "12") == .value(.int64(12)))
    #expect(try json("word", "1.5") == .value(.float64(1.5)))
    #expect(try json("word", "[1]") == .value(.bytes(Array("[1]".utf8))))
    #expect(try json("word", #"{"a":1}"#) == .value(.bytes(Array(#"{"a":1}"#.utf8))))
    let bytes = Array("card,event_timestamp,word\nc,2026-11-19T14:03:22Z,".utf8) + [0xFF, 0xFE, 0x0A]
    #expect(try Loading(bytes).input("word") == .value(.bytes([0xFF, 0xFE])))
  }

  @Test("bytes are base64, padded and with nothing left over")
  func base64() throws {
    for (text, bytes) in [("", []), ("Zg==", [0x66]), ("Zm8=", [0x66, 0x6F]), ("+/8A", [0xFB, 0xFF, 0x00])]
      as [(String, [UInt8])]
    {
      #expect(try csv("raw", text) == .value(.bytes(bytes)))
      #expect(try json("raw", "\"\(text)\"") == .value(.bytes(bytes)))
    }
    for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Z g=", "-_8A"] {
      #expect(try csv("raw", text) == .value(.string(text)))
    }
  }

  @Test("lists and vectors are JSON arrays, whose elements are exact or refuse the whole")
  func many() throws {
    #expect(try csv("words", #"["a","b\n"]"#) == .value(.list(.string(["a", "b\n"]))))
    #expect(try csv("words", "[]") == .value(.list(.string([]))))
    #expect(try json("words", #"[]"#) == .value(.list(.string([]))))
    #expect(try csv("spot", "[1, 2.5, -3e1]") == .value(.vector(.float32([1, 2.5, -30]))))
    #expect(try json("spot", "[1,2]") == .value(.vector(.float32([1, 2]))))
    #expect(
      try json("times", #"["1970-01-01T00:00:01Z"]"#)
        == .value(.list(.timestamp(nanoseconds: [1_000_000_000]))))
    for text in ["[1]", #"["a",null]"#, #"["a"#, #"["a"] x"#, "a", #"{"a":1}"#, #"["a",]"#] {
      #expect(try csv("words", text) == .value(.string(text)))
    }
    #expect(try json("spot", #"[1,"a",2]"#) == .value(.string(#"[1,"a",2]"#)))
    #expect(try json("spot", "[[1,2,3]]") == .value(.string("[[1,2,3]]")))
  }

  @Test("a moment reads as definitions read it, wherever it says its offset")
  func moments() throws {
    for text in [
      "1970-01-01T00:00:00Z", "2026-11-19t14:03:22.123456789z", "2026-11-19 14:03:22+05:30",
      "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z", "2024-02-29T23:59:59-00:30",
    ] {
      let moment = try #require(TimestampSpelling.nanoseconds(text))
      #expect(try csv("opened", text) == .value(.timestamp(nanoseconds: moment)), "\(text)")
      #expect(try json("opened", "\"\(text)\"") == .value(.timestamp(nanoseconds: moment)), "\(text)")
    }
    for text in [
      "2262-04-11T23:47:16.854775808Z", "2026-11-19T24:00:00Z", "2026-1-19", "2026-11-19T14:03Z",
      "2026-11-19T14:03:22+0200",
    ] {
      #expect(try csv("opened", text) == .value(.string(text)))
    }
    #expect(try json("opened", "true") == .value(.bool(true)))
  }
}
