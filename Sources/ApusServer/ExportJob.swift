// One export, as the loop of its connection and the thread that makes it share it. Bytes go up and down through two small buffers: what came
// of the spine and is not in its file yet, never more than the credit that was given, and what was made of the set and is not sent yet, never
// more than two pieces. Whoever waits for the other waits here, and not for longer than the other may take.

import ApusBytes
import ApusSystem
import ApusWire

/// Why nobody wants it any more.
enum ExportEnd: Error, Equatable, Sendable {
  /// The client said so, or is gone; nobody is told.
  case abandoned
  /// Its deadline has come.
  case late
  /// The client took or gave nothing for too long.
  case stalled
  case shuttingDown
}

final class ExportJob: Sendable {
  private struct State: Sendable {
    /// Of the spine, in order.
    var came: [UInt8] = []
    var isWhole = false
    /// Of the set, in order.
    var made: [[UInt8]] = []
    /// The last word, behind everything that was made, or in place of it.
    var lastWord: [UInt8]?
    var dropsRows = false
    /// The loop has the last word.
    var isAnswered = false
    var end: ExportEnd?
    /// Rises whenever the client gave or took something.
    var moves: UInt64 = 0
    /// The loop has a letter that it has not read yet.
    var isCalled = false
    var phase: StreamProgress.Phase?
    var toldAt: UInt64 = 0
  }

  private static let piecesMax = 2

  let id: UInt64
  let request: ExportRequest
  let project: String
  /// `UInt64.max`: never.
  private let due: UInt64
  private let idleNanoseconds: UInt64
  private let clock: any Clock
  private let port: any ReplyPort
  private let state = Monitor(State())

  init(
    _ request: ExportRequest, project: String, id: UInt64, due: UInt64, idleNanoseconds: UInt64,
    clock: any Clock, _ port: any ReplyPort
  ) {
    (self.request, self.project, self.id, self.due) = (request, project, id, due)
    self.idleNanoseconds = idleNanoseconds
    self.clock = clock
    self.port = port
  }

  // MARK: The loop

  func take(_ bytes: RawSpan) {
    let piece = bytes.copied()
    state.withLock { state in
      guard state.end == nil else { return }
      state.came += piece
      state.moves &+= 1
    }
    state.notifyAll()
  }

  /// The spine is whole.
  func finishSpine() {
    state.withLock { state in
      state.isWhole = true
      state.moves &+= 1
    }
    state.notifyAll()
  }

  /// Nothing is wanted any more; who makes it ends soon.
  func end(_ why: ExportEnd) {
    state.withLock { state in
      state.end = state.end ?? why
      state.came = []
      state.made = []
    }
    state.notifyAll()
  }

  enum Down {
    case piece([UInt8])
    /// Everything was taken, and this ends the stream.
    case lastWord([UInt8])
    /// Later.
    case nothing
  }

  /// A letter of `call` is read: the next one is posted again.
  func heard() { state.withLock { $0.isCalled = false } }

  /// Whether what was made is wanted no more, and only the last word is.
  var dropsRows: Bool { state.withLock { $0.dropsRows } }

  /// Whether its answer goes out: its thread has nothing left to do, and another may begin before that has ended.
  var isAnswered: Bool { state.withLock { $0.isAnswered } }

  /// What is to be sent next.
  func next() -> Down {
    let down: Down = state.withLock { state in
      if !state.made.isEmpty { return .piece(state.made.removeFirst()) }
      guard let word = state.lastWord else { return .nothing }
      state.lastWord = nil
      state.isAnswered = true
      return .lastWord(word)
    }
    state.notifyAll()
    return down
  }

  /// The client took something.
  func moved() {
    state.withLock { $0.moves &+= 1 }
    state.notifyAll()
  }

  // MARK: The thread

  /// What came of the spine; nil behind its end.
  func spine() throws(ExportEnd) -> [UInt8]? {
    var found: [UInt8] = []
    try wait { state in
      swap(&found, &state.came)
      return !found.isEmpty || state.isWhole
    }
    return found.isEmpty ? nil : found
  }

  /// Lets the client send so many bytes more.
  func give(_ byteCount: Int) {
    let id = id
    port.run { session, output, _ in session.giveCredit(byteCount, on: id, &output) }
  }

  /// Hands a piece of the set over; waits while the client is slow.
  func hand(_ piece: [UInt8]) throws(ExportEnd) {
    try wait { state in
      guard state.made.count < Self.piecesMax else { return false }
      state.made.append(piece)
      return true
    }
    call()
  }

  /// Ends the stream behind all that was handed over. Waits until the loop has it, or nobody wants it.
  func finish(_ frame: [UInt8]) throws(ExportEnd) {
    state.withLock { $0.lastWord = frame }
    call()
    try wait { $0.lastWord == nil }
  }

  /// Ends the stream with a refusal, in place of all that was not sent yet.
  func refuse(_ refusal: WireRefusal) {
    let frame = Frames.refusal(refusal, id)
    state.withLock { state in
      state.made = []
      state.dropsRows = true
      state.lastWord = frame
    }
    call()
  }

  /// Why it should not go on; nil when it should.
  var reasonToEnd: ExportEnd? {
    if let end = state.withLock({ $0.end }) { return end }
    return clock.monotonic().nanoseconds >= due ? .late : nil
  }

  /// Tells the client now and then.
  func tell(_ progress: StreamProgress) {
    let now = clock.monotonic().nanoseconds
    let isNews = state.withLock { state in
      guard state.end == nil, state.phase != progress.phase || now &- state.toldAt >= Self.toldNanoseconds
      else { return false }
      state.phase = progress.phase
      state.toldAt = now
      return true
    }
    guard isNews else { return }
    let id = id
    port.run { session, output, _ in session.tellProgress(progress, on: id, &output) }
  }

  private static let toldNanoseconds: UInt64 = 200_000_000

  private func call() {
    let isFirst = state.withLock { state in
      defer { state.isCalled = true }
      return !state.isCalled
    }
    let id = id
    if isFirst { port.run { session, output, _ in session.goOn(with: id, &output) } }
  }

  /// Until it is so; throws when nobody wants it, or the client has not moved for too long.
  private func wait(_ isSo: (inout State) -> Bool) throws(ExportEnd) {
    while true {
      let before = state.withLock { $0.moves }
      let now = clock.monotonic().nanoseconds
      let left = due > now ? due - now : 0
      var end: ExportEnd?
      var isDone = false
      let isInTime = state.wait(for: min(idleNanoseconds, left)) { state in
        end = state.end
        if end == nil { isDone = isSo(&state) }
        // Any move of the client gives it its whole time again.
        return end != nil || isDone || state.moves != before
      }
      if let end { throw end }
      if isDone { return }
      guard isInTime else { throw left <= idleNanoseconds ? .late : .stalled }
    }
  }
}
