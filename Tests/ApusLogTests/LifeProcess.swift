// The real ApusLife, which lies beside the tests in the build folder, as a child process.

import ApusSystem
import ApusTestSupport
import Glibc

/// A life's store and journal in a folder of its own, and the processes that live, attack and verify it.
struct LifeProcess {
  struct Outcome {
    /// Nil when a signal ended it.
    let exitCode: Int32?
    let words: String
  }

  static let refused: Int32 = 3
  /// A short life: three openings, some twenty segments, most of them given up again.
  static let shape = ["--seed", "1", "--frames", "16", "--retire"]

  let folder: TemporaryFolder
  let data: String

  /// With the store in `data`, or beside the journal.
  init(data: String? = nil) throws {
    let folder = try TemporaryFolder("apus-life")
    self.folder = folder
    self.data = data ?? folder.path("store")
  }

  // MARK: Programs

  static var life: String? {
    let tests = folder(of: target("/proc/self/exe"))
    let arguments = CommandLine.arguments.map { folder(of: $0) }
    // The tests' bundle may be run by a program of the toolchain, and is then named among its arguments.
    return ([tests] + arguments).map { $0 + "/ApusLife" }.first { unsafe access($0, X_OK) == 0 }
  }

  static var strace: String? { ["/usr/bin/strace", "/bin/strace"].first { unsafe access($0, X_OK) == 0 } }

  static var python: String? {
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

  func live(_ options: [String] = shape) throws -> Outcome { try run(command("live", options)) }

  /// A life to which something happens at its n-th call of a name.
  func live(_ call: String, _ number: Int, _ what: String, _ options: [String] = shape) throws -> Outcome {
    try run(
      traced(["-e", "trace=\(call),write", "-e", "inject=\(call):\(what):when=\(number)"])
        + command("live", options))
  }

  func verify() throws -> Outcome { try run(command("verify", ["--after", "kill"])) }

  /// How often an undisturbed life makes a call.
  static func count(of call: String, _ options: [String] = shape) throws -> Int {
    let process = try LifeProcess()
    _ = try process.run(process.traced(["-e", "trace=\(call)"]) + process.command("live", options))
    return try process.tracedCalls().count { $0.contains("\(call)(") }
  }

  /// Acknowledgements that were journaled after the call that was made to fail; nil when none failed.
  func ackedAfterTheFault() throws -> Int? {
    let lines = try tracedCalls()
    guard let at = lines.firstIndex(where: { $0.contains("INJECTED") }) else { return nil }
    return lines[at...].count { $0.contains("write(") && $0.contains("\"ack ") }
  }

  func journaledAcks() throws -> Int {
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
  func run(_ words: [String]) throws -> Outcome {
    let command = ["/usr/bin/timeout", "60"] + words
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
    return Outcome(exitCode: status & 0x7F == 0 ? status >> 8 & 0xFF : nil, words: try text(output))
  }
}
