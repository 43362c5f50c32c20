// Keys as people give them: `card_id=c42` on the command line, or a line of standard input each. A word has no type before the
// definitions give it one; what cannot be of that type is refused, and nothing is converted behind anybody's back.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

/// What one entity is called by: names, and what was written behind them, in their order.
struct EntityWords: Equatable {
  enum Word: Equatable {
    /// Of a command line: its type is whatever the key's is.
    case plain(String)
    /// Of JSON, where a number is no text.
    case scalar(YamlScalar)
  }

  struct Member: Equatable {
    let name: String
    let word: Word
  }

  let members: [Member]

  private init(_ members: [Member]) { self.members = members }

  /// Why words are no keys.
  struct Fault: Error, Equatable {
    let what: String
  }

  /// `card_id=c42`, each; the first `=` divides.
  init(pairs: some Sequence<some StringProtocol>) throws(Fault) {
    var members: [Member] = []
    for pair in pairs {
      guard let divide = pair.firstIndex(of: "="), divide != pair.startIndex else {
        throw Fault(what: "`\(pair)` is no key: write NAME=VALUE, as in card_id=c42")
      }
      let name = String(pair[..<divide])
      try Self.add(name, .plain(String(pair[pair.index(after: divide)...])), to: &members)
    }
    self.init(members)
  }

  /// A line of input: a JSON object, or pairs with commas between them.
  init(line: String) throws(Fault) {
    guard line.utf8.first == UInt8(ascii: "{") else {
      try self.init(pairs: line.split(separator: ",", omittingEmptySubsequences: false))
      return
    }
    let document: YamlDocument
    // JSON is YAML of one line, but for one way to write a character.
    do throws(YamlProblem) { document = try YamlReader.read(Self.joiningSurrogates(Array(line.utf8))) } catch
    {
      throw Fault(what: "this is no JSON object: \(error.fault)")
    }
    if let problem = document.problems.first {
      throw Fault(what: "this is no JSON object: \(problem.fault)")
    }
    guard case .mapping(let entries) = document.root.content else {
      throw Fault(what: "this is no JSON object")
    }
    var members: [Member] = []
    for entry in entries {
      guard case .scalar(let scalar) = entry.value.content else {
        throw Fault(what: "`\(entry.key)` is a list or an object, which no key holds")
      }
      try Self.add(entry.key, .scalar(scalar), to: &members)
    }
    self.init(members)
  }

  /// `\ud83d\ude00` in JSON is `\U0001f600` in YAML.
  private static func joiningSurrogates(_ json: [UInt8]) -> [UInt8] {
    let backslash = UInt8(ascii: "\\")
    var yaml: [UInt8] = []
    yaml.reserveCapacity(json.count)
    var at = 0
    while at < json.count {
      if json[at] == backslash, let high = unit(of: json, at: at), 0xD800..<0xDC00 ~= high,
        let low = unit(of: json, at: at + 6), 0xDC00..<0xE000 ~= low
      {
        let scalar = 0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        yaml += "\\U\(Hex.text(scalar))".utf8
        at += 12
      } else {
        // What stands behind a backslash begins no other escape.
        let count = json[at] == backslash && at + 1 < json.count ? 2 : 1
        yaml += json[at..<at + count]
        at += count
      }
    }
    return yaml
  }

  /// The number of an escape `\uXXXX` that begins here.
  private static func unit(of json: [UInt8], at start: Int) -> UInt16? {
    guard start + 6 <= json.count, json[start] == UInt8(ascii: "\\"), json[start + 1] == UInt8(ascii: "u"),
      let bytes = Hex.bytes(String(decoding: json[start + 2..<start + 6], as: UTF8.self)), bytes.count == 2
    else { return nil }
    return UInt16(bytes[0]) << 8 | UInt16(bytes[1])
  }

  private static func add(_ name: String, _ word: Word, to members: inout [Member]) throws(Fault) {
    guard !members.contains(where: { $0.name == name }) else {
      throw Fault(what: "`\(name)` is given twice")
    }
    members.append(Member(name: name, word: word))
  }
}

extension EntityWords.Word {
  /// What it is as a key's part; nil when it cannot be one.
  func value(as type: KeyType) -> Value? {
    switch (self, type) {
    case (.plain(let text), .bytes), (.scalar(.string(let text)), .bytes): Hex.bytes(text).map { .bytes($0) }
    case (.plain(let text), .string), (.plain(let text), .timestamp):
      Value(.string(text), as: .scalar(type.element))
    case (.plain(let text), _):
      Literal(YamlScalar(plain: text)).flatMap { Value($0, as: .scalar(type.element)) }
    case (.scalar(let scalar), _):
      Literal(scalar).flatMap { Value($0, as: .scalar(type.element)) }
    }
  }

  var quoted: String {
    switch self {
    case .plain(let text), .scalar(.string(let text)): "`\(text)`"
    case .scalar(let scalar): "\(scalar)"
    }
  }
}

/// An entity's name for people, and its values for the store.
struct Entity {
  let members: [(name: String, value: Value)]

  /// Gives words the types of these keys. All of them must be there, and no other.
  init(_ words: EntityWords, of keys: [(name: String, type: KeyType)], at place: String) throws(Trouble) {
    let asked = keys.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
    var members: [(name: String, value: Value)] = []
    for member in words.members {
      guard let type = keys.first(where: { $0.name == member.name })?.type else {
        throw Trouble(
          "unknown_key", "no key that is asked for is called `\(member.name)`", at: place,
          next: "give \(asked)")
      }
      members.append((member.name, try member.value(as: type, at: place)))
    }
    if let missing = keys.first(where: { key in !members.contains { $0.name == key.name } }) {
      throw Trouble("key_missing", "`\(missing.name)` is not given", at: place, next: "give \(asked)")
    }
    self.members = members
  }

  var named: [String: Value] { Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first } }

  var inWords: String { members.map { "\($0.name)=\($0.value.inWords)" }.joined(separator: ",") }

  var json: JSON { .object(members.map { JSON.Member(key: $0.name, value: $0.value.json) }) }
}

extension EntityWords.Member {
  func value(as type: KeyType, at place: String) throws(Trouble) -> Value {
    if let value = word.value(as: type) { return value }
    let how =
      switch type {
      case .bool: "true or false"
      case .int32, .int64: "a whole number that fits"
      case .string: "text"
      case .bytes: "two hexadecimal digits for each byte"
      case .timestamp: "a moment, as in 2026-11-19T14:03:22Z"
      }
    throw Trouble(
      "bad_key", "`\(name)` is \(type), and \(word.quoted) is none", at: place, next: "write \(how)")
  }
}

extension Value {
  /// Text without quotes, for a table; all else as definitions spell it.
  var inWords: String {
    switch self {
    case .string(let text): text
    case .bytes(let bytes): unsafe Hex.text(bytes.span.bytes)
    case .timestamp(let nanoseconds): TimestampSpelling.text(nanoseconds)
    default: description
    }
  }
}
