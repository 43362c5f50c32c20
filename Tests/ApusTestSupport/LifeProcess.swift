// The real ApusLife, which lies beside the tests in the build folder, as a child process.

import ApusSystem
import Glibc

/// A life's store and journal in a folder of its own, and the processes that live, attack and verify it.
package struct LifeProcess {
  package struct Outcome {
    /// Nil when a signal ended it, which then has a number.
    package let exitCode: Int32?
    package let signal: Int32?
    package let words: String
  }

  /// Whose life it is: a log's, or a whole store's.
  package enum Subject: String {
    case log, store

    var live: String { self == .log ? "live" : "store" }
    var verify: String { self == .log ? "verify" : "verify-store" }
  }

  package static let refused: Int32 = 3
  /// A short life: three openings, some twenty segments, most of them given up again.
  package static let shape = ["--seed", "1", "--frames", "16", "--retire"]

  package let folder: TemporaryFolder
  package let data: String
  private let subject: Subject

  /// With the store in `data`, or beside the journal.
  package init(of subject: Subject = .log, data: String? = nil) throws {
    self.subject = subject
    // A store's life syncs often, and only its process is attacked here.
    let folder = try TemporaryFolder("apus-life", inMemory: subject == .store)
    self.folder = folder
    self.data = data ?? folder.path("store")
  }

  // MARK: Programs

  package static var life: String? {
    let tests = folder(of: target("/proc/self/exe"))
    let arguments = CommandLine.arguments.map { folder(of: $0) }
    // The tests' bundle may be run by a program of the toolchain, and is then named among its arguments.
    return ([tests] + arguments).map { $0 + "/ApusLife" }.first { unsafe access($0, X_OK) == 0 }
  }

  package static var strace: String? {
    ["/usr/bin/strace", "/bin/strace"].first { unsafe access($0, X_OK) == 0 }
  }

  package static var python: String? {
    ["/usr/bin/python3", "/usr/local/bin/python3"].first { unsafe access($0, X_OK) == 0 }
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  private static func target(_ link: String) -> String {
    var characters = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink(link, &characters, characters.count)
    return String(decoding: characters.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  // MARK: Verbs

  private func command(_ verb: String, _ options: [String]) throws -> [String] {
    guard let life = LifeProcess.life else { throw SystemError("access", .noEntry, on: "ApusLife") }
    return [life, verb, "--data", data, "--journal", folder.path("journal")] + options
  }

  package func live(_ options: [String] = shape) throws -> Outcome {
    try run(command(subject.live, options))
  }

  /// The same, at its n-th call of a name on one file.
  package func live(
    _ call: String, _ number: Int, of path: String, _ what: String, _ options: [String]
  ) throws -> Outcome {
    try run(
      traced(["-P", path, "-e", "trace=\(call)", "-e", "inject=\(call):\(what):when=\(number)"])
        + command(subject.live, options))
  }

  /// A life to which something happens at its n-th call of a name.
  package func live(_ call: String, _ number: Int, _ what: String, _ options: [String] = shape) throws
    -> Outcome
  {
    try run(
      traced(["-e", "trace=\(call),write", "-e", "inject=\(call):\(what):when=\(number)"])
        + command(subject.live, options))
  }

  package func verify() throws -> Outcome { try run(command(subject.verify, ["--after", "kill"])) }

  /// Attacks the index of a store, from one number to before another.
  package func damage(seed: UInt64, from: Int, to: Int) throws -> Outcome {
    try run(command("damage", ["--seed", "\(seed)", "--from", "\(from)", "--to", "\(to)"]))
  }

  package func journaledLines() throws -> [String] {
    try text(folder.path("journal")).split(separator: "\n").filter { $0.hasSuffix(" .") }.map {
      String($0.dropLast(2))
    }
  }

  /// How often an undisturbed life makes a call.
  package static func count(
    of call: String, _ options: [String] = shape, of subject: Subject = .log
  ) throws -> Int {
    let process = try LifeProcess(of: subject)
    _ = try process.run(process.traced(["-e", "trace=\(call)"]) + process.command(subject.live, options))
    return try process.tracedCalls().count { $0.contains("\(call)(") }
  }

  /// Acknowledgements that were journaled after the call that was made to fail; nil when none failed.
  package func ackedAfterTheFault() throws -> Int? {
    let lines = try tracedCalls()
    guard let at = lines.firstIndex(where: { $0.contains("INJECTED") }) else { return nil }
    return lines[at...].count { $0.contains("write(") && $0.contains("\"ack ") }
  }

  package func journaledAcks() throws -> Int {
    try text(folder.path("journal")).split(separator: "\n").count {
      $0.hasPrefix("ack ") && $0.hasSuffix(" .")
    }
  }

  // MARK: Processes

  private func traced(_ options: [String]) throws -> [String] {
    guard let strace = LifeProcess.strace else { throw SystemError("access", .noEntry, on: "strace") }
    return [strace, "-qq", "-f", "-s", "40", "-o", folder.path("calls")] + options
  }

  private func tracedCalls() throws -> [Substring] { try text(folder.path("calls")).split(separator: "\n") }

  private func text(_ path: String) throws -> String {
    String(decoding: try RealDisk().open(path, .read).readAll(), as: UTF8.self)
  }

  /// Runs a command to its end, of a minute at most (exit code 124); what it says goes through a file.
  package func run(_ words: [String]) throws -> Outcome {
    // Swift has nothing to say about a death that was wanted.
    let command = ["/usr/bin/env", "SWIFT_BACKTRACE=enable=no", "/usr/bin/timeout", "60"] + words
    let output = folder.path("output")
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var id: pid_t = 0
    let failed = unsafe posix_spawn(&id, command[0], &actions, nil, &arguments, environ)
    if failed != 0 { throw SystemError("posix_spawn", Errno(rawValue: failed), on: command[0]) }
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0 && Glibc.errno == EINTR {}
    let signal = status & 0x7F
    return Outcome(
      exitCode: signal == 0 ? status >> 8 & 0xFF : nil, signal: signal == 0 ? nil : signal,
      words: try text(output))
  }
}
