// A window on a source. Bytes between `lower` and `upper` are read and not yet consumed; whoever parses looks at them, takes
// whole records off the front, and asks for more when one is not all there. Memory is one window, whatever the source's
// length: a record may be `recordByteCountMax` long, and the window never grows beyond what holds one.

import ApusBytes
package import ApusSystem

package struct Input: ~Copyable {
  /// A longer record is not kept: its bytes are passed over, and its lines named.
  package static let recordByteCountMax = 4_194_304
  /// How many bytes are asked for at once.
  static let chunkByteCount = 1_048_576
  /// By its first bytes a source is known again; see `LoadOffset`.
  package static let headByteCountMax = 65_536

  private let source: any ByteSource
  private(set) var bytes: [UInt8]
  private(set) var lower = 0
  private(set) var upper = 0
  private(set) var isAtEnd = false
  /// Consumed so far, and their CRC-32C.
  package private(set) var offset: UInt64 = 0
  package private(set) var checksum: UInt32 = 0

  package init(_ source: any ByteSource) {
    self.source = source
    bytes = Array(repeating: 0, count: Self.chunkByteCount)
  }

  package var name: String { source.name }
  var count: Int { upper - lower }
  /// Whether there is room for more of a record that began at `lower`.
  var mayGrow: Bool { count < Self.recordByteCountMax }

  /// Reads more behind what is there; false at the end.
  mutating func fill() throws(SystemError) -> Bool {
    guard !isAtEnd else { return false }
    if lower > 0 {
      let start = lower
      let length = upper - lower
      unsafe bytes.withUnsafeMutableBufferPointer { memory in
        // Both ranges lie within the array; `update(from:)` allows them to overlap.
        guard let base = memory.baseAddress else { return }
        unsafe base.update(from: base + start, count: length)
      }
      (lower, upper) = (0, length)
    }
    if bytes.count - upper < Self.chunkByteCount / 2 {
      bytes.append(contentsOf: repeatElement(0, count: max(Self.chunkByteCount, bytes.count)))
    }
    let count = try Self.read(source, into: &bytes, at: upper)
    upper += count
    isAtEnd = count == 0
    return count > 0
  }

  private static func read(
    _ source: any ByteSource, into bytes: inout [UInt8], at start: Int
  ) throws(SystemError) -> Int {
    var all = bytes.mutableSpan
    var rest = unsafe all.mutableBytes
    var free = rest._mutatingExtracting(start...)
    return try source.read(into: &free)
  }

  mutating func consume(_ count: Int) {
    checksum = Self.extended(checksum, bytes, lower..<lower + count)
    lower += count
    offset += UInt64(count)
  }

  /// Moves what is there into a buffer, as far as it goes, and says how many bytes that was.
  mutating func take(into buffer: inout MutableRawSpan) -> Int {
    let taken = min(count, buffer.byteCount)
    let first = lower
    unsafe buffer.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        // `taken` bytes are there from `first` on, and as many have room.
        guard let base = source.baseAddress, taken > 0 else { return }
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: base + first, count: taken))
      }
    }
    consume(taken)
    return taken
  }

  private static func extended(_ checksum: UInt32, _ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
    CRC32C.extend(checksum, unsafe bytes.span.bytes.extracting(range))
  }

  /// The bytes that are read and not consumed.
  var window: Span<UInt8> {
    @_lifetime(borrow self) get { bytes.span.extracting(lower..<upper) }
  }

  /// The CRC-32C of the first bytes that there are, at most `count`; to be asked before any is consumed.
  package mutating func headChecksum(_ wanted: Int) throws(SystemError) -> (byteCount: Int, checksum: UInt32)
  {
    while count < wanted, try fill() {}
    let length = min(wanted, count)
    return (length, Self.extended(0, bytes, lower..<lower + length))
  }
}
