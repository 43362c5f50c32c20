// What a stream's thread and the tasks on either end of it share. Each direction holds a bounded number of bytes: a task that sends waits until there
// is room, one that takes waits until there is something, and the thread gives the server credit for what was taken, and for nothing else.

import ApusSystem
import ApusWire

final class StreamPipe: Sendable {
  /// Of the set, on their way and not taken yet.
  static let windowByteCount = 1 << 20
  /// Of the spine, behind which its task waits.
  static let aheadByteCount = 256 << 10

  private struct State: Sendable {
    var up: [UInt8] = []
    var isUpOver = false
    var sender: CheckedContinuation<Bool, Never>?
    var down: [[UInt8]] = []
    /// Taken since credit was given.
    var taken = 0
    var taker: CheckedContinuation<Void, Never>?
    var reply: Result<ExportReply, ClientError>?
    var isCancelled = false
    var progress: TrainingSet.Progress?
  }

  let wake: WakeUp
  private let state = Monitor(State())

  init() throws(SystemError) { wake = try WakeUp() }

  // MARK: Tasks

  /// Gives a piece of the spine; false when nobody wants it any more.
  func send(_ bytes: [UInt8]) async -> Bool {
    let isThere = state.withLock { state in
      guard state.reply == nil, !state.isCancelled else { return false }
      state.up += bytes
      return true
    }
    guard isThere else { return false }
    wake.ring()
    return await withCheckedContinuation { sender in
      let answer: Bool? = state.withLock { state in
        if state.reply != nil || state.isCancelled { return false }
        if state.up.count <= Self.aheadByteCount { return true }
        state.sender = sender
        return nil
      }
      if let answer { sender.resume(returning: answer) }
    }
  }

  func finishSpine() {
    state.withLock { $0.isUpOver = true }
    wake.ring()
  }

  /// The next piece of the set; nil behind its end.
  func next() async throws(ClientError) -> [UInt8]? {
    while true {
      let (piece, reply) = state.withLock { state -> ([UInt8]?, Result<ExportReply, ClientError>?) in
        guard !state.down.isEmpty, !Self.isFailure(state.reply) else { return (nil, state.reply) }
        let piece = state.down.removeFirst()
        state.taken += piece.count
        return (piece, nil)
      }
      if let piece {
        wake.ring()
        return piece
      }
      if let reply {
        _ = try reply.get()
        return nil
      }
      await changed { $0.down.isEmpty && $0.reply == nil }
    }
  }

  /// The last word.
  func reply() async throws(ClientError) -> ExportReply {
    while true {
      if let reply = state.withLock({ $0.reply }) { return try reply.get() }
      await changed { $0.reply == nil }
    }
  }

  private func changed(_ isSame: @Sendable (State) -> Bool) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (taker: CheckedContinuation<Void, Never>) in
        let before: CheckedContinuation<Void, Never>? = state.withLock { state in
          guard isSame(state) else { return taker }
          defer { state.taker = taker }
          return state.taker
        }
        before?.resume()
      }
    } onCancel: {
      cancel()
    }
  }

  var progress: TrainingSet.Progress? { state.withLock { $0.progress } }

  /// Nobody wants it any more.
  func cancel() {
    state.withLock { $0.isCancelled = true }
    finish(.failure(ClientError(.cancelled, "the task was cancelled")))
    wake.ring()
  }

  // MARK: The thread

  enum Wish {
    case piece([UInt8])
    case end
    case nothing
  }

  /// What goes up next, no more than the server takes.
  func nextUp(most: Int) -> Wish {
    let (wish, sender) = state.withLock { state -> (Wish, CheckedContinuation<Bool, Never>?) in
      if state.up.isEmpty { return (state.isUpOver ? .end : .nothing, nil) }
      guard most > 0 else { return (.nothing, nil) }
      let piece = Array(state.up.prefix(most))
      state.up.removeFirst(piece.count)
      guard state.up.count <= Self.aheadByteCount else { return (.piece(piece), nil) }
      defer { state.sender = nil }
      return (.piece(piece), state.sender)
    }
    sender?.resume(returning: true)
    return wish
  }

  /// Credit to be given again, once it is worth a frame.
  func takeOwed() -> Int {
    state.withLock { state in
      guard state.taken >= Self.windowByteCount / 4 else { return 0 }
      defer { state.taken = 0 }
      return state.taken
    }
  }

  func receive(_ piece: [UInt8]) {
    let taker = state.withLock { state in
      state.down.append(piece)
      return Self.take(&state.taker)
    }
    taker?.resume()
  }

  func tell(_ progress: TrainingSet.Progress) { state.withLock { $0.progress = progress } }

  /// The first word wins.
  func finish(_ reply: Result<ExportReply, ClientError>) {
    let (sender, taker) = state.withLock { state in
      state.reply = state.reply ?? reply
      state.up = []
      if Self.isFailure(state.reply) { state.down = [] }
      return (Self.take(&state.sender), Self.take(&state.taker))
    }
    sender?.resume(returning: false)
    taker?.resume()
  }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  private static func take<T>(_ waiting: inout T?) -> T? {
    defer { waiting = nil }
    return waiting
  }

  private static func isFailure(_ reply: Result<ExportReply, ClientError>?) -> Bool {
    if case .failure? = reply { true } else { false }
  }
}
