// `apus token`: who may come in. The secret is shown once, on standard output alone, so that it can be sent into a file;
// nothing but its SHA-256 is kept.

import ApusBytes
import ApusLog
import ApusServer
import ApusSystem
import ApusWire

enum Tokens {
  struct Wish: Equatable {
    let name: String
    let scopes: Scope
    let project: String?
  }

  static func create(_ wish: Wish, data: String?, isJSON: Bool, _ output: Output) throws(Trouble) -> ExitCode
  {
    let file = try file(in: data)
    let made: AccessToken
    do throws(SystemError) {
      let id = try SystemRandom.bytes(AccessToken.idByteCount)
      guard let token = AccessToken(idBytes: id, secret: try SystemRandom.bytes(AccessToken.secretByteCount))
      else { throw SystemError("getrandom", .inputOutput, on: "a token") }
      made = token
    } catch {
      throw Trouble(TokenFileError.system(error))
    }
    let secret = made.secret
    let record = TokenRecord(
      id: made.id, name: wish.name, digest: SHA256.digest(of: unsafe secret.span.bytes), scopes: wish.scopes,
      project: wish.project, created: SystemClock().wall())
    try change(file) { (table) throws(Trouble) in
      guard table.find(wish.name) == nil else {
        throw Trouble(
          "token_exists", "there is a token called `\(wish.name)` already", at: file.path,
          next: "take another name, or revoke it first: `apus token revoke \(wish.name)`")
      }
      guard table.records.count < TokenTable.tokensMax else {
        throw Trouble(
          "too_many_tokens", "there are \(Numbers.grouped(TokenTable.tokensMax)) tokens, and no more can be",
          at: file.path, next: "revoke those that nobody needs: `apus token list` shows when each was made")
      }
      table.add(record)
    }
    if isJSON {
      output.line(record.json.adding(["token": .text(made.text)]))
    } else {
      output.line(made.text)
    }
    return .done
  }

  static func list(data: String?, isJSON: Bool, _ output: Output) throws(Trouble) -> ExitCode {
    let file = try file(in: data)
    let table: TokenTable
    do throws(TokenFileError) { table = try file.read() } catch { throw Trouble(error) }
    if isJSON {
      output.line(["tokens": .list(table.records.map(\.json))])
      return .done
    }
    guard !table.records.isEmpty else {
      output.line("no tokens; `apus token create NAME --scope read` makes one")
      return .done
    }
    var rows = Table([("name", .left), ("id", .left), ("scopes", .left), ("project", .left), ("made", .left)])
    for record in table.records {
      rows.add([record.name, record.id, "\(record.scopes)", record.project ?? "all", record.created.inWords])
    }
    rows.lines.forEach { output.line($0) }
    return .done
  }

  static func revoke(_ word: String, data: String?, isJSON: Bool, _ output: Output) throws(Trouble)
    -> ExitCode
  {
    let file = try file(in: data)
    var revoked: TokenRecord?
    try change(file) { (table) throws(Trouble) in
      guard let record = table.find(word) else {
        throw Trouble(
          "unknown_token", "there is no token `\(word)`", at: file.path,
          next: Suggestion.next(for: word, among: table.records.map(\.name), see: "apus token list"))
      }
      table.remove(record.id)
      revoked = record
    }
    guard let revoked else { return .failed }
    if isJSON { output.line(revoked.json) } else { output.line("\(revoked.name) (\(revoked.id)) is revoked") }
    return .done
  }

  // MARK: The file

  private static func file(in data: String?) throws(Trouble) -> TokenFile {
    guard let folder = data ?? SystemProcess.environment["APUS_DATA"], !folder.isEmpty else {
      throw Trouble(
        UsageError(
          what: "which store's tokens?", place: "apus token", next: "say --data DIR, or set $APUS_DATA"))
    }
    do throws(LogError) {
      guard try StoreFolder(folder, on: RealDisk()).holdsStore() else { throw .noStore(folder: folder) }
    } catch {
      throw Trouble(error, data: folder)
    }
    return TokenFile(inFolder: folder)
  }

  private static func change(
    _ file: TokenFile, _ body: (inout TokenTable) throws(Trouble) -> Void
  ) throws(Trouble) {
    let result: Result<Void, Trouble>
    do throws(TokenFileError) { result = try file.change(body) } catch { throw Trouble(error) }
    try result.get()
  }
}

extension TokenRecord {
  fileprivate var json: JSON {
    [
      "name": .text(name), "id": .text(id), "scopes": .text("\(scopes)"),
      "project": project.map { .text($0) } ?? .null, "made": .text("\(created)"),
    ]
  }
}

extension Trouble {
  init(_ error: TokenFileError) {
    switch error {
    case .system(let error):
      self.init(
        "system", "the tokens cannot be read or written: \(error.call) says \(error.errno)",
        at: error.subject,
        next: "check who owns the folder: the server and `apus token` run as the same user")
    case .unreadable(let path):
      self.init(
        "tokens_unreadable", "the file of tokens is damaged, or was edited by hand", at: path,
        next: "restore it from a backup, or move it away and make the tokens anew")
    case .inUse(let path, let process):
      self.init(
        "in_use", "somebody else is changing the tokens" + (process.map { ": process \($0)" } ?? ""),
        at: path,
        next: "try again")
    }
  }
}
