// What an operator allows all connections, and each. Server.md says what happens at each limit.

package struct TransportLimits: Sendable, Equatable {
  /// Of all loops together.
  package var connectionCountMax = 20_000
  /// Unread replies of one connection, above which nothing more is taken from it.
  package var outputByteCountMax = 8 << 20
  /// How long unread replies may stand without a byte leaving, or above their limit.
  package var slowReaderNanoseconds: UInt64 = 10_000_000_000
  /// How long a frame may take from its first byte to its last.
  package var frameNanosecondsMax: UInt64 = 30_000_000_000
  /// How long a connection may say nothing while nothing of it is under way.
  package var idleNanosecondsMax: UInt64 = 3_600_000_000_000
  /// How long HELLO may take.
  package var helloNanosecondsMax = ServerLimits.helloNanosecondsMax
  /// Unfinished frames and unread replies of all connections together.
  package var memoryByteCountMax = 1 << 30
  /// How long a connection that the server has ended is kept for the peer to read the last words.
  package var lingerNanosecondsMax: UInt64 = 2_000_000_000
  /// What the kernel keeps for each connection, if not what it would.
  package var kernelReceiveByteCount: Int32?
  package var kernelSendByteCount: Int32?

  package init() {}
}
