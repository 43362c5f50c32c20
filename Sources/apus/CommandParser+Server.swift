// What the verbs about servers and tokens make of their words.

import ApusContracts
import ApusServer

extension CommandParser {
  static func serverJob(_ verb: Verb, _ words: Words) throws(UsageError) -> Job {
    switch verb {
    case .serve: return .serve(try settings(words))
    case .configuration:
      let given = try settings(words)
      guard words.part == "defaults" else { return .showConfiguration(given) }
      try words.refuse(
        ["--config"] + Settings.all.map(\.flag), "for show", say: "say `apus config show`")
      return .settingsPage
    case .tokenCreate: return .createToken(try wish(words), data: try words.path("--data"))
    case .tokenList: return .listTokens(data: try words.path("--data"))
    case .tokenRevoke: return .revokeToken(words.operands[0], data: try words.path("--data"))
    case .ping: return .ping
    case .diff: return try diff(words)
    default:
      let shells = Completions.Shell.allCases.map(\.rawValue)
      guard let shell = Completions.Shell(rawValue: words.operands[0]) else {
        throw words.refusal(
          "there are no completions for `\(words.operands[0])`", words.operands[0],
          next: Suggestion.next(for: words.operands[0], among: shells, see: "apus help completions"))
      }
      return .completions(shell)
    }
  }

  private static func settings(_ words: Words) throws(UsageError) -> GivenSettings {
    var given = GivenSettings(file: try words.path("--config"))
    for setting in Settings.all {
      if let text = words.value(setting.flag) { given.flags[setting.name] = text }
    }
    return given
  }

  private static func wish(_ words: Words) throws(UsageError) -> Tokens.Wish {
    let name = words.operands[0]
    guard TokenTable.isName(name) else {
      throw words.refusal(
        "`\(name)` is no name of a token: write at most \(TokenTable.nameByteCountMax) letters, digits, `.`, `-` and `_`",
        name)
    }
    let text = try words.required("--scope")
    guard let scopes = Scope(text) else {
      throw words.refusal(
        "--scope is read, ingest, admin, or several with commas, and not `\(text)`", "--scope")
    }
    return Tokens.Wish(name: name, scopes: scopes, project: try words.name("--project"))
  }
}
