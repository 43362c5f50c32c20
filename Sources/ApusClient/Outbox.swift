// Bytes on their way to a server. What the kernel took is counted, so that of every frame it is known whether any of it
// may have left.

package import ApusBytes
import ApusSystem

package struct Outbox: ~Copyable {
  package var writer = ByteWriter()
  private var sent = 0
  /// Of bytes that were forgotten because they were sent.
  private var before: UInt64 = 0

  package init() {}

  /// Where the next frame begins in all that is ever sent.
  package var end: UInt64 { before + UInt64(writer.count) }
  /// Bytes before this were given to the kernel.
  package var sentEnd: UInt64 { before + UInt64(sent) }
  package var isEmpty: Bool { sent == writer.count }
  package var unsentByteCount: Int { writer.count - sent }

  package enum Outcome: Equatable, Sendable {
    case all
    case wouldBlock
    case gone
  }

  mutating func send(on socket: borrowing StreamSocket) -> Outcome {
    while sent < writer.count {
      let result: StreamSocket.Sent
      do throws(SystemError) {
        result = try socket.send(writer.bytes.extracting(droppingFirst: sent))
      } catch {
        // Out of memory for the socket: this connection is not served any more.
        return .gone
      }
      switch result {
      case .bytes(let count): sent += count
      case .wouldBlock: return .wouldBlock
      case .gone: return .gone
      }
    }
    before += UInt64(sent)
    sent = 0
    // The memory of one long body is not kept for small ones.
    if writer.capacity > Self.capacityKept { writer = ByteWriter() } else { writer.removeAll() }
    return .all
  }

  private static let capacityKept = 1 << 20
}
