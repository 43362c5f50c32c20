// The border between the transport, which moves whole frames, and whoever knows what they mean.
//
// Everything a `LoopService` or a `FrameHandler` has is owned by its loop's thread: the loop creates, calls and forgets it
// there, one call at a time, and nobody else calls it. It must not wait for a disk, a lock that is held for long, or a peer;
// what takes time is done elsewhere, and comes back through the connection's `ConnectionMailbox`.

package import ApusBytes
package import ApusSystem
package import ApusWire

/// What a loop does with a connection after its handler was called.
package enum ConnectionAction: Equatable, Sendable {
  /// As before: a connection that is read is read on, one that is paused stays so.
  case goOn
  /// Hands out no further frame until `resume`. What was received already is kept, and no more is read than the socket's own buffer holds.
  case pause
  /// Ends a pause; without one, as `goOn`.
  case resume
  /// Hands out no further frame, sends what was written, and closes.
  case close
}

/// Why a connection ended.
package enum ConnectionEnd: Equatable, Sendable {
  /// Its handler asked for it.
  case asked
  /// The peer said that it sends no more, and everything it asked was answered.
  case peerClosed
  /// The peer is gone without a word, or with replies unread.
  case peerGone
  /// The peer's bytes are no frame: an unknown flag, a length above the limit, padding that is not zero.
  case malformed(WireError)
  /// No HELLO within `ServerLimits.helloNanosecondsMax`.
  case helloLate
  /// No frame for longer than is allowed, and nothing under way.
  case idle
  /// A frame that was begun did not come to its end in time.
  case slowSender
  /// Replies were not read in time.
  case slowReader
  /// It held the most memory of all when there was too much.
  case memory
  /// The server stops.
  case shutdown
  /// The kernel refused what the connection needs.
  case failed(SystemError)
  /// The server has as many connections, or descriptors, as it may.
  case refused
}

/// Who is at the other end.
package struct ConnectionPeer: Equatable, Sendable {
  package let address: SocketAddress
  /// Which of the server's listeners it came to, in the order they were given.
  package let listener: Int
}

/// What the frames of one connection mean.
package protocol FrameHandler: AnyObject {
  /// The longest body taken now. Asked anew for every frame: it grows once HELLO is answered.
  var bodyByteCountMax: Int { get }
  /// False until HELLO was answered well. Until then the limits for strangers hold.
  var isGreeted: Bool { get }
  /// Nothing is under way whose reply would come through the mailbox. The loop closes only idle connections in peace.
  var isIdle: Bool { get }
  /// When `deadlineReached` is to be called, on the clock that `now` is from; `UInt64.max`: never. Asked after every call.
  var deadline: UInt64 { get }

  /// A whole frame arrived, no longer than allowed and padded with zeroes; `body` is without the padding, and borrowed until the return.
  /// Replies, whole frames with their padding, go behind what `output` holds already; nothing there may be changed.
  func received(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, now: UInt64
  ) -> ConnectionAction

  /// What came begins with these bytes, of which nothing was handed out yet. The handler may answer several whole frames that they begin with at
  /// once, each as `received` would, and go on as before; it then says which. If it takes none, the first is handed out by itself.
  func receivedTogether(_ bytes: RawSpan, _ output: inout ByteWriter, now: UInt64) -> FramesTaken

  /// Whether `roomMade` is to be called once all that was written is with the kernel.
  var wantsRoom: Bool { get }
  func roomMade()

  /// The peer sends nothing more, and everything that it sent was handed out. Told again at will.
  func nothingMoreComes()

  /// A note came through the mailbox; the bytes that were posted with it are in `output` already.
  func noted(_ note: UInt64, _ output: inout ByteWriter, now: UInt64) -> ConnectionAction

  /// `deadline` is reached. Called again at once in the next turn, unless `deadline` moves.
  func deadlineReached(_ output: inout ByteWriter, now: UInt64) -> ConnectionAction

  /// The server stops: frames that come from here on get an answer that says so. What is under way may end.
  func stopping(_ output: inout ByteWriter, now: UInt64)

  /// The loop ends the connection and the peer can still be told: here goes the error frame. Only for `malformed`, `helloLate`,
  /// `idle` and `slowSender`; `ended` follows.
  func farewell(_ end: ConnectionEnd, _ output: inout ByteWriter)

  /// The last call: no frame goes in or out any more, and letters of its mailbox are dropped.
  func ended(_ end: ConnectionEnd)
}

/// Frames that a handler took together.
package struct FramesTaken: Equatable, Sendable {
  package var count: Int
  package var byteCount: Int

  package static let none = FramesTaken(count: 0, byteCount: 0)
}

extension FrameHandler {
  package func receivedTogether(_ bytes: RawSpan, _ output: inout ByteWriter, now: UInt64) -> FramesTaken {
    .none
  }
  package var deadline: UInt64 { .max }
  package var wantsRoom: Bool { false }
  package func roomMade() {}
  package func nothingMoreComes() {}
  package func noted(_ note: UInt64, _ output: inout ByteWriter, now: UInt64) -> ConnectionAction { .goOn }
  package func deadlineReached(_ output: inout ByteWriter, now: UInt64) -> ConnectionAction { .goOn }
}

/// What the handlers of one loop share, made on that loop's thread.
package protocol LoopService: AnyObject {
  func handler(of peer: ConnectionPeer, mailbox: ConnectionMailbox, now: UInt64) -> any FrameHandler

  /// Every connection that had something to read in this turn has been served: what was gathered can go on its way as one.
  func turnEnded(now: UInt64)
}

extension LoopService {
  package func turnEnded(now: UInt64) {}
}

/// Makes what a server needs of meaning; called from several threads.
package protocol ServerService: Sendable {
  /// Called on the thread of the loop, once.
  func loopService(loop: Int) -> any LoopService

  /// The frame for a peer whose connection is refused: too many are there already. It has not said a word yet.
  func writeRefusal(into output: inout ByteWriter)
}
