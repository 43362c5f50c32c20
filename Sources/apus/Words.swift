// The words behind a verb, sorted into its options, its part and its operands, and read as what they must be.

import ApusBytes
import ApusContracts

struct Words {
  private let verb: Verb
  var verbName: String { verb.name }
  private var values: [String: String] = [:]
  private(set) var part: String?
  private(set) var operands: [String] = []

  init(of words: [String], for verb: Verb) throws(UsageError) {
    self.verb = verb
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("-"), word != "-" else {
        try take(operand: word)
        continue
      }
      let name = String(word.prefix { $0 != "=" })
      guard let option = verb.options.first(where: { $0.name == name }) else { throw unknown(name) }
      let before = values[name]
      guard before == nil || option.isRepeatable else { throw refusal("\(name) is given twice", name) }
      let given = name == word ? nil : String(word.dropFirst(name.count + 1))
      let text = try value(of: option, given, &rest)
      values[name] = before.map { $0 + "," + text } ?? text
    }
    if let wanted = verb.operands, operands.count < wanted.count.lowerBound {
      throw UsageError(
        what: "`\(verb.name)` needs \(wanted.needed)", place: "apus \(verb.name)",
        next:
          "say `apus \(verb.name) \(wanted.spelled)\(verb.reach == .folder || verb.reach == .both ? " --data DIR" : "")`"
      )
    }
  }

  private func value(
    of option: Verb.Option, _ given: String?, _ rest: inout ArraySlice<String>
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
    if !verb.parts.isEmpty, part == nil {
      guard verb.parts.contains(operand) else {
        throw UsageError(
          what: "`\(verb.name)` knows nothing of `\(operand)`", place: "apus \(verb.name) \(operand)",
          next: Suggestion.next(for: operand, among: verb.parts, see: "apus help \(verb.name)"))
      }
      part = operand
      return
    }
    guard operands.count < verb.operands?.count.upperBound ?? 0 else {
      throw refusal("`\(operand)` is one word too many", operand)
    }
    // A name that ends early for the kernel would be another name.
    guard !operand.isEmpty, !operand.utf8.contains(0) else {
      throw refusal("an empty word, or one with a zero byte, names nothing", operand)
    }
    operands.append(operand)
  }

  // MARK: Refusing

  private func unknown(_ name: String) -> UsageError {
    if Verb.remote.contains(where: { $0.name == name }), verb.options.contains(where: { $0.name == "--data" })
    {
      return refusal(
        "`\(verb.name)` asks no server: it needs the folder", name,
        next: "say --data DIR, a store's folder that no process has open")
    }
    return UsageError(
      what: "`\(verb.name)` has no option \(name)", place: "apus \(verb.name) … \(name)",
      next: Suggestion.next(
        for: name, among: verb.options.map(\.name) + ["--help"], see: "apus help \(verb.name)"))
  }

  func refusal(_ what: String, _ word: String?, next: String? = nil) -> UsageError {
    UsageError(
      what: what, place: "apus \(verb.name)" + (word.map { " … \($0)" } ?? ""),
      next: next ?? "`apus help \(verb.name)` shows how it is meant")
  }

  /// Refuses options that mean nothing here.
  func refuse(_ names: [String], _ why: String, say: String) throws(UsageError) {
    guard let name = names.first(where: has) else { return }
    throw refusal("\(name) is \(why)", name, next: "\(say), or leave \(name) out")
  }

  // MARK: Reading

  func has(_ name: String) -> Bool { values[name] != nil }

  func value(_ name: String) -> String? { values[name] }

  /// Those of a list with commas, or of an option that was said several times.
  func values(_ name: String) -> [String] {
    values[name]?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
  }

  func number(_ name: String) throws(UsageError) -> UInt64? {
    guard let text = values[name] else { return nil }
    guard let number = Self.number(text) else {
      throw refusal("\(name) needs a whole number, and not `\(text)`", name)
    }
    return number
  }

  /// Far above any LSN, and far enough below the end of the type that sums cannot overflow.
  private static func number(_ text: some StringProtocol) -> UInt64? {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt64(text), number < 1 << 62 else {
      return nil
    }
    return number
  }

  /// `FROM..TO`, or one LSN.
  func lsns(_ name: String) throws(UsageError) -> LSNRange {
    let text = values[name] ?? ""
    let ends = text.split(separator: "..", omittingEmptySubsequences: false).map(Self.number)
    guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 1,
      first <= last
    else {
      throw refusal(
        "\(name) needs LSNs from the first to the last, as in 1200..1207, and not `\(text)`", name)
    }
    return LSNRange(LSN(first), through: LSN(last))
  }

  /// A moment in nanoseconds: `2026-11-19T14:03:22Z`.
  func moment(_ name: String) throws(UsageError) -> Int64? {
    guard let text = values[name] else { return nil }
    guard let moment = TimestampSpelling.nanoseconds(text) else {
      throw refusal("\(name) needs a moment, as in 2026-11-19T14:03:22Z, and not `\(text)`", name)
    }
    return moment
  }

  /// A length of time: `30d`.
  func period(_ name: String) throws(UsageError) -> Period? {
    guard let text = values[name] else { return nil }
    do throws(Period.Fault) { return try Period(spelling: text) } catch {
      throw refusal("\(name) needs a number and a unit, as in 7d or 12h, and not `\(text)`", name)
    }
  }

  func name(_ option: String) throws(UsageError) -> String? {
    guard let text = values[option] else { return nil }
    if let fault = DefinitionName.fault(in: text) {
      throw refusal("\(option) needs a name, and `\(text)` is none: \(fault)", option)
    }
    return text
  }

  /// `card_activity` or `card_activity@2`.
  func versionedName(_ text: String) throws(UsageError) -> VersionedName {
    guard let name = VersionedName(spelling: text) else {
      throw refusal("`\(text)` is no name: write NAME or NAME@NUMBER, as in card_activity@2", text)
    }
    return name
  }

  /// `card_activity@2`, with its number.
  func version(_ text: String) throws(UsageError) -> VersionedName {
    guard let name = VersionedName(spelling: text), name.number != nil else {
      throw refusal("`\(text)` names no version: write NAME@NUMBER, as in card_activity@2", text)
    }
    return name
  }

  /// Where the store is: the folder, or else a server where the verb may ask one.
  func target() throws(UsageError) -> Target {
    if verb.reach == .nowhere { return .nowhere }
    let data = verb.reach == .server ? nil : try path("--data")
    if verb.reach == .folder {
      guard let data else {
        throw UsageError(
          what: "`\(verb.name)` needs to know the store's folder", place: "apus \(verb.name)",
          next: "say `apus \(verb.name)\(verb.operands.map { " \($0.spelled)" } ?? "") --data DIR`")
      }
      return .folder(data)
    }
    let choice = Remote.Choice(address: value("--server"), tokenFile: try path("--token-file"))
    guard let data else { return .server(choice) }
    try refuse(
      ["--server", "--token-file"], "for a server, and --data for a folder that no process has open",
      say: "say one of the two")
    return .folder(data)
  }

  func required(_ option: String) throws(UsageError) -> String {
    guard let text = values[option] else {
      throw UsageError(
        what: "`\(verb.name)` needs \(option)", place: "apus \(verb.name)",
        next: "`apus help \(verb.name)` shows how it is meant")
    }
    return text
  }

  /// Without slashes at its end.
  func path(_ option: String) throws(UsageError) -> String? {
    guard let path = values[option] else { return nil }
    // A name that ends early for the kernel would be another name.
    guard !path.utf8.contains(0) else { throw refusal("a path holds no zero byte", option) }
    let end = path.utf8.reversed().drop { $0 == 0x2F }.count
    return end == 0 ? "/" : String(decoding: path.utf8.prefix(end), as: UTF8.self)
  }
}
