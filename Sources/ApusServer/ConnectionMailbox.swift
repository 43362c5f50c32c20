// The way back to a connection, for any thread. A letter to a connection that has ended is dropped; letters of one thread to one
// connection arrive in their order. The loop is woken once for all letters that it has not fetched yet.
//
// How much is posted is bounded by what handlers let be under way; there is no limit of its own, and posting never waits.

package import ApusBytes

package struct ConnectionMailbox: Sendable {
  let inbox: LoopInbox
  /// Of the connection; no other connection of this loop ever has it.
  let connection: UInt64

  /// Appends whole frames to what the connection sends. They are copied; in steady state nothing is allocated.
  package func post(_ frames: RawSpan) { inbox.post(frames, note: nil, to: connection) }

  /// The same, and then calls the handler's `noted`.
  package func post(_ frames: RawSpan, note: UInt64) { inbox.post(frames, note: note, to: connection) }

  /// Calls the handler's `noted`.
  package func post(note: UInt64) { inbox.post(RawSpan(), note: note, to: connection) }

  /// Runs `body` on the loop's thread, with the connection's handler.
  package func post(
    _ body: @escaping @Sendable (any FrameHandler, inout ByteWriter, _ now: UInt64) -> ConnectionAction
  ) { inbox.post(body, to: connection) }

  /// Ends a pause.
  package func resume() { inbox.resume(connection) }
}
