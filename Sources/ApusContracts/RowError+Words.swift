// What a person reads when bytes are no row, or a value or key does not fit: what, and at which feature or part.

extension RowError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated(let needed, let available):
      "row ends too early: \(needed) bytes needed, \(available) there"
    case .trailingBytes(let count): "\(count) bytes follow the row's end"
    case .unknownFlags(let flags): "unknown flags \(flags) in a row; a newer program may have written it"
    case .notZero(let at): "byte \(at) of a row must be zero"
    case .unknownFeatures(let found, let known): "row of \(found) features, where the view has \(known)"
    case .notTrimmed(let count): "row of \(count) features whose last is absent"
    case .badState(let feature): "feature \(feature) is neither absent, null nor a value"
    case .stampCount(let stamps, let features): "\(stamps) stamps for \(features) features"
    case .stampOrder(let place): "stamp \(place) of a row is not less than the one before"
    case .stampUnused(let place): "stamp \(place) of a row belongs to no feature"
    case .stampBeforeDelete: "row holds what its delete has cleared"
    case .badPlace(let feature): "feature \(feature) has no such stamp"
    case .badEnd(let feature): "the bytes of feature \(feature) end where they cannot"
    case .slotNotZero(let feature): "feature \(feature) is not there, and its slot is not zero"
    case .badBool(let feature): "feature \(feature) holds a bool that is neither 0 nor 1"
    case .invalidUTF8(let feature): "feature \(feature) holds text that is not valid UTF-8"
    case .badList(let feature): "feature \(feature) is no list of its type"
    case .valueTooLong(let feature, let byteCount):
      "feature \(feature) has \(byteCount) bytes, at most \(RowFormat.valueByteCountMax) allowed"
    case .valueByteCount(let feature, let expected, let found):
      "feature \(feature) has \(found) bytes, where its type has \(expected)"
    case .wrongType(let feature, let expected, let found):
      "feature \(feature) is \(expected), not \(found.map { "\($0)" } ?? "a vector of that length")"
    case .tooManyFeatures(let known): "more features than the \(known) that the view has"
    }
  }
}

extension KeyError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .partCount(let expected, let found): "key of \(found) parts, where the entity's has \(expected)"
    case .partType(let part, let expected, let found):
      "part \(part) of the key is \(expected), not \(found.map { "\($0)" } ?? "a list or a vector")"
    case .encoding(let part, let error): "part \(part) of the key: \(error)"
    }
  }
}
