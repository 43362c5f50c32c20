// What a person reads when bytes are not what they must be: what, and at which byte.

extension BytesError: CustomStringConvertible {
  @usableFromInline package var description: String {
    switch self {
    case .truncated(let at, let needed, let available):
      "truncated at byte \(at): \(needed) bytes needed, \(available) available"
    case .negativeCount(let at, let count):
      "negative length \(count) at byte \(at)"
    case .badBool(let at, let found):
      "bad bool at byte \(at): \(found) is neither 0 nor 1"
    case .varintTooLong(let at):
      "varint at byte \(at) is longer than 64 bits"
    case .varintNotMinimal(let at):
      "varint at byte \(at) is not in its shortest form"
    case .invalidUTF8(let at):
      "invalid UTF-8 in the string at byte \(at)"
    case .keyTooLong(let byteCount, let limit):
      "key too long: at least \(byteCount) bytes, at most \(limit) allowed"
    case .badKey(let at, let fault):
      "bad key at byte \(at): \(fault)"
    case .compress(let fault):
      "cannot compress: \(fault)"
    case .decompress(let fault):
      "cannot decompress: \(fault)"
    case .dictionary(let fault):
      "cannot use the dictionary: \(fault)"
    }
  }
}

extension KeyFault: CustomStringConvertible {
  @usableFromInline package var description: String {
    switch self {
    case .badEscape(let byte): "the escape byte is followed by \(byte)"
    case .unterminated: "the component has no end"
    case .trailingBytes(let count): "bytes left after the last component: \(count)"
    }
  }
}

extension ZstdFault: CustomStringConvertible {
  @usableFromInline package var description: String {
    switch self {
    case .notAFrame: "this is no zstd frame"
    case .incomplete: "the frame is incomplete"
    case .trailingBytes(let count): "bytes left after the frame: \(count)"
    case .tooLarge(.some(let claimed), let limit):
      "the frame claims \(claimed) bytes, at most \(limit) allowed"
    case .tooLarge(.none, let limit): "the frame holds more than the \(limit) bytes allowed"
    case .lengthMismatch(let claimed, .some(let found)):
      "the frame claims \(claimed) bytes and holds \(found)"
    case .lengthMismatch(let claimed, .none): "the frame claims \(claimed) bytes and holds more"
    case .wrongDictionary(let needed, .some(let present)):
      "the frame needs dictionary \(needed), the one at hand is \(present)"
    case .wrongDictionary(let needed, .none): "the frame needs dictionary \(needed), none is at hand"
    case .notADictionary: "these bytes are no trained dictionary"
    case .outOfMemory: "out of memory"
    case .refused(let reason): reason
    }
  }
}
