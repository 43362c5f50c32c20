// Text leaves a reader as valid UTF-8 or not at all: nothing is repaired.

extension ByteReader {
  /// The next `utf8Count` bytes as text, which they must be: nothing is repaired.
  @_lifetime(self: copy self)
  package mutating func readString(utf8Count: Int) throws(BytesError) -> String {
    let start = position
    let text = try readBytes(utf8Count)
    guard let string = text.validatedString() else {
      position = start
      throw .invalidUTF8(at: start)
    }
    return string
  }
}
