// Verbs that a server runs: the words go there with the files that they name, and what it prints is printed here. Where it
// is: --server, else $APUS_URL, else this machine's usual port. A token is read from a file, never from the command line,
// where everybody on the machine can see it.

import ApusBytes
import ApusContracts
import ApusServer
import ApusSystem
import ApusWire

enum Remote {
  /// What a command line says of the server.
  struct Choice: Equatable {
    var address: String?
    var tokenFile: String?
  }

  /// Whom to ask, and as whom.
  struct Peer {
    let addresses: [SocketAddress]
    let token: AccessToken?

    func connect() throws(Trouble) -> RemoteConnection {
      try RemoteConnection.open(to: addresses, token: token)
    }
  }

  static func run(
    _ job: Job, _ arguments: [String], _ choice: Choice, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    // Mistakes in files are told before anybody is asked.
    var files = try DefinitionSources.files(at: job.definitions)
    if !files.isEmpty {
      do throws(DefinitionErrors) { _ = try DefinitionReader.read(files) } catch { throw Trouble(error) }
    }
    if job.readsInput {
      files.append(DefinitionFile(name: EntityInput.name, bytes: try EntityInput.bytes()))
    }
    if let path = job.receipts {
      files.append(DefinitionFile(name: path, bytes: try KeptAnswers.read(path)))
    }
    let peer = Peer(addresses: try addresses(choice.address), token: try token(choice.tokenFile))
    switch job {
    case .export(let options): return try RemoteExport.run(options, to: peer, isJSON: isJSON, output)
    case .verifyExport(let path, let spine):
      return try ExportVerify.run(path, spine: spine, to: peer, isJSON: isJSON, output)
    default: break
    }
    if case .push(let options) = job {
      let option = choice.address.map { " --server \(Shell.word($0))" } ?? ""
      return try RemotePush.run(options, to: peer, option: option, isJSON: isJSON, output)
    }
    var connection = try peer.connect()
    switch job {
    case .ping: return try ping(&connection, isJSON: isJSON, output)
    case .status: return try ServerStatus.run(&connection, words(arguments), isJSON: isJSON, output)
    case .get(let options):
      if let minimum = options.minimum { try wait(for: minimum, &connection) }
      return try console(&connection, words(arguments), files, output)
    case .backfill(let options):
      return try Backfilling.run(options, &connection, words(arguments), output)
    // What a pin keeps is the server's to know.
    case .history(let options) where options.what.pin == nil:
      return try History.run(options, &connection, isJSON: isJSON, output)
    case .explain(let options) where options.what.pin == nil:
      return try Explain.run(options, &connection, isJSON: isJSON, output)
    default: return try console(&connection, words(arguments), files, output)
    }
  }

  /// How long `get` waits for its least LSN. A server has no thread to spare for that, so it is done before the command goes there.
  static let waitMilliseconds: UInt16 = 10_000

  private static func wait(for lsn: LSN, _ connection: inout RemoteConnection) throws(Trouble) {
    let body = try connection.ask(
      .wait, milliseconds: Int32(waitMilliseconds) + 10_000, deadline: waitMilliseconds
    ) { WaitRequest(lsn, .visible).encode(into: &$0) }
    _ = try connection.read("WAIT's answer", body) { (body) throws(WireError) in
      try WaitReply(decoding: body)
    }
  }

  /// The command line without what says where to send it.
  static func words(_ arguments: [String]) -> [String] {
    let own = Verb.remote.map(\.name)
    var words: [String] = []
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if own.contains(word) {
        _ = rest.popFirst()
      } else if !own.contains(where: { word.hasPrefix($0 + "=") }) {
        words.append(word)
      }
    }
    return words
  }

  // MARK: Where, and who

  /// Never empty; a name may have several.
  private static func addresses(_ said: String?) throws(Trouble) -> [SocketAddress] {
    let variable = SystemProcess.environment["APUS_URL"]
    let text = said ?? variable ?? "\(ListenAddress.usual)"
    switch ServerName(text) {
    case .address(let address): return [address]
    case .name(let host, let port):
      do throws(SystemError) {
        let found = try SocketAddress.resolve(host, port: port)
        if !found.isEmpty { return found }
      } catch {
        throw Trouble(
          "no_server", "this name has no address: \(error.errno)", at: text,
          next: "check the name of the server")
      }
      throw Trouble("no_server", "this name has no address", at: text, next: "check the name of the server")
    case nil:
      throw Trouble(
        UsageError(
          what: "`\(text)` is no address of a server", place: said == nil ? "$APUS_URL" : "--server",
          next: "write HOST:PORT, tcp://HOST:PORT or unix:/PATH"))
    }
  }

  private static func token(_ said: String?) throws(Trouble) -> AccessToken? {
    guard let path = said ?? SystemProcess.environment["APUS_TOKEN_FILE"], !path.isEmpty else { return nil }
    let bytes = try SmallFile.bytes(of: path, as: "the token")
    guard let token = AccessToken(String(decoding: bytes, as: UTF8.self)) else {
      throw Trouble(
        "no_token", "this file holds no token", at: path,
        next: "it holds what `apus token create` printed, and nothing else: apus_ID_SECRET")
    }
    return token
  }

  // MARK: Asking

  static func console(
    _ connection: inout RemoteConnection, _ words: [String], _ files: [DefinitionFile], _ output: Output
  ) throws(Trouble) -> ExitCode {
    show(try ask(&connection, words, files), output)
  }

  static func ask(
    _ connection: inout RemoteConnection, _ words: [String], _ files: [DefinitionFile]
  ) throws(Trouble) -> ConsoleReply {
    let request = ConsoleRequest(
      words: words,
      files: files.map { .init(path: $0.name, content: String(decoding: $0.bytes, as: UTF8.self)) })
    // A change of definitions may wait behind a checkpoint, and a search of the log takes its time.
    let body = try connection.ask(.console, milliseconds: -1) { request.encode(into: &$0) }
    return try connection.read("the output", body) { (body) throws(WireError) in
      try ConsoleReply(decoding: body)
    }
  }

  static func show(_ reply: ConsoleReply, _ output: Output) -> ExitCode {
    for line in reply.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      output.line(String(line))
    }
    output.flush()
    let errors = Output(.error)
    for line in reply.errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      errors.line(String(line))
    }
    errors.flush()
    return ExitCode(rawValue: reply.exitCode) ?? .failed
  }

  private static func ping(
    _ connection: inout RemoteConnection, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    let clock = SystemClock()
    let begin = clock.monotonic().nanoseconds
    let body = try connection.ask(.ping, milliseconds: 10_000) { PingRequest().encode(into: &$0) }
    let taken = clock.monotonic().nanoseconds - begin
    let reply = try connection.read("PING's answer", body) { (body) throws(WireError) in
      try PingReply(decoding: body)
    }
    if isJSON {
      output.line([
        "server": .text("\(connection.address)"), "version": .text(connection.server),
        "nanoseconds": .number(taken), "visible_lsn": .number(reply.visible.rawValue),
        "clock": .text("\(WallTime(nanoseconds: reply.clockNanoseconds))"),
      ])
    } else {
      output.line(
        "\(connection.address) answers in \(taken / 1_000) µs: \(connection.server), LSN \(reply.visible)")
    }
    return .done
  }
}

/// How people name a server: `tcp://db:7399`, `127.0.0.1:7399`, `unix:/run/apus.sock`.
enum ServerName: Equatable {
  case address(SocketAddress)
  case name(String, port: UInt16)

  init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count <= 107 else { return nil }
      self = .address(.unix(path: path))
      return
    }
    let prefix = "tcp://"
    let rest = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    if let address = ListenAddress(rest) {
      guard address.port > 0 else { return nil }
      self = .address(address.socketAddress)
      return
    }
    guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0
    else { return nil }
    let host = rest[..<colon]
    let isName = host.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x2D, 0x5F: true
      default: false
      }
    }
    // What looks like an address and is none is a slip, and not a name.
    guard isName, host.contains(where: \.isLetter) else { return nil }
    self = .name(String(host), port: port)
  }
}
