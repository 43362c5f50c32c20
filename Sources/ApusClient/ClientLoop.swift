// The client's thread: it owns the sockets, and everybody who waits. Every waiter is answered exactly once: by a reply, by its
// deadline, by its cancellation, with the end of its connection, or with the end of the client.
//
// It never waits for anything but readiness and time: what may take long, finding and connecting, is a connector's.

import ApusBytes
import ApusSystem
import ApusWire

/// Owned by its thread, from `run` to the end.
final class ClientLoop {
  private struct Waiting {
    let waiter: Waiter?
    let deadline: UInt64
    /// Nil: waits for a connection.
    let link: UInt64?
    /// Where the frame begins in what the connection sends; nil: it waits for room in flight.
    var frameAt: UInt64?
  }

  private enum Slot {
    case empty
    case connecting(attempt: UInt64)
    case taken(link: UInt64)
  }

  static let wakeToken: UInt64 = 0
  private static let receiveByteCount = 64 * 1024

  private let mailbox: LoopMailbox
  private let connector: Connector
  private let clock: any Clock
  private let poller: Poller
  private let connectNanoseconds: UInt64

  private var slots: [Slot]
  private var links: [UInt64: Link] = [:]
  /// Links with something to send.
  private var eager: Set<UInt64> = []
  private var lastNumber: UInt64 = 0
  private var waiting: [UInt64: Waiting] = [:]
  /// Tickets of those who wait for a connection.
  private var openers: Set<UInt64> = []
  /// No deadline is before this.
  private var earliest = UInt64.max

  /// The poller watches the mailbox already.
  init(
    mailbox: LoopMailbox, connector: Connector, poller: Poller, options: ClientOptions, clock: any Clock
  ) {
    self.mailbox = mailbox
    self.connector = connector
    self.poller = poller
    self.clock = clock
    connectNanoseconds = options.connectTimeout.clampedNanoseconds
    slots = Array(repeating: .empty, count: max(1, options.connections))
  }

  /// Returns when the mailbox is closed and everybody is answered.
  func run() {
    var block = ByteBlock(byteCount: Self.receiveByteCount)
    while true {
      let ready: Int
      do throws(SystemError) {
        ready = try poller.wait(milliseconds: patience())
      } catch {
        // The kernel cannot say any more what is ready: nothing here would ever move again.
        mailbox.close()
        return finish(ClientError(.closed, "the client's thread failed: \(error)"))
      }
      for index in 0..<ready {
        let (token, readiness) = poller.ready(at: index)
        if token == Self.wakeToken {
          mailbox.wake.heard()
        } else if let link = links[token] {
          if readiness != .writable { receive(link, into: &block) }
          eager.insert(token)
        }
      }
      let (letters, isClosed) = mailbox.take()
      for letter in letters { read(letter) }
      if isClosed { return finish(ClientError(.closed, "the client was closed")) }
      expire()
      for number in eager { if let link = links[number] { send(link) } }
      eager.removeAll(keepingCapacity: true)
    }
  }

  private func patience() -> Int32 {
    guard earliest != .max else { return -1 }
    let now = clock.monotonic().nanoseconds
    if earliest <= now { return 0 }
    return Int32(clamping: (earliest - now) / 1_000_000 + 1)
  }

  // MARK: Letters

  private func read(_ letter: Letter) {
    switch letter {
    case .open(let ticket, let deadline, let waiter):
      wait(ticket, Waiting(waiter: waiter, deadline: deadline, link: nil))
      openers.insert(ticket)
      // It may have come to stand since the caller looked.
      if let connection = mailbox.connection() {
        answer(ticket, .success(.connection(connection)))
      } else {
        connect(atLeastOne: true)
      }
    case .call(let call):
      guard let link = links[call.connection] else {
        mailbox.answered()
        call.waiter?.resume(returning: .failure(ClientError(.connectionLost, "the connection was closed")))
        return
      }
      wait(call.ticket, Waiting(waiter: call.waiter, deadline: call.deadline, link: link.number))
      link.queue.append(call)
      eager.insert(link.number)
      connect(atLeastOne: false)
    case .cancel(let ticket): abandon(ticket, ClientError(.cancelled, "the task was cancelled"))
    case .connected(let slot, let attempt, let descriptor): begin(slot, attempt, StreamSocket(descriptor))
    case .notConnected(let slot, let attempt, let error):
      guard case .connecting(attempt) = slots[slot] else { return }
      slots[slot] = .empty
      failOpeners(error)
    }
  }

  private func wait(_ ticket: UInt64, _ new: Waiting) {
    waiting[ticket] = new
    earliest = min(earliest, new.deadline)
  }

  private func answer(_ ticket: UInt64, _ result: Result<Answer, ClientError>) {
    guard let found = waiting.removeValue(forKey: ticket) else { return }
    openers.remove(ticket)
    mailbox.answered()
    found.waiter?.resume(returning: result)
  }

  /// Answers with an error, and lets the reply go by when it comes.
  private func abandon(_ ticket: UInt64, _ error: ClientError) {
    guard let found = waiting[ticket] else { return }
    var mayBeDone = false
    if let number = found.link, let link = links[number] {
      mayBeDone = link.mayHaveLeft(found.frameAt)
      link.state.forget(ticket)
    }
    answer(ticket, .failure(error.uncertain(mayBeDone)))
  }

  private func expire() {
    guard earliest != .max else { return }
    let now = clock.monotonic().nanoseconds
    guard earliest <= now else { return }
    for (ticket, one) in waiting where one.deadline <= now {
      abandon(ticket, ClientError(.deadlinePassed, "no answer came in time"))
    }
    for (number, link) in links where !link.state.isOpen && link.greetingDeadline <= now {
      end(number, ClientError(.cannotConnect, "the server did not answer HELLO in time"))
    }
    earliest = waiting.values.lazy.map(\.deadline).min() ?? .max
    for link in links.values where !link.state.isOpen { earliest = min(earliest, link.greetingDeadline) }
  }

  // MARK: Connections

  /// Fills empty places. Without `atLeastOne`, only when nobody connects yet.
  private func connect(atLeastOne: Bool) {
    var isConnecting = false
    for slot in slots.indices {
      switch slots[slot] {
      case .taken(let number): if links[number]?.live == nil { isConnecting = true }
      case .connecting: isConnecting = true
      case .empty:
        if isConnecting { return }
        lastNumber += 1
        slots[slot] = .connecting(attempt: lastNumber)
        isConnecting = true
        if let error = connector.start(slot: slot, attempt: lastNumber) {
          slots[slot] = .empty
          return failOpeners(error)
        }
      }
    }
  }

  private func begin(_ slot: Int, _ attempt: UInt64, _ socket: consuming StreamSocket) {
    guard case .connecting(attempt) = slots[slot] else { return }
    let now = clock.monotonic().nanoseconds
    lastNumber += 1
    let link = Link(
      number: lastNumber, slot: slot, socket: socket, hello: connector.hello,
      greetingDeadline: now.later(by: connectNanoseconds))
    do throws(SystemError) {
      try poller.watch(link.raw, for: .readable, token: link.number)
    } catch {
      slots[slot] = .empty
      return failOpeners(ClientError(.cannotConnect, "\(error)"))
    }
    links[link.number] = link
    slots[slot] = .taken(link: link.number)
    earliest = min(earliest, link.greetingDeadline)
    eager.insert(link.number)
  }

  private func failOpeners(_ error: ClientError) {
    for ticket in openers { answer(ticket, .failure(error)) }
  }

  private func receive(_ link: Link, into block: inout ByteBlock) {
    var events: [ConnectionState.Event] = []
    link.receive(into: &block, events: &events)
    for event in events {
      switch event {
      case .greeted(let hello):
        let live = LiveConnection(number: link.number, hello: hello)
        link.live = live
        mailbox.stands(live)
        for ticket in openers { answer(ticket, .success(.connection(live))) }
      case .reply(let id, let body): answer(id, .success(.body(body)))
      case .refused(let id, let refusal):
        let error = ClientError(refusal)
        answer(id, .failure(error.uncertain(!error.provesNothingWritten)))
      // Streams have connections of their own.
      case .streamed: break
      case .ended(let error): end(link.number, error)
      }
    }
  }

  /// Sends what is to be sent, and what waited for room.
  private func send(_ link: Link) {
    let now = clock.monotonic().nanoseconds
    while let call = link.queue.first {
      guard var found = waiting[call.ticket] else {
        link.queue.removeFirst()
        continue
      }
      let at = link.outbox.end
      switch link.request(call, now: now) {
      case .sent:
        found.frameAt = at
        waiting[call.ticket] = found
        link.queue.removeFirst()
        continue
      case .tooLong(let max):
        link.queue.removeFirst()
        answer(
          call.ticket,
          .failure(
            ClientError(
              .badInput, "\(call.body.count) bytes, where the server takes \(max)",
              next: "send less at a time")))
        continue
      case .full, .notOpen: break
      }
      break
    }
    guard !link.outbox.isEmpty || link.isWatchingRoom else { return }
    switch link.flush() {
    case .all: watch(link, room: false)
    case .wouldBlock: watch(link, room: true)
    case .gone: end(link.number, ClientError(.connectionLost, "the connection was cut"))
    }
  }

  private func watch(_ link: Link, room: Bool) {
    guard link.isWatchingRoom != room else { return }
    do throws(SystemError) {
      try poller.rewatch(link.raw, for: room ? [.readable, .writable] : .readable, token: link.number)
      link.isWatchingRoom = room
    } catch {
      end(link.number, ClientError(.connectionLost, "\(error)"))
    }
  }

  /// Everybody who waits for it is told, and the socket is closed with the link.
  private func end(_ number: UInt64, _ error: ClientError) {
    guard let link = links.removeValue(forKey: number) else { return }
    mailbox.fell(number)
    slots[link.slot] = .empty
    for (ticket, one) in waiting where one.link == number {
      answer(ticket, .failure(error.uncertain(link.mayHaveLeft(one.frameAt))))
    }
    if link.live == nil { failOpeners(error) }
  }

  private func finish(_ error: ClientError) {
    for (number, link) in links {
      mailbox.fell(number)
      for (ticket, one) in waiting where one.link == number {
        answer(ticket, .failure(error.uncertain(link.mayHaveLeft(one.frameAt))))
      }
    }
    links = [:]
    for ticket in waiting.keys { answer(ticket, .failure(error)) }
    // Nothing is posted after the end was seen; what was posted before it may lie there still.
    for letter in mailbox.take().letters { read(letter) }
    for ticket in waiting.keys { answer(ticket, .failure(error)) }
  }
}
