import ApusBytes
import Testing

@Suite struct BytesErrorTests {
  @Test(
    "an error says in English what is wrong and where",
    arguments: [
      (.truncated(at: 7, needed: 4, available: 1), "truncated at byte 7: 4 bytes needed, 1 available"),
      (.negativeCount(at: 7, count: -2), "negative length -2 at byte 7"),
      (.badBool(at: 7, found: 9), "bad bool at byte 7: 9 is neither 0 nor 1"),
      (.varintTooLong(at: 7), "varint at byte 7 is longer than 64 bits"),
      (.varintNotMinimal(at: 7), "varint at byte 7 is not in its shortest form"),
      (.invalidUTF8(at: 7), "invalid UTF-8 in the string at byte 7"),
      (.keyTooLong(byteCount: 401, limit: 400), "key too long: at least 401 bytes, at most 400 allowed"),
      (.badKey(at: 7, .badEscape(5)), "bad key at byte 7: the escape byte is followed by 5"),
      (.badKey(at: 7, .trailingBytes(1)), "bad key at byte 7: bytes left after the last component: 1"),
      (.decompress(.notAFrame), "cannot decompress: this is no zstd frame"),
      (
        .decompress(.tooLarge(claimed: 9, limit: 8)),
        "cannot decompress: the frame claims 9 bytes, at most 8 allowed"
      ),
      (
        .decompress(.wrongDictionary(needed: 5, present: nil)),
        "cannot decompress: the frame needs dictionary 5, none is at hand"
      ),
      (.dictionary(.notADictionary), "cannot use the dictionary: these bytes are no trained dictionary"),
    ] as [(BytesError, String)])
  func descriptions(error: BytesError, text: String) {
    #expect(error.description == text)
  }
}
