// A stream cut into its messages. A length that a stream claims costs nothing: memory is made for bytes that came, and for at most as
// many more.

import ApusBytes
import ApusSystem

struct ArrowMessageReader {
  private let source: any ByteSource
  /// Of the next byte.
  private var offset: UInt64 = 0
  private var isAtEnd = false
  private var prefix: [UInt8] = []

  private let bodyBytesMax: Int

  init(_ source: any ByteSource, bodyBytesMax: Int = ArrowFormat.bodyBytesMax) {
    self.source = source
    self.bodyBytesMax = min(bodyBytesMax, ArrowFormat.bodyBytesMax)
  }

  /// Reads the next message's metadata and says where it began; nil at the end of the stream.
  mutating func nextMetadata(into metadata: inout [UInt8]) throws(ColumnarError) -> UInt64? {
    if isAtEnd { return nil }
    let start = offset
    guard let first = try nextWord(orEnd: true) else { return end() }
    // Before 2019 a message began with its length.
    let length = first == ArrowFormat.continuation ? try nextWord(orEnd: false) ?? 0 : first
    if length == 0 { return end() }
    let place = ColumnarPlace(byteOffset: start)
    guard length <= UInt32(clamping: ArrowFormat.metadataBytesMax) else {
      throw .tooLarge(
        "bytes of metadata; or it is no Arrow stream", claimed: UInt64(length),
        limit: UInt64(clamping: ArrowFormat.metadataBytesMax), at: place)
    }
    // widens UInt32
    try read(Int(length), into: &metadata, "a message's metadata")
    return start
  }

  mutating func readBody(_ length: Int64, into body: inout [UInt8]) throws(ColumnarError) {
    guard length >= 0 else {
      throw .damaged("a body of a length below zero", at: ColumnarPlace(byteOffset: offset))
    }
    guard let length = Int(exactly: length), length <= bodyBytesMax else {
      throw .tooLarge(
        "bytes of one batch", claimed: UInt64(length), limit: UInt64(clamping: bodyBytesMax),
        at: ColumnarPlace(byteOffset: offset))
    }
    try read(length, into: &body, "a message's body")
  }

  private mutating func end() -> UInt64? {
    isAtEnd = true
    return nil
  }

  private mutating func nextWord(orEnd: Bool) throws(ColumnarError) -> UInt32? {
    var word = prefix
    defer { prefix = word }
    let got = try fill(4, &word)
    if got == 0, orEnd { return nil }
    guard got == 4 else { throw cut("a message's length") }
    return word.reversed().reduce(0) { $0 << 8 | UInt32($1) }  // widens UInt8
  }

  private mutating func read(_ count: Int, into target: inout [UInt8], _ what: String) throws(ColumnarError) {
    guard try fill(count, &target) == count else { throw cut(what) }
  }

  private func cut(_ what: String) -> ColumnarError {
    .damaged("the stream ends within \(what)", at: ColumnarPlace(byteOffset: offset))
  }

  /// Reads up to `count` bytes, fewer only at the source's end.
  private mutating func fill(_ count: Int, _ target: inout [UInt8]) throws(ColumnarError) -> Int {
    target.removeAll(keepingCapacity: true)
    var done = 0
    while done < count {
      if done == target.count {
        let step = min(count - done, max(done, ArrowFormat.stepBytes))
        target.append(contentsOf: repeatElement(0, count: step))
      }
      let got = try Self.readSome(source, into: &target, from: done)
      if got == 0 { break }
      done += got
      offset += UInt64(got)
    }
    if done < target.count { target.removeLast(target.count - done) }
    return done
  }

  private static func readSome(
    _ source: any ByteSource, into target: inout [UInt8], from start: Int
  ) throws(ColumnarError) -> Int {
    var elements = target.mutableSpan
    // Any bytes are valid bytes.
    var all = unsafe elements.mutableBytes
    var rest = all._mutatingExtracting(start...)
    do { return try source.read(into: &rest) } catch { throw .system(error) }
  }
}
