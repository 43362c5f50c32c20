// Waiting for an LSN, with a deadline or without. The store tells when it is reached, through the port; the loop tells when
// the deadline is. Whoever comes first takes the wait out of `waits`, on the loop's thread, and answers.

import ApusBytes
import ApusStore
import ApusWire

extension Session {
  func wait(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    let request = try WaitRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    let line: LSNLine = request.point == .visible ? .visible : .durable
    _ = flight.begin(header.id)
    begin(waitFor: request.lsn, line, id: header.id, due: Self.due(header, now), get: nil)
  }

  /// The id is in flight.
  func begin(waitFor lsn: LSN, _ line: LSNLine, id: UInt64, due: UInt64, get: Deferred?) {
    let port = port
    let wait = server.store.wait(for: lsn, line) { result in
      port.run { session, output, now in session.waitEnded(id, get, result, &output, now) }
    }
    // Nil: it is over already, and its answer is on its way to this loop.
    guard let wait else { return }
    waits[id] = Waiting(wait: wait, lsn: lsn, due: due, get: get)
    earliestDue = min(earliestDue, due)
  }

  private func waitEnded(
    _ id: UInt64, _ get: Deferred?, _ result: Result<LSNReach, StoreError>, _ output: inout ByteWriter,
    _ now: UInt64
  ) -> ConnectionAction {
    waits[id] = nil
    if waits.isEmpty { earliestDue = .max }
    if state == .over { return .close }
    if let get { return getGoesOn(get, result, &output, now) }
    switch result {
    case .success(let reach):
      Frames.write(replyTo: .wait, id, into: &output) {
        WaitReply(visible: reach.visible, durable: reach.durable).encode(into: &$0)
      }
    case .failure(let error): refuse(error.refusal(), id, &output)
    }
    flight.finish(id)
    return .goOn
  }

  /// Answers those whose deadline has come.
  func giveUpWaits(_ output: inout ByteWriter, _ now: UInt64) {
    earliestDue = .max
    let late = waits.filter { $0.value.due <= now }
    for (id, waiting) in late {
      // When the store was faster, its answer is on its way.
      waits[id] = nil
      guard server.store.giveUp(waiting.wait) else { continue }
      refuse(.notYet(waiting.lsn.rawValue, visible: server.store.visible.rawValue), id, &output)
      if waiting.get == nil { flight.finish(id) } else { _ = readsGoOn(after: id, &output, now) }
    }
    earliestDue = min(earliestDue, waits.values.map(\.due).min() ?? .max)
  }
}
