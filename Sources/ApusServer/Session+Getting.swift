// GET: keys are checked and taken over, rows are read, and the reply is written into the send buffer as they are. In steady
// state none of it asks for memory.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  func get(
    _ header: FrameHeader, _ body: RawSpan, due: UInt64, _ output: inout ByteWriter
  ) throws(WireError) {
    let request = try GetRequest(decoding: body)
    SessionCounters.add(to: server.counters.gets)
    SessionCounters.add(request.rows, to: server.counters.getRows)
    if let refusal = try get(request, header, body, due, &output) { refuse(refusal, header.id, &output) }
  }

  private func get(
    _ request: borrowing GetRequest, _ header: FrameHeader, _ body: RawSpan, _ due: UInt64,
    _ output: inout ByteWriter
  ) throws(WireError) -> WireRefusal? {
    guard let ready = handles[request.handle] else { return .unknownHandle(request.handle) }
    guard !ready.hasChanged else { return .definitionChanged(request.handle) }
    guard request.rows <= server.options.rowsMax else {
      return .tooManyRows(request.rows, max: server.options.rowsMax)
    }
    if request.exact == nil, let refusal = ready.refusalToServe { return refusal }
    guard ready.shape.takes(request.layout) else { return .notDense }
    if let minimum = request.minimum, due != .max, minimum > server.store.visible {
      waitToGet(minimum, header, body, due)
      return nil
    }
    if let refusal = try take(request, into: ready) { return refusal }
    if let lsn = request.exact, let time = request.exactTime {
      return getPast(request, .lsn(lsn, at: time), ready, header.id, due)
    }
    let frame = FrameWriter.begin(replyTo: .get, id: header.id, in: &output)
    do throws(WireRefusal) {
      let moment = try loop.read(request, ready, &output)
      // Nearly always the catalog is the one that the handle was last held against.
      if moment.catalogNumber != ready.catalogNumber {
        loop.refresh(ready, in: server.store.catalog)
        if ready.hasChanged { throw .definitionChanged(request.handle) }
        if let refusal = ready.refusalToServe { throw refusal }
      }
    } catch {
      frame.cancel(in: &output)
      return error
    }
    loop.codec.finish(frame, from: request.rows == 1 ? 0 : Int(clamping: compressFrom), in: &output)
    return nil
  }

  /// The request's keys, row after row and role after role.
  private func take(
    _ request: borrowing GetRequest, into ready: ReadyVector
  ) throws(WireError) -> WireRefusal? {
    var keys = request.keys
    ready.keys.removeAll()
    for _ in 0..<request.rows {
      for _ in ready.vector.roles.indices {
        let key = try keys.next()
        do throws(StoreError) { try ready.keys.append(encoded: key) } catch { return error.refusal() }
      }
    }
    try keys.finish()
    return nil
  }

  // MARK: A minimum LSN that is not visible yet

  private func waitToGet(_ minimum: LSN, _ header: FrameHeader, _ body: RawSpan, _ due: UInt64) {
    let get = Deferred(header: header, body: body.copied(), due: due)
    isReadWaiting = true
    _ = flight.begin(header.id)
    begin(waitFor: minimum, .visible, id: header.id, due: due, get: get)
  }

  /// The minimum is visible, or never will be.
  func getGoesOn(
    _ get: Deferred, _ result: Result<LSNReach, StoreError>, _ output: inout ByteWriter, _ now: UInt64
  ) -> ConnectionAction {
    switch result {
    case .failure(let error): refuse(error.refusal(), get.header.id, &output)
    case .success:
      let body = get.body
      do throws(WireError) {
        // Without a deadline: it does not wait a second time.
        try self.get(get.header, unsafe body.span.bytes, due: .max, &output)
      } catch {
        return end(WireRefusal(error), get.header.id, &output)
      }
    }
    return readsGoOn(after: get.header.id, &output, now)
  }
}

extension SessionLoop {
  /// Appends the body of a reply. When this throws, some of it may be there.
  fileprivate func read(
    _ request: borrowing GetRequest, _ ready: ReadyVector, _ output: inout ByteWriter
  ) throws(WireRefusal) -> ReadMoment {
    let time = ReadTime(nanoseconds: server.store.shared.clock.wall().nanoseconds)
    do throws(WireError) {
      try replies.begin(
        ready.shape, rows: request.rows, layout: request.layout, options: request.options, lsn: .none,
        time: time, byteCountMax: server.options.bodyByteCountMax, in: &output)
    } catch {
      throw .replyTooLong(.get, max: server.options.bodyByteCountMax)
    }
    let moment: ReadMoment
    do throws(StoreError) {
      try makeReader()
      moment = try Self.read(
        ready, request.minimum ?? .none, time, request.layout, request.options, &reader, &replies, &output)
    } catch {
      throw error.refusal()
    }
    replies.stamp(lsn: moment.lsn, mayLack: moment.isFlagged, in: &output)
    do throws(WireError) { try replies.finish(in: &output) } catch {
      throw .replyTooLong(.get, max: server.options.bodyByteCountMax)
    }
    return moment
  }

  private static func read(
    _ ready: ReadyVector, _ minimum: LSN, _ time: ReadTime, _ layout: ReplyLayout,
    _ options: GetOptions, _ reader: inout StoreReader?, _ replies: inout GetReplyWriter,
    _ output: inout ByteWriter
  ) throws(StoreError) -> ReadMoment {
    let vector = ready.vector
    // In its place: a reader is hundreds of bytes, which need not be moved out and back.
    let moment = try reader?.read(vector, ready.keys, minimum: minimum, at: time) { row, group, found in
      if case .row = layout, putRuns(found, ready.runs, group, options, &replies, &output) { return }
      put(found, vector.groups[group].features, row: row, options, &replies, &output)
    }
    guard let moment else { throw .closed }
    return moment
  }

  /// Puts all that was found of a group in the one row of a reply in the layout *row*; false, and nothing is put, when its cells
  /// are to be looked at one by one.
  @inline(__always)
  static func putRuns(
    _ found: FoundRow, _ runs: borrowing RowRuns, _ group: Int, _ options: GetOptions,
    _ replies: inout GetReplyWriter, _ output: inout ByteWriter
  ) -> Bool {
    let group = runs.groups[group]
    if group.runs.isEmpty || options.haveStamps || !found.arePresent(below: group.end) { return false }
    for place in group.runs {
      let run = runs.all[place]
      replies.put(present: found.raw(run.from), run.to, in: &output)
    }
    return true
  }

  /// Puts the cells of what was found in a row of a reply.
  @inline(__always)
  static func put(
    _ found: FoundRow, _ features: [PreparedVector.Feature], row: Int, _ options: GetOptions,
    _ replies: inout GetReplyWriter, _ output: inout ByteWriter
  ) {
    let isStamped = options.haveStamps
    for feature in features {
      if !isStamped, found.status(feature) == .present {
        replies.put(.present, found.raw(feature), row: row, column: feature.column, in: &output)
      } else {
        put(found, feature, row, options.contains(.stale), &replies, &output)
      }
    }
  }

  @inline(never)
  private static func put(
    _ found: FoundRow, _ feature: PreparedVector.Feature, _ row: Int, _ isStale: Bool,
    _ replies: inout GetReplyWriter, _ output: inout ByteWriter
  ) {
    let cell = found.judge(feature)
    replies.put(
      CellCode(cell, isStale: isStale), found.raw(feature), row: row, column: feature.column, in: &output)
    if let stamp = cell.stamp {
      replies.put(
        eventTimeNanoseconds: stamp.eventTime.nanoseconds, lsn: stamp.lsn.rawValue, row: row,
        column: feature.column)
    }
  }
}
