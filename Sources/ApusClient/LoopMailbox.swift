// What callers and connectors tell the client's thread, and which connections stand for them to choose from. A letter that
// comes after the end is refused, and whoever wrote it keeps what was in it.

import ApusSystem
import ApusWire

/// What a call gets.
enum Answer: Sendable {
  case connection(LiveConnection)
  case body([UInt8])
}

typealias Waiter = CheckedContinuation<Result<Answer, ClientError>, Never>

enum Letter: Sendable {
  /// Somebody needs a connection, and none stood.
  case open(ticket: UInt64, deadline: UInt64, Waiter)
  case call(CallLetter)
  /// The caller does not wait any more.
  case cancel(ticket: UInt64)
  /// A connector's descriptor, which is the loop's now.
  case connected(slot: Int, attempt: UInt64, descriptor: Int32)
  case notConnected(slot: Int, attempt: UInt64, ClientError)
}

struct CallLetter: Sendable {
  /// The request's id on the wire, too.
  let ticket: UInt64
  let connection: UInt64
  let type: MessageType
  let body: [UInt8]
  let deadline: UInt64
  /// Nil: nobody asks what came of it.
  let waiter: Waiter?
}

final class LoopMailbox: Sendable {
  private struct State: Sendable {
    var letters: [Letter] = []
    var live: [LiveConnection] = []
    var turn = 0
    var lastTicket: UInt64 = 0
    var underWay = 0
    var isClosed = false
  }

  private let state = Monitor(State())
  let wake: WakeUp
  private let callsMax: Int

  init(callsMax: Int) throws(SystemError) {
    wake = try WakeUp()
    self.callsMax = callsMax
  }

  // MARK: Callers

  /// A connection that stands, each in its turn.
  func connection() -> LiveConnection? {
    state.withLock { state in
      guard !state.live.isEmpty else { return nil }
      state.turn = (state.turn + 1) % state.live.count
      return state.live[state.turn]
    }
  }

  func nextTicket() -> UInt64 {
    state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
  }

  /// Posts a letter that somebody waits for. Throws when nobody would ever answer.
  func post(waitedFor letter: Letter) throws(ClientError) {
    let isFirst = try state.withLock { state throws(ClientError) in
      guard !state.isClosed else { throw ClientError(.closed, "the client was closed") }
      guard state.underWay < callsMax else {
        throw ClientError(
          .busy, "\(callsMax) calls are under way", next: "call less at a time, or raise callsMax")
      }
      state.underWay += 1
      state.letters.append(letter)
      return state.letters.count == 1
    }
    if isFirst { wake.ring() }
  }

  /// False when the loop is at its end.
  @discardableResult
  func post(_ letter: Letter) -> Bool {
    let (isOpen, isFirst) = state.withLock { state in
      guard !state.isClosed else { return (false, false) }
      state.letters.append(letter)
      return (true, state.letters.count == 1)
    }
    if isFirst { wake.ring() }
    return isOpen
  }

  func close() {
    state.withLock { $0.isClosed = true }
    wake.ring()
  }

  // MARK: The loop

  /// Everything that came, and whether nothing comes any more.
  func take() -> (letters: [Letter], isClosed: Bool) {
    state.withLock { state in
      let letters = state.letters
      state.letters = []
      return (letters, state.isClosed)
    }
  }

  func stands(_ connection: LiveConnection) {
    state.withLock { $0.live.append(connection) }
  }

  func fell(_ number: UInt64) {
    state.withLock { $0.live.removeAll { $0.number == number } }
  }

  /// A letter that was waited for has its answer.
  func answered(_ count: Int = 1) {
    state.withLock { $0.underWay -= count }
  }
}
