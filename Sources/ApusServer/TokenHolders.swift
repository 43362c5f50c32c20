// Which open connections came in with which token, so that those of one that is revoked are told and closed.
//
// A session is in here before its token is checked. So a revocation that the check did not see finds it here, and none is missed.

import ApusSystem

final class TokenHolders: Sendable {
  /// One session's place.
  struct Place: Sendable {
    fileprivate let number: UInt64
    let token: String
  }

  private struct Box: Sendable {
    var lastNumber: UInt64 = 0
    /// By token, then by place.
    var ports: [String: [UInt64: any ReplyPort]] = [:]
  }

  private let box = Monitor(Box())

  func add(_ token: String, _ port: any ReplyPort) -> Place {
    box.withLock { box in
      box.lastNumber += 1
      box.ports[token, default: [:]][box.lastNumber] = port
      return Place(number: box.lastNumber, token: token)
    }
  }

  func remove(_ place: Place) {
    box.withLock { box in
      box.ports[place.token]?[place.number] = nil
      if box.ports[place.token]?.isEmpty == true { box.ports[place.token] = nil }
    }
  }

  /// Ends the sessions of these tokens, each on its own loop.
  func revoke(_ tokens: Set<String>) {
    let ports = box.withLock { box in tokens.flatMap { box.ports[$0]?.values.map { $0 } ?? [] } }
    for port in ports {
      port.run { session, output, _ in session.tokenRevoked(&output) }
    }
  }
}
