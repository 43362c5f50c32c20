// Bytes in memory as a source that gives them in pieces of any size, as a pipe would.

import ApusColumnar
import ApusSystem

final class BytesSource: ByteSource {
  let name = "bytes"
  private let bytes: [UInt8]
  private let pieceMax: Int
  private(set) var done = 0
  /// The most that was asked for at once: what the reader had made room for.
  private(set) var askedMax = 0

  init(_ bytes: [UInt8], pieceMax: Int = .max) {
    self.bytes = bytes
    self.pieceMax = pieceMax
  }

  func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    askedMax = max(askedMax, buffer.byteCount)
    let count = min(buffer.byteCount, bytes.count - done, pieceMax)
    unsafe buffer.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe target.copyBytes(from: bytes[done..<(done + count)])
      }
    }
    done += count
    return count
  }
}
