// From words to a command: a pure function. Nothing is guessed; what is not understood is refused, with what was probably meant.

enum CommandParser {
  static func parse(_ arguments: [String]) -> Result<Command, UsageError> {
    do throws(UsageError) { return .success(try command(arguments)) } catch { return .failure(error) }
  }

  private static func command(_ arguments: [String]) throws(UsageError) -> Command {
    guard let first = arguments.first else {
      throw UsageError(
        what: "no verb was given", place: "the command line", next: "`apus help` lists the verbs")
    }
    switch first {
    case "help": return .help(try topic(Array(arguments.dropFirst())))
    case "--help", "-h": return .help([])
    case "--version": return .version
    default: break
    }
    let asksForHelp = arguments.contains("--help") || arguments.contains("-h")
    if asksForHelp { return .help(try topic(arguments.filter { !$0.hasPrefix("-") })) }
    let (verb, rest) = try verb(in: arguments)
    return try command(verb, try Words(of: rest, for: verb))
  }

  /// The verbs that the words begin with: `inspect` alone means every `inspect …`.
  private static func topic(_ words: [String]) throws(UsageError) -> [Verb] {
    guard let first = words.first else { return [] }
    let family = Verb.family(first)
    if words.count == 1, !family.isEmpty { return family }
    return [try verb(in: words).0]
  }

  /// The verb that the words begin with, and the words behind it.
  private static func verb(in words: [String]) throws(UsageError) -> (Verb, [String]) {
    let first = words[0]
    if let verb = Verb.named(first) { return (verb, Array(words.dropFirst())) }
    let family = Verb.family(first)
    guard !family.isEmpty else {
      let known = Verb.all.map { String($0.name.prefix { $0 != " " }) } + ["help", "--version", "--help"]
      throw UsageError(
        what: first.hasPrefix("-") ? "the verb comes first" : "`\(first)` is not a verb of this version",
        place: "apus \(first)",
        next: Suggestion.next(
          for: first, among: known, list: Verb.all.map { "`\($0.name)`" }, see: "apus help"))
    }
    let seconds = family.map { String($0.name.dropFirst(first.count + 1)) }
    guard words.count > 1, !words[1].hasPrefix("-") else {
      throw UsageError(
        what: "`\(first)` needs to know what", place: "apus \(first)",
        next: "say " + family.map { "`apus \($0.name)`" }.joined(separator: " or "))
    }
    guard let verb = Verb.named("\(first) \(words[1])") else {
      throw UsageError(
        what: "`\(first)` knows nothing of `\(words[1])`", place: "apus \(first) \(words[1])",
        next: Suggestion.next(for: words[1], among: seconds, see: "apus help \(first)"))
    }
    return (verb, Array(words.dropFirst(2)))
  }

  private static func command(_ verb: Verb, _ words: Words) throws(UsageError) -> Command {
    let data = try words.folder()
    let json = words.has("--json")
    switch verb {
    case .check: return .check(data: data, json: json)
    case .inspectManifest: return .inspectManifest(data: data, json: json)
    default: break
    }
    guard words.part == "dump" else {
      if let option = ["--from", "--limit", "--payload"].first(where: words.has) {
        throw UsageError(
          what: "\(option) is for dump", place: "apus \(verb.name) … \(option)",
          next: "say `apus inspect log dump`, or leave \(option) out")
      }
      return .inspectLog(data: data, json: json)
    }
    var options = LogLines.Options()
    options.from = try words.number("--from") ?? 0
    options.limit = try words.number("--limit") ?? .max
    options.payload = words.has("--payload")
    options.json = json
    return .dumpLog(data: data, options)
  }
}

extension CommandParser {
  /// The words behind a verb, sorted into its options and its part.
  private struct Words {
    private let verb: Verb
    private var values: [String: String] = [:]
    private(set) var part: String?

    init(of words: [String], for verb: Verb) throws(UsageError) {
      self.verb = verb
      var rest = words[...]
      while let word = rest.popFirst() {
        guard word.hasPrefix("-") else {
          try take(operand: word)
          continue
        }
        let name = String(word.prefix { $0 != "=" })
        guard let option = verb.options.first(where: { $0.name == name }) else {
          throw unknown(name)
        }
        guard values[name] == nil else { throw refusal("\(name) is given twice", name) }
        let given = name == word ? nil : String(word.dropFirst(name.count + 1))
        values[name] = try Words.value(of: option, given, &rest, refusal)
      }
    }

    private static func value(
      of option: Verb.Option, _ given: String?, _ rest: inout ArraySlice<String>,
      _ refusal: (String, String) -> UsageError
    ) throws(UsageError) -> String {
      guard let kind = option.value else {
        guard given == nil else { throw refusal("\(option.name) takes no value", option.name) }
        return ""
      }
      if let given {
        guard !given.isEmpty else { throw refusal("\(option.name) needs a value: \(kind)", option.name) }
        return given
      }
      guard let next = rest.first, !next.isEmpty, !next.hasPrefix("--") else {
        throw refusal("\(option.name) needs a value: \(kind)", option.name)
      }
      rest.removeFirst()
      return next
    }

    private mutating func take(operand: String) throws(UsageError) {
      guard !verb.parts.isEmpty, part == nil else {
        throw refusal("`\(operand)` is one word too many", operand)
      }
      guard verb.parts.contains(operand) else {
        throw UsageError(
          what: "`\(verb.name)` knows nothing of `\(operand)`", place: "apus \(verb.name) \(operand)",
          next: Suggestion.next(for: operand, among: verb.parts, see: "apus help \(verb.name)"))
      }
      part = operand
    }

    private func unknown(_ name: String) -> UsageError {
      UsageError(
        what: "`\(verb.name)` has no option \(name)", place: "apus \(verb.name) … \(name)",
        next: Suggestion.next(
          for: name, among: verb.options.map(\.name) + ["--help"], see: "apus help \(verb.name)"))
    }

    private func refusal(_ what: String, _ word: String) -> UsageError {
      UsageError(
        what: what, place: "apus \(verb.name) … \(word)",
        next: "`apus help \(verb.name)` shows how it is meant")
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    func number(_ name: String) throws(UsageError) -> UInt64? {
      guard let text = values[name] else { return nil }
      // Far above any LSN, and far enough below the end of the type that sums cannot overflow.
      guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt64(text), number < 1 << 62 else {
        throw refusal("\(name) needs a whole number, and not `\(text)`", name)
      }
      return number
    }

    /// The store's folder, without slashes at its end.
    func folder() throws(UsageError) -> String {
      guard let path = values["--data"] else {
        throw UsageError(
          what: "`\(verb.name)` needs to know the store's folder", place: "apus \(verb.name)",
          next: "say `apus \(verb.name) --data DIR`")
      }
      // A name that ends early for the kernel would be another name.
      guard !path.utf8.contains(0) else { throw refusal("a path holds no zero byte", "--data") }
      let end = path.utf8.reversed().drop { $0 == 0x2F }.count
      return end == 0 ? "/" : String(decoding: path.utf8.prefix(end), as: UTF8.self)
    }
  }
}
