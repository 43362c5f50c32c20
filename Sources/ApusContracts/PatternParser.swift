// From a pattern's text to its tree. What is outside of the subset is refused with its place, never guessed at: lookaround,
// back references, lazy and possessive repeats, anchors (the whole text always matches), named groups and flags.

/// Why text is no pattern, and at which character of it, counted from 1; nil when it is the whole.
package struct PatternFault: Error, Equatable, Sendable {
  package var at: Int?
  package var kind: Kind

  package init(at: Int?, _ kind: Kind) {
    self.at = at
    self.kind = kind
  }

  package enum Kind: Equatable, Sendable {
    case tooLong(byteCount: Int, limit: Int)
    case tooComplex(limit: Int)
    case tooDeep(limit: Int)
    case unclosedGroup
    case unopenedGroup
    case unclosedClass
    case emptyClass
    case badRange
    case nothingToRepeat
    case repeatTwice
    case badCount(limit: Int)
    case anchor
    case groupKind
    case unknownEscape(String)
    case unescaped(String)
    case trailingBackslash
  }
}

extension PatternFault: CustomStringConvertible {
  package var description: String {
    guard let at else { return "\(kind)" }
    return "\(kind) (character \(at))"
  }
}

extension PatternFault.Kind: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooLong(let count, let limit): "\(count) bytes are too long, at most \(limit) allowed"
    case .tooComplex(let limit): "it takes more than \(limit) steps; use smaller counts"
    case .tooDeep(let limit): "groups are nested more than \(limit) deep"
    case .unclosedGroup: "this group has no )"
    case .unopenedGroup: "this ) closes no group; write \\) for the character"
    case .unclosedClass: "this class has no ]"
    case .emptyClass: "this class is empty"
    case .badRange: "this range ends before it begins, or is none"
    case .nothingToRepeat: "there is nothing to repeat; write \\ before the character to mean itself"
    case .repeatTwice: "a repeat cannot be repeated, nor be lazy or possessive"
    case .badCount(let limit): "a count is {m}, {m,} or {m,n} with m at most n and n at most \(limit)"
    case .anchor: "a pattern always matches the whole text; leave out ^ and $"
    case .groupKind: "only ( and (?: begin a group"
    case .unknownEscape(let text): "\(text) means nothing here"
    case .unescaped(let text): "write \\\(text) for the character"
    case .trailingBackslash: "a backslash ends it"
    }
  }
}

struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private let byteCount: Int
  private var at = 0

  init(_ source: String) {
    byteCount = source.utf8.count
    scalars = Array(source.unicodeScalars.prefix(Pattern.byteCountMax))
  }

  mutating func parse() throws(PatternFault) -> PatternNode {
    guard byteCount <= Pattern.byteCountMax else {
      throw PatternFault(at: nil, .tooLong(byteCount: byteCount, limit: Pattern.byteCountMax))
    }
    let node = try choice(depth: 0)
    guard at == scalars.count else { throw fault(.unopenedGroup) }
    return node
  }

  private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    at += 1
    return true
  }

  private func fault(_ kind: PatternFault.Kind, at place: Int? = nil) -> PatternFault {
    PatternFault(at: (place ?? at) + 1, kind)
  }

  private mutating func choice(depth: Int) throws(PatternFault) -> PatternNode {
    guard depth <= Pattern.depthMax else { throw fault(.tooDeep(limit: Pattern.depthMax)) }
    var branches = [try sequence(depth: depth)]
    while skip("|") { branches.append(try sequence(depth: depth)) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence(depth: Int) throws(PatternFault) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      nodes.append(try repeated(try atom(depth: depth)))
    }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private mutating func atom(depth: Int) throws(PatternFault) -> PatternNode {
    let start = at
    guard let scalar = next else { throw fault(.nothingToRepeat) }
    at += 1
    switch scalar {
    case "(":
      if skip("?"), !skip(":") { throw fault(.groupKind, at: start) }
      let inner = try choice(depth: depth + 1)
      guard skip(")") else { throw fault(.unclosedGroup, at: start) }
      return inner
    case "[": return .set(try scalarClass(from: start))
    case ".": return .set(.anyButNewline)
    case "\\":
      switch try escape(from: start) {
      case .set(let set): return .set(set)
      case .scalar(let scalar): return .set(ScalarSet([scalar.value...scalar.value]))
      }
    case "*", "+", "?", "{": throw fault(.nothingToRepeat, at: start)
    case "^", "$": throw fault(.anchor, at: start)
    case "]", "}": throw fault(.unescaped(String(scalar)), at: start)
    default: return .set(ScalarSet([scalar.value...scalar.value]))
    }
  }

  private mutating func repeated(_ node: PatternNode) throws(PatternFault) -> PatternNode {
    let start = at
    let found: PatternNode
    switch next {
    case "*": found = .repeated(node, atLeast: 0, atMost: nil)
    case "+": found = .repeated(node, atLeast: 1, atMost: nil)
    case "?": found = .repeated(node, atLeast: 0, atMost: 1)
    case "{":
      at += 1
      let bad = fault(.badCount(limit: Pattern.repeatCountMax), at: start)
      guard let least = number() else { throw bad }
      var most: Int? = least
      if skip(",") { most = next == "}" ? nil : number() ?? -1 }
      guard next == "}", least <= Pattern.repeatCountMax,
        most.map({ least <= $0 && $0 <= Pattern.repeatCountMax }) ?? true
      else { throw bad }
      found = .repeated(node, atLeast: least, atMost: most)
    default: return node
    }
    at += 1
    if let after = next, after == "*" || after == "+" || after == "?" || after == "{" {
      throw fault(.repeatTwice)
    }
    return found
  }

  /// At most four digits, so that no sum can overflow.
  private mutating func number() -> Int? {
    var value: Int?
    var digits = 0
    while let digit = next?.value, digit >= 0x30, digit <= 0x39, digits < 4 {
      value = (value ?? 0) * 10 + Int(digit - 0x30)  // widens UInt32
      digits += 1
      at += 1
    }
    return value
  }

  private enum Escaped {
    case set(ScalarSet)
    case scalar(Unicode.Scalar)
  }

  private mutating func escape(from start: Int) throws(PatternFault) -> Escaped {
    guard let scalar = next else { throw fault(.trailingBackslash, at: start) }
    at += 1
    switch scalar {
    case "d": return .set(.digits)
    case "D": return .set(ScalarSet.digits.inverted)
    case "w": return .set(.word)
    case "W": return .set(ScalarSet.word.inverted)
    case "s": return .set(.space)
    case "S": return .set(ScalarSet.space.inverted)
    case "t": return .scalar("\t")
    case "n": return .scalar("\n")
    case "r": return .scalar("\r")
    default:
      // Letters and digits are kept for meanings, here and elsewhere; everything else stands for itself.
      guard !ScalarSet.word.contains(scalar) || scalar == "_", scalar.value < 0x80, scalar.value >= 0x20
      else {
        throw fault(.unknownEscape("\\\(scalar)"), at: start)
      }
      return .scalar(scalar)
    }
  }

  private mutating func scalarClass(from start: Int) throws(PatternFault) -> ScalarSet {
    let isInverted = skip("^")
    var ranges: [ClosedRange<UInt32>] = []
    while !skip("]") {
      let place = at
      guard let first = try classMember(start) else { continue }
      switch first {
      case .set(let set):
        ranges += set.ranges
        if next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" { throw fault(.badRange, at: place) }
      case .scalar(let lower):
        guard next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
          ranges.append(lower.value...lower.value)
          continue
        }
        at += 1
        guard case .scalar(let upper)? = try classMember(start), lower.value <= upper.value else {
          throw fault(.badRange, at: place)
        }
        ranges.append(lower.value...upper.value)
      }
    }
    guard !ranges.isEmpty else { throw fault(.emptyClass, at: start) }
    return isInverted ? ScalarSet(ranges).inverted : ScalarSet(ranges)
  }

  private mutating func classMember(_ start: Int) throws(PatternFault) -> Escaped? {
    guard let scalar = next else { throw fault(.unclosedClass, at: start) }
    let place = at
    at += 1
    switch scalar {
    case "\\": return try escape(from: place)
    // Other engines read sets of sets here; nobody shall be surprised.
    case "[": throw fault(.unescaped("["), at: place)
    case "&" where next == "&": throw fault(.unescaped("&"), at: place)
    default: return .scalar(scalar)
    }
  }
}
