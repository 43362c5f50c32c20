// Another process, for as long as a test needs it.

import ApusSystem
import Glibc

final class Child {
  let id: pid_t
  private var isOver = false

  init(_ command: String...) throws {
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer {
      for index in command.indices { unsafe free(arguments[index]) }
    }
    var id: pid_t = 0
    let failed = unsafe posix_spawn(&id, command[0], nil, nil, &arguments, environ)
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

/// Whether something comes true within ten seconds.
func eventually(_ condition: () throws -> Bool) -> Bool {
  for _ in 0..<1_000 {
    if (try? condition()) == true { return true }
    usleep(10_000)
  }
  return false
}
