// What `one_of` admits. The list is what people wrote and records hold; the set answers, at a cost that does not grow with
// the list. Both compare as values do, by bits and bytes.

/// Values that may stand in a feature; never empty, no two alike.
package struct Choices: Sendable {
  /// In the order of the file, which means nothing.
  package let listed: [Value]
  private let set: Set<Value>
  /// Of the texts. No longer one is looked at.
  private let textByteCountMax: Int

  package init(_ listed: [Value]) {
    self.listed = listed
    set = Set(listed)
    textByteCountMax = listed.reduce(0) { longest, value in
      if case .string(let text) = value { max(longest, text.utf8.count) } else { longest }
    }
  }

  /// Whether the value, or each element of a list or a vector, is one of these.
  func contains(_ value: Value) -> Bool {
    switch value {
    case .list(let elements), .vector(let elements): containsAll(elements)
    case .string(let text): contains(text)
    default: set.contains(value)
    }
  }

  private func contains(_ text: String) -> Bool {
    text.utf8.count <= textByteCountMax && set.contains(.string(text))
  }

  private func containsAll(_ elements: Value.Elements) -> Bool {
    switch elements {
    case .bool(let all): all.allSatisfy { set.contains(.bool($0)) }
    case .int32(let all): all.allSatisfy { set.contains(.int32($0)) }
    case .int64(let all): all.allSatisfy { set.contains(.int64($0)) }
    case .float32(let all): all.allSatisfy { set.contains(.float32($0)) }
    case .float64(let all): all.allSatisfy { set.contains(.float64($0)) }
    case .string(let all): all.allSatisfy { contains($0) }
    case .bytes(let all): all.allSatisfy { set.contains(.bytes($0)) }
    case .timestamp(let all): all.allSatisfy { set.contains(.timestamp(nanoseconds: $0)) }
    }
  }
}

extension Choices: Equatable {
  /// By the words: the same values in another order are another definition.
  package static func == (a: Choices, b: Choices) -> Bool { a.listed == b.listed }
}
