// A connection that was greeted, as callers on any thread see it: its number, what the server said in HELLO, and the handles that
// were prepared on it. It says nothing of whether it still stands; a call on one that does not throws `connectionLost`.

import ApusSystem
import ApusWire

final class LiveConnection: Sendable {
  /// Never given to another connection of the client.
  let number: UInt64
  let hello: HelloReply
  /// Guarded by the monitor.
  let handles = Monitor<[PrepareRequest: PreparedFeatures]>([:])

  init(number: UInt64, hello: HelloReply) {
    self.number = number
    self.hello = hello
  }
}

extension PrepareRequest: Hashable {
  package func hash(into hasher: inout Hasher) {
    switch self {
    case .service(let name, let project):
      hasher.combine(0)
      hasher.combine(name)
      hasher.combine(project)
    case .features(let names, let project):
      hasher.combine(1)
      hasher.combine(names)
      hasher.combine(project)
    }
  }
}
