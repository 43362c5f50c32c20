// One connection of a loop: what of it lies in memory, and how far it is. Owned by its loop's thread; the loop does everything.
//
// `input` holds bytes that came and were not handed out: first those of one frame that is not whole, or, while the connection takes no
// frames, whatever came with the last read. `output` holds replies, of which the first `sent` bytes are with the kernel already.

import ApusBytes
import ApusSystem

final class Connection {
  enum Phase: Equatable {
    case open
    /// Takes no further frame; sends what is written, then ends.
    case closing(ConnectionEnd)
    /// Everything is said, its handler has been told, and the peer may read the last words. What still comes is thrown away.
    case lingering(until: UInt64)
    case ended
  }

  /// Where it stands among the loop's connections.
  let place: Int
  /// Its name in letters and in the poller.
  let id: UInt64
  let socket: StreamSocket
  let bornAt: UInt64
  /// It was never let in, and has no handler.
  let isRefused: Bool
  /// Nil once it was told that the connection has ended.
  var handler: (any FrameHandler)?

  var phase = Phase.open
  var isPaused = false
  /// The peer sends no more.
  var peerEnded = false
  /// Whole frames may lie in `input`.
  var hasUncut = false

  var input: Buffer?
  /// How much of `input` was handed out.
  var used = 0
  /// How many bytes of the frame that `input` begins must be there to go on.
  var needed = 0
  var output: Buffer?
  var sent = 0

  /// When the last whole frame came.
  var frameAt: UInt64
  /// When the frame that is not whole yet began; nil when there is none.
  var frameBegunAt: UInt64?
  /// Since when no byte of the unread replies has left.
  var stuckSince: UInt64 = 0
  /// Since when there are more of them than allowed; nil when there are not.
  var overSince: UInt64?

  /// What the poller was told.
  var interest: Poller.Readiness = .readable
  /// What the loop's sum has of it.
  var memoryByteCount = 0
  /// It was read, or a letter changed it, and it is to be settled in this turn.
  var isTouched = false

  init(place: Int, id: UInt64, socket: consuming StreamSocket, isRefused: Bool, now: UInt64) {
    self.place = place
    self.id = id
    self.socket = socket
    bornAt = now
    self.isRefused = isRefused
    frameAt = now
  }

  var unsentByteCount: Int { output.map { $0.bytes.count - sent } ?? 0 }

  var hasEnded: Bool { phase == .ended }

  /// What it holds now.
  var heldByteCount: Int { (input?.bytes.capacity ?? 0) + (output?.bytes.capacity ?? 0) }
}
