// Buffers that connections of one loop use in turn. A connection has one only while it holds bytes, so an idle connection costs none,
// and a busy loop allocates none.

import ApusBytes

/// Owned by one connection, or by the pool.
final class Buffer {
  var bytes = ByteWriter()
}

/// Owned by its loop's thread.
struct BufferPool {
  static let bufferCountMax = 64
  /// A larger one is given back to the allocator.
  static let byteCountKept = 256 << 10

  private var spare: [Buffer] = []

  init() { spare.reserveCapacity(Self.bufferCountMax) }

  var count: Int { spare.count }

  mutating func take() -> Buffer { spare.popLast() ?? Buffer() }

  mutating func give(_ buffer: Buffer) {
    guard spare.count < Self.bufferCountMax, buffer.bytes.capacity <= Self.byteCountKept else { return }
    buffer.bytes.removeAll()
    spare.append(buffer)
  }
}
