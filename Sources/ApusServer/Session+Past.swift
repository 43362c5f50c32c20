// What looks at files is read by a worker: GET at an exact LSN and time, HISTORY and EXPLAIN. GET's reply keeps its place among the
// others, and has the bytes that a GET which was answered at this LSN and time had, unless its keys were erased since.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  /// The request was checked, and its keys are those that the vector holds now.
  func getPast(
    _ request: borrowing GetRequest, _ moment: PastMoment, _ ready: ReadyVector, _ id: UInt64, _ due: UInt64
  ) -> WireRefusal? {
    var keys: [[UInt8]] = []
    for row in 0..<request.rows {
      for role in ready.vector.roles.indices { keys.append(ready.keys.key(row: row, role: role).copied()) }
    }
    let get = PastGet(
      vector: ready.vector, shape: ready.shape, keys: keys, rows: request.rows, layout: request.layout,
      options: request.options, moment: moment, id: id, byteCountMax: server.options.bodyByteCountMax)
    let (port, server, flight) = (port, server, flight)
    let isTaken = server.past.submit {
      if flight.isAbandoned { return flight.finish(id) }
      var answer: Result<[UInt8], WireRefusal> = .failure(.deadline)
      if server.clock.monotonic().nanoseconds <= due {
        do throws(WireRefusal) {
          answer = .success(try get.run(server.store))
        } catch {
          answer = .failure(error)
        }
      }
      let sent = answer
      port.run { session, output, now in session.pastGot(id, sent, &output, now) }
    }
    guard isTaken else { return .busy }
    isReadWaiting = true
    _ = flight.begin(id)
    return nil
  }

  // MARK: HISTORY and EXPLAIN

  func history(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    let request = try HistoryRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    let project: String
    do throws(WireRefusal) {
      project = try self.project(request.project, for: .read, in: server.store.catalog)
    } catch {
      return refuse(error, header.id, &output)
    }
    let server = server
    run(.history, header, now, on: server.past) { () throws(WireRefusal) in
      do throws(PastRefusal) {
        let reply = try request.answer(
          from: server.store, project: project, atMost: server.options.bodyByteCountMax)
        return { reply.encode(into: &$0) }
      } catch {
        throw error.refusal(of: .history, in: server.store.catalog)
      }
    }
  }

  func explain(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    let request = try ExplainRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    guard let ready = handles[request.handle] else {
      return refuse(.unknownHandle(request.handle), header.id, &output)
    }
    loop.refresh(ready, in: server.store.catalog)
    guard !ready.hasChanged else { return refuse(.definitionChanged(request.handle), header.id, &output) }
    guard request.rows <= server.options.rowsMax else {
      return refuse(.tooManyRows(request.rows, max: server.options.rowsMax), header.id, &output)
    }
    var walker = request.keys
    var keys: [[UInt8]] = []
    for _ in 0..<(request.rows * ready.vector.roles.count) { keys.append(try walker.next().copied()) }
    try walker.finish()
    let (asked, server) = (AskedExplanation(ready.vector, keys: keys, request.moment), server)
    run(.explain, header, now, on: server.past) { () throws(WireRefusal) in
      do throws(PastRefusal) {
        let reply = try asked.answer(from: server.store, atMost: server.options.bodyByteCountMax)
        return { reply.encode(into: &$0) }
      } catch {
        throw error.refusal(of: .explain, in: server.store.catalog)
      }
    }
  }

  private func pastGot(
    _ id: UInt64, _ answer: Result<[UInt8], WireRefusal>, _ output: inout ByteWriter, _ now: UInt64
  ) -> ConnectionAction {
    if state == .over { return .close }
    switch answer {
    case .failure(let refusal): refuse(refusal, id, &output)
    case .success(let frame): output.write(unsafe frame.span.bytes)
    }
    return readsGoOn(after: id, &output, now)
  }
}

/// All that a worker needs of one request.
private struct PastGet: Sendable {
  let vector: PreparedVector
  let shape: ReplyShape
  /// Row after row, and in a row role after role.
  let keys: [[UInt8]]
  let rows: Int
  let layout: ReplyLayout
  let options: GetOptions
  let moment: PastMoment
  let id: UInt64
  /// Of the reply's body.
  let byteCountMax: Int

  /// The reply's frame.
  func run(_ store: Store) throws(WireRefusal) -> [UInt8] {
    var output = ByteWriter()
    var replies = GetReplyWriter()
    let frame = FrameWriter.begin(replyTo: .get, id: id, in: &output)
    let read: PastRead
    do throws(StoreError) { read = try store.past(moment) } catch { throw error.refusal() }
    do throws(WireError) {
      try replies.begin(
        shape, rows: rows, layout: layout, options: options, lsn: read.moment.lsn, time: read.moment.time,
        mayLack: read.moment.isFlagged, byteCountMax: byteCountMax, in: &output)
    } catch {
      throw .replyTooLong(.get, max: byteCountMax)
    }
    do throws(StoreError) {
      try write(read, &replies, &output)
    } catch {
      throw error.refusal()
    }
    do throws(WireError) { try replies.finish(in: &output) } catch {
      throw .replyTooLong(.get, max: byteCountMax)
    }
    frame.finish(in: &output)
    return output.bytes.copied()
  }

  private func write(
    _ read: PastRead, _ replies: inout GetReplyWriter, _ output: inout ByteWriter
  ) throws(StoreError) {
    var asked = RequestKeys(for: vector)
    for key in keys { try asked.append(encoded: unsafe key.span.bytes) }
    let isStale = options.contains(.stale)
    try read.read(vector, asked) { row, feature, cell, value in
      replies.put(
        CellCode(cell, isStale: isStale), value, row: row, column: feature.column, in: &output)
      if let stamp = cell.stamp {
        replies.put(
          eventTimeNanoseconds: stamp.eventTime.nanoseconds, lsn: stamp.lsn.rawValue, row: row,
          column: feature.column)
      }
    }
  }
}
