// Where the bytes of a file or stream go: to the end of what went before, and nowhere else.

import ApusBytes
package import ApusSystem

package protocol ColumnSink: AnyObject {
  /// Bytes written so far: where the next ones go.
  var byteCount: UInt64 { get }

  /// Takes all of `bytes`, or throws.
  func write(_ bytes: RawSpan) throws(SystemError)
}

/// A file from its first byte. Small writes are gathered; `flush` gives the file what is left, and does not sync it.
package final class FileSink: ColumnSink {
  private let file: any DiskFile
  private var gathered = Gathered()

  package init(_ file: any DiskFile) { self.file = file }

  package var byteCount: UInt64 { gathered.flushed + UInt64(gathered.bytes.count) }

  package func write(_ bytes: RawSpan) throws(SystemError) {
    if gathered.bytes.count + bytes.byteCount > Self.gatheredBytesMax { try gathered.flush(to: file) }
    if bytes.byteCount >= Self.gatheredBytesMax {
      try file.writeAll(bytes, at: gathered.flushed)
      gathered.flushed += UInt64(bytes.byteCount)
    } else {
      gathered.bytes.write(bytes)
    }
  }

  package func flush() throws(SystemError) {
    try gathered.flush(to: file)
  }

  private struct Gathered: ~Copyable {
    var bytes = ByteWriter()
    var flushed: UInt64 = 0

    mutating func flush(to file: any DiskFile) throws(SystemError) {
      if bytes.isEmpty { return }
      try file.writeAll(bytes.bytes, at: flushed)
      flushed += UInt64(bytes.count)
      bytes.removeAll()
    }
  }

  private static let gatheredBytesMax = 256 * 1024
}

/// Memory.
package final class MemorySink: ColumnSink {
  private var held = Held()

  package init() {}

  package var byteCount: UInt64 { UInt64(held.bytes.count) }

  package func write(_ bytes: RawSpan) {
    held.bytes.write(bytes)
  }

  /// What was written.
  package func copied() -> [UInt8] { held.copied() }

  /// A class cannot lend its writer's bytes; a struct can.
  private struct Held: ~Copyable {
    var bytes = ByteWriter()

    func copied() -> [UInt8] { bytes.bytes.copied() }
  }
}
