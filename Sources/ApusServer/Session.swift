// What one connection's frames mean. A session is *new* until its HELLO is answered well, *greeted* from then on, and *over*
// once it asked to be closed: then nothing is answered any more.
//
// Replies to GET, PREPARE, RELEASE, DESCRIBE, STATS and PING keep the order of their requests: while one of them waits for something
// (`isReadWaiting`), those behind it are kept in `deferred`, copied. Replies to writes keep theirs by `Flight`.

package import ApusBytes
import ApusContracts
import ApusStore
package import ApusWire

/// Owned by its loop's thread. Other threads come back to it through its port.
package final class Session: FrameHandler {
  enum State: Equatable {
    case new
    /// The token was wrong: so it is told, and closed, at this moment.
    case refusing(at: UInt64)
    case greeted
    case over
  }

  /// A request whose reply keeps its place among others of its kind.
  struct Deferred {
    let header: FrameHeader
    let body: [UInt8]
    let due: UInt64
  }

  /// A request that waits for an LSN.
  struct Waiting {
    let wait: LSNWait
    let lsn: LSN
    /// `UInt64.max`: for ever.
    let due: UInt64
    /// What it waits for.
    let get: Deferred?
  }

  let loop: SessionLoop
  let server: SessionServer
  let port: any ReplyPort
  let flight: Flight
  var state = State.new
  var scopes = Scopes()
  /// Among those who came in with a token.
  var place: TokenHolders.Place?
  /// The shortest body that is compressed, as HELLO's reply said; 0: none is.
  var compressFrom: UInt32 = 0
  var isStopping = false

  var handles: [UInt32: ReadyVector] = [:]
  var lastHandle: UInt32 = 0

  var isReadWaiting = false
  /// So many frames that come next are not taken together with others.
  var framesAlone = 0
  var deferred: [Deferred] = []
  var deferredByteCount = 0
  var waits: [UInt64: Waiting] = [:]
  /// Sets that are made, and spines that come. They are not in `flight`: a connection that is not read because of too many requests would
  /// wait for itself.
  var streams: [UInt64: ExportStream] = [:]
  /// A stream has more to send than is good to have ahead of the socket.
  package var wantsRoom = false
  /// Of all waits, or earlier.
  var earliestDue = UInt64.max

  package init(_ loop: SessionLoop, _ port: any ReplyPort) {
    self.loop = loop
    server = loop.server
    self.port = port
    flight = Flight(port, max: loop.server.options.inFlightMax)
    SessionCounters.add(to: server.counters.sessions)
  }

  // MARK: What the loop asks

  package var bodyByteCountMax: Int {
    isGreeted ? server.options.bodyByteCountMax : ServerLimits.bodyByteCountMaxBeforeHello
  }

  package var isGreeted: Bool { state == .greeted }

  package var isIdle: Bool {
    if case .refusing = state { return false }
    return flight.isSettled && streams.isEmpty
  }

  package var deadline: UInt64 {
    if case .refusing(let moment) = state { return moment }
    return earliestDue
  }

  // MARK: What the loop tells

  package func received(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, now: UInt64
  ) -> ConnectionAction {
    switch state {
    case .over, .refusing: return .close
    case .new: return greet(header, body, &output, now)
    case .greeted: break
    }
    guard let type = MessageType(rawValue: header.type) else {
      return end(.unknownType(header.type), header.id, &output)
    }
    if type == .hello { return end(.helloTwice, header.id, &output) }
    if header.id == 0 { return end(.idZero, 0, &output) }
    let isOfStream = type.isOfStream
    if flight.has(header.id) || !isOfStream && streams[header.id] != nil {
      return end(.idInUse, header.id, &output)
    }
    if isStopping, !isOfStream {
      refuseInTurn(.shuttingDown, type, header.id, &output)
      return .goOn
    }
    do throws(WireError) {
      if header.flags.contains(.compressed) {
        guard compressFrom > 0 else { return end(.notCompressed, header.id, &output) }
        let raw = try loop.codec.decompress(
          body, atLeast: Int(clamping: compressFrom), atMost: server.options.bodyByteCountMax)
        try answer(type, header, unsafe raw.span.bytes, &output, now)
      } else {
        try answer(type, header, body, &output, now)
      }
    } catch {
      return end(WireRefusal(error), header.id, &output)
    }
    if state == .over { return .close }
    return flight.pauseIfFull() || deferredByteCount > SessionLimits.deferredByteCountMax ? .pause : .goOn
  }

  package func deadlineReached(_ output: inout ByteWriter, now: UInt64) -> ConnectionAction {
    if case .refusing(let moment) = state {
      if now < moment { return .goOn }
      return end(.unauthenticated, 0, &output)
    }
    giveUpWaits(&output, now)
    return state == .over ? .close : .goOn
  }

  package func noted(_ note: UInt64, _ output: inout ByteWriter, now: UInt64) -> ConnectionAction {
    flight.delivered()
    return .goOn
  }

  package func stopping(_ output: inout ByteWriter, now: UInt64) {
    isStopping = true
    endStreams(.shuttingDown, &output)
  }

  package func farewell(_ end: ConnectionEnd, _ output: inout ByteWriter) {
    switch end {
    case .malformed(let error): refuse(WireRefusal(error), 0, &output)
    case .helloLate: refuse(.tooSlow("HELLO did not come in time"), 0, &output)
    case .idle: refuse(.tooSlow("nothing was asked for too long"), 0, &output)
    case .slowSender: refuse(.tooSlow("a frame was begun and did not come to its end in time"), 0, &output)
    case .asked, .peerClosed, .peerGone, .slowReader, .memory, .shutdown, .refused, .failed: break
    }
    state = .over
  }

  package func ended(_ end: ConnectionEnd) {
    state = .over
    flight.abandon()
    var nowhere = ByteWriter()
    endStreams(.abandoned, &nowhere)
    leaveHolders()
    for waiting in waits.values { _ = server.store.giveUp(waiting.wait) }
    waits = [:]
    earliestDue = .max
    deferred = []
    for ready in handles.values { loop.release(ready) }
    handles = [:]
  }

  // MARK: Answers

  /// Tells what is wrong with the session, and closes.
  func end(_ refusal: WireRefusal, _ id: UInt64, _ output: inout ByteWriter) -> ConnectionAction {
    refuse(refusal, id, &output)
    state = .over
    return .close
  }

  func refuse(_ refusal: WireRefusal, _ id: UInt64, _ output: inout ByteWriter) {
    SessionCounters.add(to: server.counters.refusals)
    FrameWriter.write(refusal, id: id, into: &output)
  }

  /// Writes a reply, compressed if it is long and the client wants that; false: it was too long, and is refused.
  @discardableResult
  func reply(
    to type: MessageType, _ id: UInt64, _ output: inout ByteWriter, _ encode: (inout ByteWriter) -> Void
  ) -> Bool {
    Frames.write(
      replyTo: type, id, atMost: server.options.bodyByteCountMax, into: &output, with: &loop.codec,
      from: Int(clamping: compressFrom), encode)
  }

  /// The moment after which nobody wants the answer.
  static func due(_ header: FrameHeader, _ now: UInt64) -> UInt64 {
    header.deadline == 0 ? .max : now &+ UInt64(header.deadline) &* 1_000_000
  }

  /// Throws unless the token allows it in this project; nil: anywhere.
  func require(_ scope: Scope, in project: String?) throws(WireRefusal) {
    let granted = project.map { scopes.scope(in: $0) } ?? scopes.anywhere
    guard granted.isSuperset(of: scope) else { throw .forbidden(scope, in: project) }
  }

  /// The project that a request names, if the token allows that there.
  func project(_ name: String, for scope: Scope, in catalog: Catalog) throws(WireRefusal) -> String {
    // Who may do nothing in a project is not told whether there is one.
    if !name.isEmpty { try require(scope, in: name) }
    let project = try server.project(name, in: catalog)
    if name.isEmpty { try require(scope, in: project) }
    return project
  }

  // MARK: Messages

  private func answer(
    _ type: MessageType, _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    switch type {
    case .get, .prepare, .release, .describe, .stats, .ping:
      guard !isReadWaiting else { return putOff(header, body, now) }
      try read(type, header, body, due: Self.due(header, now), &output, now)
    case .push, .delete: try push(type, header, body, now)
    case .producer: try openProducer(header, body, now)
    case .erase: try erase(header, body, now)
    case .wait: try wait(header, body, &output, now)
    case .scan: try scan(header, body, &output, now)
    case .console: try console(header, body, now)
    case .history: try history(header, body, &output, now)
    case .explain: try explain(header, body, &output, now)
    case .export: try export(header, body, &output, now)
    case .data, .credit, .end, .cancel, .progress: try streamed(type, header.id, body, &output)
    case .hello: throw .malformed("HELLO is said once", at: 4)
    }
  }

  // MARK: Replies in order

  /// An error stands in the place of the reply: behind what is under way of those that keep their order.
  private func refuseInTurn(
    _ refusal: WireRefusal, _ type: MessageType, _ id: UInt64, _ output: inout ByteWriter
  ) {
    switch type {
    case .push, .delete, .producer, .erase:
      if let turn = flight.beginWrite(id) { flight.finish(turn, Frames.refusal(refusal, id)) }
    default: refuse(refusal, id, &output)
    }
  }

  private func putOff(_ header: FrameHeader, _ body: RawSpan, _ now: UInt64) {
    _ = flight.begin(header.id)
    deferredByteCount += body.byteCount
    deferred.append(Deferred(header: header, body: body.copied(), due: Self.due(header, now)))
  }

  /// Answers one of those that keep their order, or begins to: then `isReadWaiting`, and its id is in flight.
  func read(
    _ type: MessageType, _ header: FrameHeader, _ body: RawSpan, due: UInt64, _ output: inout ByteWriter,
    _ now: UInt64
  ) throws(WireError) {
    if now > due { return refuse(.deadline, header.id, &output) }
    switch type {
    case .get: try get(header, body, due: due, &output)
    case .prepare: try prepare(header, body, due: due, &output)
    case .release: try release(header, body, &output)
    case .describe: try describe(header, body, due: due, &output)
    case .stats: try stats(header, body, &output)
    default: try ping(header, body, &output)
    }
  }

  /// The one that was waited for is answered: those behind it are, until one has to wait again.
  func readsGoOn(after id: UInt64, _ output: inout ByteWriter, _ now: UInt64) -> ConnectionAction {
    isReadWaiting = false
    flight.finish(id)
    let wasFull = deferredByteCount > SessionLimits.deferredByteCountMax
    var done = 0
    while !isReadWaiting, done < deferred.count, state != .over {
      let next = deferred[done]
      done += 1
      deferredByteCount -= next.body.count
      guard let type = MessageType(rawValue: next.header.type) else { continue }
      do throws(WireError) {
        let body = next.body
        try read(type, next.header, unsafe body.span.bytes, due: next.due, &output, now)
      } catch {
        return end(WireRefusal(error), next.header.id, &output)
      }
      if !isReadWaiting { flight.finish(next.header.id) }
    }
    deferred.removeFirst(done)
    let isFull = deferredByteCount > SessionLimits.deferredByteCountMax
    return wasFull && !isFull && !flight.pauseIfFull() ? .resume : .goOn
  }
}

extension WireRefusal {
  static func tooSlow(_ what: String) -> WireRefusal {
    WireRefusal(.tooSlow, what, next: "connect again; PING keeps a connection that asks for nothing")
  }
}
