// Writing exactly once. Every request carries the next number, and is repeated under that number until it is known what came of it:
// the server gives the first answer again. No later request goes out before: one under way at a time, in the order of the calls.
//
// A number is used up only by a request that wrote; one that was refused leaves it to the next.

import ApusBytes
import ApusWire

public actor FeatureProducer {
  public nonisolated let name: String
  private let client: ApusClient
  private let id: UInt32
  private let epoch: UInt32
  private var nextSequence: UInt64
  /// How far the source was read, as the last request that wrote said it.
  public private(set) var sourceOffset: [UInt8]?
  /// A request that may have been done: its answer is fetched before anything else is said.
  private var unsettled: Request?

  private var isTaken = false
  private var turns: [CheckedContinuation<Void, Never>] = []

  private struct Request {
    let type: MessageType
    let body: [UInt8]
    let sourceOffset: [UInt8]?
  }

  init(client: ApusClient, name: String, _ reply: ProducerReply) {
    self.client = client
    self.name = name
    id = reply.id
    epoch = reply.epoch
    nextSequence = reply.lastSequence &+ 1
    sourceOffset = reply.sourceOffset
  }

  /// The number of the last request that wrote; 0: none has.
  public var lastSequence: UInt64 { nextSequence &- 1 }

  /// Writes rows of a view, once, however often the way to the server breaks.
  ///
  /// After an error with `mayBeDone`, the next call asks first what came of it.
  ///
  /// `sourceOffset`: how far the source was read with these rows; kept with them, all or nothing.
  public func push(
    _ view: String, _ rows: [FeatureRow], sourceOffset: [UInt8]? = nil, options: PushOptions = PushOptions()
  ) async throws(ClientError) -> PushResult {
    try await send(.push, try PushBatch(view, rows, options), sourceOffset, options.timeout)
  }

  /// Says of entities that they are no more.
  public func delete(
    _ view: String, _ keys: [[FeatureValue]], eventTimeNanoseconds: Int64? = nil,
    sourceOffset: [UInt8]? = nil, options: PushOptions = PushOptions()
  ) async throws(ClientError) -> PushResult {
    let rows = keys.map { FeatureRow(key: $0, eventTimeNanoseconds: eventTimeNanoseconds) }
    return try await send(
      .delete, try PushBatch(view, rows, options, isDelete: true), sourceOffset, options.timeout)
  }

  private func send(
    _ type: MessageType, _ batch: PushBatch, _ offset: [UInt8]?, _ timeout: Duration?
  ) async throws(ClientError) -> PushResult {
    await takeTurn()
    defer { giveTurn() }
    // It begins with its turn: a call is not late because another was slow.
    let deadline = client.deadline(timeout)
    if let before = unsettled {
      do throws(ClientError) {
        _ = try await settle(before, deadline)
      } catch {
        // Refused for what it says: its caller was told already, and its number is free.
        if error.isRetryable || error.mayBeDone { throw error }
        unsettled = nil
      }
    }
    let body = batch.body(
      PushHead.Producer(id: id, epoch: epoch, sequence: nextSequence, sourceOffset: offset))
    return try await settle(Request(type: type, body: body, sourceOffset: offset), deadline)
  }

  private func settle(_ request: Request, _ deadline: UInt64) async throws(ClientError) -> PushResult {
    let client = client
    let wasUnsettled = unsettled != nil
    do throws(ClientError) {
      let reply = try await client.attempt(isRepeatable: true, isWrite: true, deadline: deadline) {
        connection throws(ClientError) in
        try await client.call(request.type, request.body, on: connection, deadline: deadline)
      }
      let result: PushResult
      do throws(ClientError) {
        result = try ApusClient.pushed(reply)
      } catch {
        throw error.uncertain(true)
      }
      unsettled = nil
      if result.lsns != nil {
        nextSequence &+= 1
        if let offset = request.sourceOffset { sourceOffset = offset }
      }
      return result
    } catch {
      // What may have been done before may still be, unless the server refused the request itself.
      let mayBeDone = error.mayBeDone || (wasUnsettled && error.isRetryable)
      unsettled = mayBeDone ? request : unsettled
      throw error.uncertain(mayBeDone)
    }
  }

  private func takeTurn() async {
    guard isTaken else {
      isTaken = true
      return
    }
    await withCheckedContinuation { turns.append($0) }
  }

  private func giveTurn() {
    if turns.isEmpty { isTaken = false } else { turns.removeFirst().resume() }
  }
}

extension ApusClient {
  /// Takes a producer's name. Whoever had it before can write no more.
  public func producer(_ name: String, timeout: Duration? = nil) async throws(ClientError) -> FeatureProducer
  {
    let reply = try await read(.producer, timeout: timeout) {
      ProducerRequest(name: name).encode(into: &$0)
    } _: { (body) throws(WireError) in
      try ProducerReply(decoding: body)
    }
    return FeatureProducer(client: self, name: name, reply)
  }
}
