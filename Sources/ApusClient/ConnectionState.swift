// A client's side of one connection, without the socket: bytes in, events out; requests in, bytes out.
//
// Whatever a server sends ends in events, never in a trap, and no more memory is taken than the longest body and what came. A reply belongs
// to a request that is under way and has its type, or the session is over. What was forgotten counts as under way until its reply has come,
// as it does for the server, and then is dropped in silence.

package import ApusBytes
package import ApusWire

package struct ConnectionState: ~Copyable, Sendable {
  package enum Event: Equatable, Sendable {
    case greeted(HelloReply)
    case reply(id: UInt64, body: [UInt8])
    case refused(id: UInt64, WireRefusal)
    /// A frame of a stream that is under way.
    case streamed(id: UInt64, MessageType, body: [UInt8])
    /// Nothing follows: whatever is under way has failed with this.
    case ended(ClientError)
  }

  package enum Admission: Equatable, Sendable {
    case sent
    /// As many are under way as the server takes: when one has come back, there is room.
    case full
    case tooLong(max: Int)
    /// HELLO was not answered, or the session is over.
    case notOpen
  }

  private enum Phase {
    case greeting(compressFrom: UInt32)
    case open(inFlightMax: Int, bodyMax: Int, compressFrom: Int)
    case ended
  }

  package static let bodyByteCountMax = 16 * 1024 * 1024
  package static let greetingByteCountMax = 4_000

  private var phase: Phase
  private var codec = BodyCodec()
  /// What came and is no whole frame yet: from `taken` on.
  private var intake = ByteWriter()
  private var taken = 0
  private var pending: [UInt64: MessageType] = [:]
  private var forgotten: [UInt64: MessageType] = [:]

  /// Begins with the client's HELLO.
  package init(_ hello: HelloRequest, into output: inout ByteWriter) {
    phase = .greeting(compressFrom: hello.compressFrom)
    let frame = FrameWriter.begin(.hello, id: 0, in: &output)
    hello.encode(into: &output)
    frame.finish(in: &output)
  }

  package var isOpen: Bool {
    if case .open = phase { true } else { false }
  }
  package var isEnded: Bool {
    if case .ended = phase { true } else { false }
  }
  package var underWay: Int { pending.count + forgotten.count }

  // MARK: Requests

  /// Writes a request behind what `output` holds. An id is given once.
  package mutating func request(
    _ type: MessageType, id: UInt64, deadlineMilliseconds: UInt16, body: RawSpan,
    into output: inout ByteWriter
  ) -> Admission {
    guard case .open(let inFlightMax, let bodyMax, let compressFrom) = phase else { return .notOpen }
    guard body.byteCount <= bodyMax else { return .tooLong(max: bodyMax) }
    guard underWay < inFlightMax else { return .full }
    precondition(
      id != 0 && pending[id] == nil && forgotten[id] == nil, "two requests under way have different ids")
    pending[id] = type
    let frame = FrameWriter.begin(type, id: id, deadline: deadlineMilliseconds, in: &output)
    output.write(body)
    codec.finish(frame, from: type == .get && GetRequest.isOfOneRow(body) ? 0 : compressFrom, in: &output)
    return .sent
  }

  /// Writes a frame of a stream that was begun by a request.
  package mutating func stream(
    _ type: MessageType, id: UInt64, into output: inout ByteWriter, _ encode: (inout ByteWriter) -> Void
  ) {
    guard isOpen, pending[id] != nil else { return }
    let frame = FrameWriter.begin(type, id: id, in: &output)
    encode(&output)
    frame.finish(in: &output)
  }

  /// Nobody waits for this reply any more.
  package mutating func forget(_ id: UInt64) {
    if let type = pending.removeValue(forKey: id) { forgotten[id] = type }
  }

  // MARK: Replies

  /// Takes what a server sent, and appends what it means.
  package mutating func received(_ bytes: RawSpan, events: inout [Event]) {
    if isEnded { return }
    intake.write(bytes)
    while let event = Self.next(intake, &taken, &phase, &codec, &pending, &forgotten) {
      switch event {
      case .none: continue
      case .some(let event):
        events.append(event)
        if case .ended = event { return end() }
        // A refusal that ends the session was for one request; the others learn that the connection is gone.
        if case .refused(_, let refusal) = event, refusal.class == .session {
          events.append(.ended(Self.lost(refusal)))
          return end()
        }
      }
    }
    if taken == intake.count {
      intake.removeAll()
      taken = 0
    } else if taken > intake.count / 2 {
      var rest = ByteWriter()
      rest.write(intake.bytes.extracting(droppingFirst: taken))
      intake = rest
      taken = 0
    }
  }

  /// The server sends no more.
  package mutating func peerEnded(events: inout [Event]) {
    if isEnded { return }
    events.append(.ended(ClientError(.connectionLost, "the server closed the connection")))
    end()
  }

  private mutating func end() {
    phase = .ended
    intake = ByteWriter()
    taken = 0
    pending = [:]
    forgotten = [:]
  }

  /// Nil when no whole frame is there; an event of nil is a reply that nobody waits for.
  private static func next(
    _ intake: borrowing ByteWriter, _ taken: inout Int, _ phase: inout Phase, _ codec: inout BodyCodec,
    _ pending: inout [UInt64: MessageType], _ forgotten: inout [UInt64: MessageType]
  ) -> Event?? {
    do throws(WireError) {
      let rest = intake.bytes.extracting(droppingFirst: taken)
      guard let header = try FrameHeader.decode(rest) else { return nil }
      var bodyMax = bodyByteCountMax
      var compressFrom = 0
      switch phase {
      case .greeting: bodyMax = greetingByteCountMax
      case .open(_, _, let least): compressFrom = least
      case .ended: break
      }
      guard header.length <= UInt32(clamping: bodyMax) else {
        throw .tooLong(UInt64(header.length), max: UInt64(clamping: bodyMax))
      }
      guard header.flags.isEmpty || compressFrom > 0, header.deadline == 0 else {
        throw .malformed("a reply has flags or a deadline", at: 5)
      }
      // No more than 16 MiB and a few: no sum overflows.
      let frameByteCount = header.frameByteCount
      guard rest.byteCount >= frameByteCount else { return nil }
      let bodyEnd = FrameHeader.byteCount + Int(clamping: header.length)
      let body = rest.extracting(FrameHeader.byteCount..<bodyEnd)
      for at in bodyEnd..<frameByteCount where rest[byte: at] != 0 {
        throw .malformed("a byte behind the body is not zero", at: at)
      }
      taken += frameByteCount
      guard header.flags.contains(.compressed) else {
        return .some(try event(header, body, &phase, &pending, &forgotten))
      }
      let raw = try codec.decompress(body, atLeast: compressFrom, atMost: bodyMax)
      return .some(try event(header, unsafe raw.span.bytes, &phase, &pending, &forgotten))
    } catch {
      return .some(.some(.ended(ClientError(error))))
    }
  }

  private static func event(
    _ header: FrameHeader, _ body: RawSpan, _ phase: inout Phase, _ pending: inout [UInt64: MessageType],
    _ forgotten: inout [UInt64: MessageType]
  ) throws(WireError) -> Event? {
    if case .greeting(let compressFrom) = phase {
      return try greeting(header, body, offered: compressFrom, &phase)
    }
    if header.type == MessageType.error {
      let refusal = try WireRefusal(decoding: body)
      if header.id == 0 { return .ended(lost(refusal)) }
      if forgotten.removeValue(forKey: header.id) != nil {
        return refusal.class == .session ? .ended(lost(refusal)) : nil
      }
      guard pending.removeValue(forKey: header.id) != nil else {
        throw .malformed("an error for request \(header.id), which was not made", at: 8)
      }
      return .refused(id: header.id, refusal)
    }
    guard let type = pending[header.id] ?? forgotten[header.id] else {
      throw .malformed("a reply to request \(header.id), which was not made", at: 8)
    }
    if type == .export, let word = MessageType(rawValue: header.type), word.isOfStream {
      return pending[header.id] == nil ? nil : .streamed(id: header.id, word, body: body.copied())
    }
    guard header.type == type.reply else {
      throw .malformed("a reply of type \(header.type) to a request of type \(type.rawValue)", at: 4)
    }
    if pending.removeValue(forKey: header.id) != nil { return .reply(id: header.id, body: body.copied()) }
    forgotten.removeValue(forKey: header.id)
    return nil
  }

  private static func greeting(
    _ header: FrameHeader, _ body: RawSpan, offered compressFrom: UInt32, _ phase: inout Phase
  ) throws(WireError) -> Event {
    guard header.id == 0 else { throw .malformed("HELLO's reply has the id \(header.id)", at: 8) }
    if header.type == MessageType.error { return .ended(ClientError(try WireRefusal(decoding: body))) }
    guard header.type == MessageType.hello.reply else {
      throw .malformed("a frame of type \(header.type) before HELLO's reply", at: 4)
    }
    let hello = try HelloReply(decoding: body)
    // None, or no shorter a body than was offered.
    let isOffered = hello.compressFrom == 0 || (compressFrom > 0 && hello.compressFrom >= compressFrom)
    guard hello.version == HelloRequest.version, hello.features == 0, isOffered else {
      throw .malformed("HELLO's reply chooses what was not offered", at: 0)
    }
    guard hello.inFlightMax >= 1, hello.rowsMax >= 1 else {
      throw .malformed("HELLO's reply allows nothing", at: 0)
    }
    phase = .open(
      inFlightMax: Int(clamping: hello.inFlightMax),
      bodyMax: min(Int(clamping: hello.frameByteCountMax), bodyByteCountMax),
      compressFrom: Int(clamping: hello.compressFrom))
    return .greeted(hello)
  }

  private static func lost(_ refusal: WireRefusal) -> ClientError {
    ClientError(
      .connectionLost,
      "the server ended the connection: \(refusal.code?.name ?? "code \(refusal.number)"): \(refusal.what)",
      where: refusal.where, next: refusal.next)
  }
}

extension RawSpan {
  /// Checks its bounds.
  subscript(byte offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
