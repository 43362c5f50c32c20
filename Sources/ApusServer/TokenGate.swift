// Who may come in. A token is looked up by its id, and the SHA-256 of its secret compared in a time that does not depend on
// where they differ; an id that nobody has takes as long, and is answered the same.
//
// Whoever asks is never kept waiting for a disk: the file is read again by somebody else, who calls `reread` every
// `rereadNanoseconds` or so. A file that cannot be read leaves in force what was read last, and that is said once for each
// failure: a slip must not lock everybody out, and cannot let anybody in.

import ApusBytes
import ApusSystem

package final class TokenGate: Sendable {
  package static let rereadNanoseconds: UInt64 = 1_000_000_000

  private struct State: Sendable {
    var tokens: [String: TokenRecord] = [:]
    var table: TokenTable
    var failure: TokenFileError?
    var whenRevoked: (@Sendable (Set<String>) -> Void)?
  }

  /// What happened to the file.
  package enum Event: Equatable, Sendable {
    case reread(tokens: Int)
    case failed(TokenFileError)
  }

  private let file: TokenFile
  private let tell: @Sendable (Event) -> Void
  private let state: Monitor<State>

  /// Throws when the file cannot be read now.
  package init(
    _ file: TokenFile, tell: @escaping @Sendable (Event) -> Void
  ) throws(TokenFileError) {
    self.file = file
    self.tell = tell
    let table = try file.read()
    state = Monitor(State(tokens: Self.byID(table), table: table))
  }

  package var tokenCount: Int { state.withLock { $0.tokens.count } }

  /// The token with this id, if the secret is its own.
  package func record(id: String, secret: [UInt8]) -> TokenRecord? {
    let record = state.withLock { $0.tokens[id] }
    let shown = SHA256.digest(of: unsafe secret.span.bytes).bytes
    let known = record?.digest.bytes ?? Self.nobody
    return Self.areEqual(shown, known) ? record : nil
  }

  /// Reads the file now.
  package func reread() {
    do throws(TokenFileError) {
      let table = try file.read()
      let (isNew, gone, whenRevoked) = state.withLock { state in
        defer { state.failure = nil }
        guard table != state.table else { return (state.failure != nil, Set<String>(), state.whenRevoked) }
        let tokens = Self.byID(table)
        let gone = state.tokens.filter { tokens[$0.key] != $0.value }.map(\.key)
        state.table = table
        state.tokens = tokens
        return (true, Set(gone), state.whenRevoked)
      }
      if isNew { tell(.reread(tokens: table.records.count)) }
      // By now nobody comes in with one of these any more.
      if !gone.isEmpty { whenRevoked?(gone) }
    } catch {
      let isNew = state.withLock { state in
        defer { state.failure = error }
        return state.failure != error
      }
      if isNew { tell(.failed(error)) }
    }
  }

  private static func byID(_ table: TokenTable) -> [String: TokenRecord] {
    Dictionary(table.records.map { ($0.id, $0) }) { first, _ in first }
  }

  /// The digest of no secret that anybody could show.
  private static let nobody = [UInt8](repeating: 0, count: SHA256.Digest.byteCount)

  /// Looks at every byte, whatever it finds.
  static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for at in a.indices { difference |= a[at] ^ b[at] }
    return difference == 0
  }
}

extension TokenGate: TokenCheck {
  package func whenRevoked(_ body: @escaping @Sendable (Set<String>) -> Void) {
    state.withLock { $0.whenRevoked = body }
  }

  package func check(id: String, secret: [UInt8]) -> Scopes? {
    record(id: id, secret: secret).map { record in
      record.project.map { Scopes(projects: [$0: record.scopes]) } ?? Scopes(everywhere: record.scopes)
    }
  }
}
