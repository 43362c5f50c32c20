// Files in terms of arrays, for tests, where a copy costs nothing.

package import ApusSystem

extension DiskFile {
  package func writeAll(_ bytes: [UInt8], at offset: UInt64) throws(SystemError) {
    // The span does not outlive the call.
    try unsafe writeAll(bytes.span.bytes, at: offset)
  }

  /// The bytes from `offset` on, as many as there are and at most `count`.
  package func read(_ count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var elements = bytes.mutableSpan
    // Any bytes are valid bytes.
    var span = unsafe elements.mutableBytes
    let done = try readFully(into: &span, at: offset)
    bytes.removeLast(count - done)
    return bytes
  }

  package func readAll() throws(SystemError) -> [UInt8] { try read(Int(size()), at: 0) }
}
