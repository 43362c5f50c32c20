// A training set on its way: the spine goes up while it is made, the set comes down while it is taken, as pieces of one Arrow stream
// each. Neither is ever held, and who stops taking stops the server.

import ApusBytes
import ApusSystem
import ApusWire

/// The set's rows, as an Arrow stream in pieces; where these divide it means nothing. To be walked once.
public struct TrainingSet: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = ClientError

  /// How far the server is.
  public struct Progress: Equatable, Sendable {
    public enum Phase: Sendable { case reading, joining, writing }
    public let phase: Phase
    public let rows: Int
    /// Nil while nobody knows.
    public let total: Int?

    init(_ progress: StreamProgress) {
      switch progress.phase {
      case .reading: phase = .reading
      case .joining: phase = .joining
      case .writing: phase = .writing
      }
      rows = Int(clamping: progress.done)
      total = progress.total.map { Int(clamping: $0) }
    }
  }

  /// What was made. Until it is known, what came is no set.
  public struct Outcome: Equatable, Sendable {
    public let lsn: ApusClient.LSN
    public let rows: Int
    /// Of what it was made; 32 bytes.
    public let identity: [UInt8]
    /// Of what it says; 32 bytes.
    public let contentDigest: [UInt8]
    /// JSON: what belongs beside the set, as it is.
    public let manifest: String
  }

  /// Cancels the stream when nobody holds the set any more.
  private final class Holder: Sendable {
    let pipe: StreamPipe
    /// Gives the spine, which need not have an end.
    private let feeder: Task<Void, Never>?

    init(_ pipe: StreamPipe, _ feeder: Task<Void, Never>?) {
      self.pipe = pipe
      self.feeder = feeder
    }

    deinit { cancel() }

    func cancel() {
      pipe.cancel()
      feeder?.cancel()
    }
  }

  private let holder: Holder

  init(_ pipe: StreamPipe, feeder: Task<Void, Never>? = nil) { holder = Holder(pipe, feeder) }

  public func makeAsyncIterator() -> Iterator { Iterator(set: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let set: TrainingSet

    public mutating func next() async throws(ClientError) -> [UInt8]? {
      try await set.holder.pipe.next()
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(ClientError) -> [UInt8]? {
      try await set.holder.pipe.next()
    }
  }

  /// The last word, which comes behind all rows: to be asked for when they were taken.
  public func outcome() async throws(ClientError) -> Outcome {
    let reply = try await holder.pipe.reply()
    return Outcome(
      lsn: ApusClient.LSN(reply.lsn), rows: Int(clamping: reply.rows), identity: reply.identity,
      contentDigest: reply.contentDigest, manifest: reply.manifest)
  }

  /// What the server said last of it.
  public var progress: Progress? { holder.pipe.progress }

  /// Nobody wants it any more. A task that walks over the set does this by being cancelled.
  public func cancel() { holder.cancel() }
}

extension ApusClient {
  /// Has a training set made for the labels of a spine: an Arrow stream, in pieces as they come.
  ///
  /// Nothing is made again by itself: the spine may be had once only. `isRetryable` of an error says whether the whole may be.
  public func trainingSet<Spine: AsyncSequence & Sendable>(
    _ request: TrainingSetRequest, spine: Spine
  ) throws(ClientError) -> TrainingSet where Spine.Element == [UInt8] {
    let pipe = try stream(request, events: nil)
    let feeder = Task {
      do {
        for try await piece in spine {
          guard await pipe.send(piece) else { return }
        }
        pipe.finishSpine()
      } catch {
        pipe.finish(.failure(ClientError(.badInput, "the spine ended: \(error)")))
        pipe.cancel()
      }
    }
    return TrainingSet(pipe, feeder: feeder)
  }

  /// The same of a view's own events, within moments that are both included. Only of a view.
  public func trainingSet(
    _ request: TrainingSetRequest, eventsWithin moments: ClosedRange<Int64>
  ) throws(ClientError) -> TrainingSet {
    TrainingSet(try stream(request, events: moments))
  }

  private func stream(
    _ request: TrainingSetRequest, events: ClosedRange<Int64>?
  ) throws(ClientError) -> StreamPipe {
    let wire = try request.wire(events: events)
    let body = Self.body { wire.encode(into: &$0) }
    do throws(SystemError) {
      let pipe = try StreamPipe()
      let connector = Connector(address: address, options: options, mailbox: mailbox)
      try StreamThread.start(pipe, connector, request: body, hasSpine: events == nil)
      return pipe
    } catch {
      throw ClientError(.closed, "the stream cannot begin: \(error)")
    }
  }
}
