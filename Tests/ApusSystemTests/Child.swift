// Another process, for as long as a test needs it.

import ApusSystem
import Glibc

final class Child {
  let id: pid_t
  private var isOver = false

  /// Starts a command; what it says goes to `output`.
  init(_ command: String..., output: Int32 = 1) throws {
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer {
      for index in command.indices { unsafe free(arguments[index]) }
    }
    var id: pid_t = 0
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let failed = unsafe posix_spawn(&id, command[0], &actions, nil, &arguments, environ)
    if failed != 0 { throw SystemError("posix_spawn", Errno(rawValue: failed), on: command[0]) }
    self.id = id
  }

  deinit { kill() }

  func kill() {
    if isOver { return }
    _ = Glibc.kill(id, SIGKILL)
    _ = exitCode()
  }

  /// Waits for its end; nil when a signal ended it.
  @discardableResult func exitCode() -> Int32? {
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0 && Glibc.errno == EINTR {}
    isOver = true
    return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
  }
}
