// What other threads want of a loop: letters, fetched all at once. The first letter rings the loop's bell, those behind it
// find it ringing. From `close` on letters are dropped, and `post` says so to whoever gives a descriptor away.

import ApusBytes
import ApusSystem

final class LoopInbox: Sendable {
  let bell: WakeUp
  private let letters = Monitor(Letters())

  init() throws(SystemError) { bell = try WakeUp() }

  func post(_ frames: RawSpan, note: UInt64?, to connection: UInt64) {
    // The same thread appends the bytes and the letter, under one lock, so that they stay in step.
    let first = letters.withLock { letters in
      guard letters.isOpen else { return false }
      letters.bytes.write(frames)
      return letters.add(.frames(connection, byteCount: frames.byteCount, note: note))
    }
    if first { bell.ring() }
  }

  func post(
    _ body: @escaping @Sendable (any FrameHandler, inout ByteWriter, UInt64) -> ConnectionAction,
    to connection: UInt64
  ) { post(.run(connection, body)) }

  func resume(_ connection: UInt64) { post(.resume(connection)) }

  func post(_ letter: Letter) {
    if letters.withLock({ $0.isOpen && $0.add(letter) }) { bell.ring() }
  }

  /// Gives a connection's descriptor to the loop. False: the loop is at its end, and the descriptor still the caller's.
  func adopt(_ descriptor: Int32, _ peer: ConnectionPeer) -> Bool {
    let (taken, first) = letters.withLock { letters in
      guard letters.isOpen else { return (false, false) }
      return (true, letters.add(.adopt(descriptor, peer)))
    }
    if first { bell.ring() }
    return taken
  }

  /// Gives what has come in exchange for `empty`, whose memory the next letters use.
  func fetch(_ mine: inout Letters) {
    mine.removeAll()
    letters.withLock { letters in
      mine.isOpen = letters.isOpen
      swap(&letters, &mine)
    }
  }

  /// From here on nothing is taken. What has come already can be fetched a last time.
  func close() { letters.withLock { $0.isOpen = false } }
}

enum Letter: Sendable {
  /// So many of the bytes that were posted, in the letters' order.
  case frames(UInt64, byteCount: Int, note: UInt64?)
  case run(UInt64, @Sendable (any FrameHandler, inout ByteWriter, UInt64) -> ConnectionAction)
  case resume(UInt64)
  case adopt(Int32, ConnectionPeer)
  /// Stop, and be done by this moment of the clock.
  case stop(by: UInt64)
}

/// Guarded by the inbox's monitor while it lies in there; owned by the loop's thread once fetched.
final class Letters: @unchecked Sendable {
  var all: [Letter] = []
  /// Of all `.frames`, one after the other.
  var bytes = ByteWriter()
  var isOpen = true

  /// Above this, memory that a flood of letters took is given back.
  static let byteCountKept = 1 << 20

  /// True when it is the first.
  func add(_ letter: Letter) -> Bool {
    all.append(letter)
    return all.count == 1
  }

  func removeAll() {
    all.removeAll(keepingCapacity: true)
    bytes.removeAll()
    if bytes.capacity > Self.byteCountKept { bytes = ByteWriter() }
  }
}
