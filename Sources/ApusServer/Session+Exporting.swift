// EXPORT: the loop's part of a stream. It takes what comes for who makes the set, and sends what was made, no more than the client gave credit for, and
// no more at a time than lies ahead of the socket without being in the way of other replies.

import ApusBytes
import ApusStore
import ApusWire

/// A stream as its connection's loop has it. Owned by that loop's thread.
final class ExportStream {
  let job: ExportJob
  /// What the client may still send, and with which sequence.
  var creditUp = 0
  var nextUp: UInt64 = 0
  var isUpOver: Bool
  /// What may still be sent to it.
  var creditDown: UInt64 = 0
  var nextDown: UInt64 = 0
  /// A piece that is sent in parts, and how much of it is.
  var front: [UInt8] = []
  var sent = 0

  init(_ job: ExportJob) {
    self.job = job
    if case .events = job.request.labels { isUpOver = true } else { isUpOver = false }
  }
}

extension Session {
  func export(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    let request = try ExportRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    do throws(WireRefusal) {
      let project = try project(request.project, for: .read, in: server.store.catalog)
      let job = ExportJob(
        request, project: project, id: header.id, due: Self.due(header, now),
        idleNanoseconds: server.options.exportIdleNanoseconds, clock: server.clock, port)
      try server.exports.begin(job)
      streams[header.id] = ExportStream(job)
    } catch {
      refuse(error, header.id, &output)
    }
  }

  /// A frame of a stream. One of a stream that has ended was sent before its end was known, and is passed over.
  func streamed(
    _ type: MessageType, _ id: UInt64, _ body: RawSpan, _ output: inout ByteWriter
  ) throws(WireError) {
    guard type != .progress else { throw .malformed("PROGRESS is the server's to say", at: 4) }
    guard let stream = streams[id] else { return }
    switch type {
    case .data:
      var reader = BodyReader(body)
      let sequence = try reader.number("DATA's sequence", as: UInt64.self)
      let bytes = try reader.span(reader.remaining, "DATA")
      guard !stream.isUpOver, sequence == stream.nextUp else {
        throw .malformed("DATA out of sequence", at: 0)
      }
      guard bytes.byteCount <= stream.creditUp else { throw .malformed("DATA beyond the credit", at: 8) }
      stream.nextUp += 1
      stream.creditUp -= bytes.byteCount
      stream.job.take(bytes)
    case .end:
      try StreamWord.decode(body)
      guard !stream.isUpOver else { throw .malformed("END is said once", at: 0) }
      stream.isUpOver = true
      stream.job.finishSpine()
    case .credit:
      let (sum, over) = stream.creditDown.addingReportingOverflow(try StreamCredit(decoding: body).byteCount)
      stream.creditDown = over ? 1 << 63 : min(sum, 1 << 63)
      stream.job.moved()
      send(stream, &output)
    default:
      try StreamWord.decode(body)
      streams[id] = nil
      stream.job.end(.abandoned)
      refuse(.streamCancelled, id, &output)
    }
  }

  /// All of them end, and are told why unless nobody is there any more.
  func endStreams(_ end: ExportEnd, _ output: inout ByteWriter) {
    for (id, stream) in streams {
      stream.job.end(end)
      if end != .abandoned { refuse(WireRefusal(end), id, &output) }
    }
    streams = [:]
  }

  /// A spine that is not whole will never be.
  package func nothingMoreComes() {
    for (id, stream) in streams where !stream.isUpOver {
      streams[id] = nil
      stream.job.end(.abandoned)
    }
  }

  // MARK: What who makes the set wants

  func giveCredit(_ byteCount: Int, on id: UInt64, _ output: inout ByteWriter) -> ConnectionAction {
    guard let stream = streams[id] else { return .goOn }
    stream.creditUp += byteCount
    let frame = FrameWriter.begin(.credit, id: id, in: &output)
    StreamCredit(UInt64(byteCount)).encode(into: &output)
    frame.finish(in: &output)
    return .goOn
  }

  func tellProgress(
    _ progress: StreamProgress, on id: UInt64, _ output: inout ByteWriter
  ) -> ConnectionAction {
    guard streams[id] != nil, output.count < SessionLimits.streamAheadByteCount else { return .goOn }
    let frame = FrameWriter.begin(.progress, id: id, in: &output)
    progress.encode(into: &output)
    frame.finish(in: &output)
    return .goOn
  }

  func goOn(with id: UInt64, _ output: inout ByteWriter) -> ConnectionAction {
    guard let stream = streams[id] else { return .goOn }
    stream.job.heard()
    send(stream, &output)
    return .goOn
  }

  /// What was written is with the kernel: those who waited for that go on, in a turn of their own.
  package func roomMade() {
    wantsRoom = false
    for id in streams.keys { port.run { session, output, _ in session.goOn(with: id, &output) } }
  }

  private func send(_ stream: ExportStream, _ output: inout ByteWriter) {
    let id = stream.job.id
    if stream.job.dropsRows { stream.front = [] }
    while output.count < SessionLimits.streamAheadByteCount {
      if stream.sent >= stream.front.count {
        (stream.front, stream.sent) = ([], 0)
        switch stream.job.next() {
        case .nothing: return
        case .piece(let piece): stream.front = piece
        case .lastWord(let frame):
          output.write(unsafe frame.span.bytes)
          streams[id] = nil
          return
        }
      }
      guard stream.creditDown > 0 else { return }
      let count = min(stream.front.count - stream.sent, Int(clamping: stream.creditDown))
      let frame = FrameWriter.begin(.data, id: id, in: &output)
      let piece = stream.front
      StreamData.encode(
        stream.nextDown, unsafe piece.span.bytes.extracting(stream.sent..<(stream.sent + count)),
        into: &output)
      frame.finish(in: &output)
      stream.nextDown += 1
      stream.creditDown -= UInt64(count)
      stream.sent += count
      stream.job.moved()
    }
    wantsRoom = true
  }
}
