// The client: one thread of its own, and a surface of `async` calls that any task may make at the same time. What a call
// needs is with the call; what calls share are connections, and the handles that were prepared on them.
//
// A call ends in an answer or a `ClientError`, at the latest at its deadline. It is made again only where that is safe.

import ApusBytes
package import ApusSystem
import ApusWire

public final class ApusClient: Sendable {
  public let address: ServerAddress
  public let options: ClientOptions
  let mailbox: LoopMailbox
  let clock: any Clock
  /// Joined by nobody: it ends by itself when the mailbox is closed.
  private let thread: SystemThread

  /// Connects to nobody yet: the first call does.
  ///
  /// `address`: `tcp://host:port` or `unix:/path`.
  public convenience init(_ address: String, options: ClientOptions = ClientOptions()) throws(ClientError) {
    try self.init(ServerAddress(address), options: options, clock: SystemClock())
  }

  package init(_ address: ServerAddress, options: ClientOptions, clock: any Clock) throws(ClientError) {
    if let token = options.token, token.secret.count != HelloRequest.secretByteCount || token.id.isEmpty {
      throw ClientError(.badInput, "a token is an id and \(HelloRequest.secretByteCount) bytes")
    }
    self.address = address
    self.options = options
    self.clock = clock
    do throws(SystemError) {
      let mailbox = try LoopMailbox(callsMax: options.callsMax)
      let poller = try Poller()
      try poller.watch(mailbox.wake.raw, for: .readable, token: ClientLoop.wakeToken)
      let connector = Connector(address: address, options: options, mailbox: mailbox)
      self.mailbox = mailbox
      thread = try SystemThread.start(name: "apus-client") {
        ClientLoop(mailbox: mailbox, connector: connector, poller: poller, options: options, clock: clock)
          .run()
      }
    } catch {
      throw ClientError(.closed, "the client cannot begin: \(error)")
    }
  }

  deinit { mailbox.close() }

  /// Ends the connections. Calls under way, and all that follow, throw `closed`.
  public func close() { mailbox.close() }

  // MARK: Calls

  /// Of a call that may take so long; nil: as the options say.
  func deadline(_ timeout: Duration?) -> UInt64 {
    clock.monotonic().nanoseconds.later(by: (timeout ?? options.callTimeout).clampedNanoseconds)
  }

  /// Does something on a connection, and again where that is safe and may help.
  func attempt<Result: Sendable>(
    isRepeatable: Bool, isWrite: Bool = false, deadline: UInt64,
    _ body: (LiveConnection) async throws(ClientError) -> Result
  ) async throws(ClientError) -> Result {
    var attempts = 0
    var mayBeDone = false
    while true {
      attempts += 1
      var failure: ClientError
      do throws(ClientError) {
        return try await body(try await connection(deadline))
      } catch {
        failure = error
      }
      // An earlier attempt may have been heard, whatever this one was told.
      mayBeDone = isWrite && (mayBeDone || failure.mayBeDone)
      failure.mayBeDone = mayBeDone
      let decision = options.retries.decide(
        after: failure, attempts: attempts, isRepeatable: isRepeatable, now: clock.monotonic().nanoseconds,
        deadline: deadline, dice: Double.random(in: 0..<1))
      guard case .again(let nanoseconds) = decision else { throw failure }
      do {
        try await Task.sleep(nanoseconds: nanoseconds)
      } catch {
        throw ClientError(.cancelled, "the task was cancelled").uncertain(mayBeDone)
      }
    }
  }

  /// One that stands, or the first that comes to stand.
  func connection(_ deadline: UInt64) async throws(ClientError) -> LiveConnection {
    if let connection = mailbox.connection() { return connection }
    let answer = try await ask { ticket, waiter in .open(ticket: ticket, deadline: deadline, waiter) }
    guard case .connection(let connection) = answer else {
      throw ClientError(.badReply, "no connection, but a reply")
    }
    return connection
  }

  /// Sends a request and gives its reply's body.
  func call(
    _ type: MessageType, _ body: [UInt8], on connection: LiveConnection, deadline: UInt64
  ) async throws(ClientError) -> [UInt8] {
    let answer = try await ask { ticket, waiter in
      .call(
        CallLetter(
          ticket: ticket, connection: connection.number, type: type, body: body, deadline: deadline,
          waiter: waiter))
    }
    guard case .body(let reply) = answer else {
      throw ClientError(.badReply, "no reply, but a connection")
    }
    return reply
  }

  /// Sends a request whose reply nobody needs.
  func tell(_ type: MessageType, _ body: [UInt8], on connection: LiveConnection) {
    let letter = CallLetter(
      ticket: mailbox.nextTicket(), connection: connection.number, type: type, body: body,
      deadline: deadline(nil), waiter: nil)
    // A client that is closed has nothing to tell.
    try? mailbox.post(waitedFor: .call(letter))
  }

  private func ask(_ letter: (UInt64, Waiter) -> Letter) async throws(ClientError) -> Answer {
    let ticket = mailbox.nextTicket()
    let mailbox = mailbox
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (waiter: Waiter) in
        do throws(ClientError) {
          try mailbox.post(waitedFor: letter(ticket, waiter))
        } catch {
          return waiter.resume(returning: .failure(error))
        }
        // A cancellation that came before the letter was about nobody.
        if Task.isCancelled { mailbox.post(.cancel(ticket: ticket)) }
      }
    } onCancel: {
      mailbox.post(.cancel(ticket: ticket))
    }
    return try result.get()
  }

  /// A call that reads: asked again when that may help.
  func read<Reply: Sendable>(
    _ type: MessageType, timeout: Duration?, _ encode: (inout ByteWriter) -> Void,
    _ decode: (RawSpan) throws(WireError) -> Reply
  ) async throws(ClientError) -> Reply {
    let body = Self.body(encode)
    let deadline = deadline(timeout)
    let reply = try await attempt(isRepeatable: true, deadline: deadline) {
      connection throws(ClientError) in
      try await call(type, body, on: connection, deadline: deadline)
    }
    return try Self.decoded(reply, decode)
  }

  static func body(_ encode: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    encode(&writer)
    return writer.bytes.copied()
  }

  static func decoded<Reply>(
    _ body: [UInt8], _ decode: (RawSpan) throws(WireError) -> Reply
  ) throws(ClientError) -> Reply {
    do throws(WireError) {
      return try decode(unsafe body.span.bytes)
    } catch {
      throw ClientError(error)
    }
  }
}
