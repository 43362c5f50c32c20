// GETs that came together are answered together: what they ask for is looked up in one read, so that they wait for memory together and
// not one after another. Each is answered as it would be alone, in its turn, with the LSN that all were read at; they had all been sent before that
// LSN was chosen.
//
// Only what needs nothing else is taken: GETs of one row by one handle in one layout, without a minimum or an exact LSN. Whatever else is there, or
// goes wrong, is left to the way that every frame can go, one by one.

package import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  package func receivedTogether(
    _ bytes: RawSpan, _ output: inout ByteWriter, now: UInt64
  ) -> FramesTaken {
    if framesAlone > 0 {
      framesAlone -= 1
      return .none
    }
    guard state == .greeted, !isStopping, !isReadWaiting else { return .none }
    guard let (gathered, ready) = gather(bytes), loop.together.count > 1 else { return .none }
    let answered = loop.answerTogether(gathered, ready, &output)
    if answered < loop.together.count {
      // What stopped them meets the next frame, too, and is answered there.
      framesAlone = answered == 0 ? loop.together.count : 1
    }
    SessionCounters.add(answered, to: server.counters.gets)
    SessionCounters.add(answered, to: server.counters.getRows)
    guard answered > 0 else { return .none }
    return FramesTaken(count: answered, byteCount: loop.together[answered - 1].end)
  }

  /// Puts the GETs that the bytes begin with into `loop.together`, and their keys into the vector's. Says what they have in common.
  private func gather(_ bytes: RawSpan) -> (TogetherForm, ReadyVector)? {
    loop.together.removeAll(keepingCapacity: true)
    let limit = bodyByteCountMax
    // One alone goes its own way.
    guard let first = Self.next(bytes, limit), first.header.frameByteCount < bytes.byteCount,
      let head = GetRequest.head(of: first.body), let form = TogetherForm(first.body),
      let ready = handles[form.handle], !ready.hasChanged, ready.isServed, ready.shape.takes(form.layout)
    else { return nil }
    ready.keys.removeAll()
    let others = flight.isEmpty ? nil : flight
    Self.gather(bytes, limit, head, ready.vector.roles.count, others, &ready.keys, &loop.together)
    ready.keys.truncate(rows: loop.together.count)
    return (form, ready)
  }

  // Each part that changes is lent once for all.
  private static func gather(
    _ bytes: RawSpan, _ bodyByteCountMax: Int, _ head: UInt64, _ roles: Int, _ others: Flight?,
    _ keys: inout RequestKeys, _ together: inout [TogetherGet]
  ) {
    var used = 0
    while together.count < SessionLimits.togetherMax,
      let next = next(bytes.extracting(used...), bodyByteCountMax), GetRequest.head(of: next.body) == head,
      others == nil || others?.has(next.header.id) == false, take(next.body, roles, &keys)
    {
      used += next.header.frameByteCount
      together.append(TogetherGet(id: next.header.id, end: used))
    }
  }

  /// A whole frame with a GET that the bytes begin with.
  private struct Next: ~Escapable {
    let header: FrameHeader
    let body: RawSpan

    @_lifetime(copy body)
    init(header: FrameHeader, body: RawSpan) {
      self.header = header
      self.body = body
    }
  }

  @_lifetime(copy bytes)
  private static func next(_ bytes: RawSpan, _ bodyByteCountMax: Int) -> Next? {
    guard case .frame(let header, _)? = try? FrameCutter.cut(bytes, bodyByteCountMax: bodyByteCountMax),
      header.type == MessageType.get.rawValue, header.flags.rawValue == 0, header.id != 0
    else { return nil }
    return Next(header: header, body: FrameCutter.body(of: header, in: bytes))
  }

  /// Adds the request's row; false when one of its keys is none.
  private static func take(_ body: RawSpan, _ roles: Int, _ keys: inout RequestKeys) -> Bool {
    var walker = GetRequest.keys(behindHeadOf: body)
    do throws(WireError) {
      for _ in 0..<roles {
        let key = try walker.next()
        do throws(StoreError) { try keys.append(encoded: key) } catch { return false }
      }
      try walker.finish()
      return true
    } catch {
      return false
    }
  }
}

/// What GETs that are answered together have in common.
struct TogetherForm {
  let handle: UInt32
  let layout: ReplyLayout
  let options: GetOptions

  /// Nil: the request is none, or none that is answered so.
  init?(_ body: RawSpan) {
    do throws(WireError) {
      let request = try GetRequest(decoding: body)
      guard request.minimum == nil, request.exact == nil, request.rows == 1 else { return nil }
      handle = request.handle
      layout = request.layout
      options = request.options
    } catch {
      return nil
    }
  }
}

/// One of them.
struct TogetherGet {
  let id: UInt64
  /// Bytes up to the end of its frame, from the first of the first one.
  let end: Int
  /// Where the body of its reply begins.
  var replyAt = 0
}

extension SessionLoop {
  /// Answers the first of `together`, and says how many; the output is as it was when there are none.
  fileprivate func answerTogether(
    _ form: TogetherForm, _ ready: ReadyVector, _ output: inout ByteWriter
  ) -> Int {
    let time = ReadTime(nanoseconds: server.store.shared.clock.wall().nanoseconds)
    let start = output.count
    var answers = TogetherAnswers(
      form: form, time: time, end: start + SessionLimits.togetherByteCountMax,
      byteCountMax: server.options.bodyByteCountMax)
    do throws(StoreError) {
      try makeReader()
      let moment = try Self.read(ready, &answers, &together, &reader, &replies, &output)
      if moment.catalogNumber != ready.catalogNumber {
        refresh(ready, in: server.store.catalog)
        if ready.hasChanged || !ready.isServed {
          output.truncate(to: start)
          return 0
        }
      }
      for get in together.prefix(answers.count) {
        GetReplyWriter.stamp(lsn: moment.lsn, mayLack: moment.isFlagged, bodyAt: get.replyAt, in: &output)
      }
      return answers.count
    } catch {
      output.truncate(to: start)
      return 0
    }
  }

  private static func read(
    _ ready: ReadyVector, _ answers: inout TogetherAnswers, _ together: inout [TogetherGet],
    _ reader: inout StoreReader?, _ replies: inout GetReplyWriter, _ output: inout ByteWriter
  ) throws(StoreError) -> ReadMoment {
    let vector = ready.vector
    let (layout, options, time) = (answers.form.layout, answers.form.options, answers.time)
    let moment = try reader?.read(vector, ready.keys, at: time) { row, group, found in
      if row != answers.row {
        answers.finish(&replies, &output)
        answers.begin(row, ready.shape, &together, &replies, &output)
      }
      if answers.isOver { return }
      if case .row = layout, putRuns(found, ready.runs, group, options, &replies, &output) { return }
      put(found, vector.groups[group].features, row: 0, options, &replies, &output)
    }
    guard let moment else { throw .closed }
    answers.finish(&replies, &output)
    return moment
  }
}

/// Replies that are being written one after another.
private struct TogetherAnswers {
  let form: TogetherForm
  let time: ReadTime
  /// None is begun behind this.
  let end: Int
  /// Of each.
  let byteCountMax: Int
  /// Those that are whole.
  var count = 0
  /// The row that is being answered.
  var row = -1
  var frame: FrameWriter?
  /// No further one is answered.
  var isOver = false

  init(form: TogetherForm, time: ReadTime, end: Int, byteCountMax: Int) {
    self.form = form
    self.time = time
    self.end = end
    self.byteCountMax = byteCountMax
  }

  mutating func begin(
    _ row: Int, _ shape: ReplyShape, _ together: inout [TogetherGet], _ replies: inout GetReplyWriter,
    _ output: inout ByteWriter
  ) {
    self.row = row
    if output.count >= end { isOver = true }
    if isOver { return }
    let frame = FrameWriter.begin(replyTo: .get, id: together[row].id, in: &output)
    together[row].replyAt = frame.bodyAt
    self.frame = frame
    do throws(WireError) {
      try replies.begin(
        shape, rows: 1, layout: form.layout, options: form.options, lsn: .none, time: time,
        byteCountMax: byteCountMax, in: &output)
    } catch {
      giveUp(&output)
    }
  }

  /// Makes the reply that was begun last whole.
  mutating func finish(_ replies: inout GetReplyWriter, _ output: inout ByteWriter) {
    guard let frame else { return }
    do throws(WireError) {
      try replies.finish(in: &output)
      frame.finish(in: &output)
      count += 1
      self.frame = nil
    } catch {
      giveUp(&output)
    }
  }

  private mutating func giveUp(_ output: inout ByteWriter) {
    frame?.cancel(in: &output)
    frame = nil
    isOver = true
  }
}
