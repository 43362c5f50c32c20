import ApusBytes
package import ApusSystem

/// Reads the frames of one file through a buffer of fixed size; recovery, scans and checks are all built on it.
///
/// The walker says what is *whole*, never what is *in place*: that is `FramePlace`'s to say. It reads nothing at or
/// beyond `end`. Its buffer grows only for a frame whose length passed a checksum.
package struct FrameWalker: ~Copyable {
  package enum Look: Equatable, Sendable {
    case whole(FrameHeader)
    case notWhole(FrameFault)
  }

  private var file: (any DiskFile)?
  private var seed: FrameSeed
  /// Where the frames end; the file may go on behind it.
  package private(set) var end: UInt64

  private var block: ByteBlock
  private var blockStart: UInt64 = 0
  private var blockCount = 0
  private var payloadRange = 0..<0
  /// What the last header that passed said. Kept here, because a hundred bytes are dear to hand on.
  private(set) var frame = FrameHeader.none

  /// Large enough that a system call is cheap, small enough to stay in a core's cache while it is checked.
  package static let blockByteCount = 256 << 10

  /// A walker of `file`; without one, of nothing.
  package init(file: (any DiskFile)? = nil, seed: FrameSeed, end: UInt64) {
    self.file = file
    self.seed = seed
    self.end = end
    block = ByteBlock(byteCount: FrameWalker.blockByteCount)
  }

  /// Goes to another file, with the same buffer.
  package mutating func turn(to file: any DiskFile, seed: FrameSeed, end: UInt64) {
    self.file = file
    self.seed = seed
    self.end = end
    blockCount = 0
    payloadRange = 0..<0
  }

  /// The payload of the frame last found whole, without its padding. Valid until the next look.
  package var payload: RawSpan {
    @_lifetime(borrow self)
    get { block.bytes.extracting(payloadRange) }
  }

  /// The header's bytes of the frame last found whole. Valid until the next look.
  package var header: RawSpan {
    @_lifetime(borrow self)
    get {
      block.bytes.extracting(payloadRange.lowerBound - Format.frameHeaderByteCount..<payloadRange.lowerBound)
    }
  }

  /// Counts the frame last found whole.
  @inline(__always)
  func add(to tally: inout Tally) { tally.add(frame, bytes: header) }

  /// Judges what lies at `offset`.
  package mutating func look(at offset: UInt64) throws(SystemError) -> Look {
    if let fault = try fault(at: offset) { return .notWhole(fault) }
    return .whole(frame)
  }

  /// Why there is no whole frame at `offset`; nil when there is one, and then `frame` is its header.
  @inline(__always)
  mutating func fault(at offset: UInt64) throws(SystemError) -> FrameFault? {
    payloadRange = 0..<0
    guard try load(Format.frameHeaderByteCount, at: offset) == Format.frameHeaderByteCount else {
      return .beyondEnd
    }
    let seedCRC = seed.at(offset)
    do throws(FrameFault) {
      frame = try FrameFormat.decodeHeader(loaded(from: offset), at: offset, seedCRC: seedCRC)
    } catch {
      return error
    }
    guard try load(frame.byteCount, at: offset) == frame.byteCount else { return .beyondEnd }
    let start = Int(truncatingIfNeeded: offset &- blockStart) + Format.frameHeaderByteCount
    let padded = start..<start + Format.aligned(frame.payloadByteCount)
    let matches = FrameFormat.payloadMatches(block.bytes.extracting(padded), frame, seedCRC: seedCRC)
    guard matches else { return .payloadChecksum }
    payloadRange = start..<start + frame.payloadByteCount
    return nil
  }

  /// The bytes in the block from `offset` on, which must lie in it.
  @_lifetime(borrow self)
  private func loaded(from offset: UInt64) -> RawSpan {
    block.bytes.extracting(Int(truncatingIfNeeded: offset &- blockStart)..<blockCount)
  }

  /// The first whole frame at a multiple of 8 at or after `offset`.
  package mutating func seek(from offset: UInt64) throws(SystemError) -> FrameHeader? {
    var at = Format.aligned(offset)
    while at < end, end - at >= UInt64(Format.frameHeaderByteCount) {
      let available = try loadSome(at: at)
      guard available >= Format.frameHeaderByteCount else { return nil }
      // Most of what is passed here is zeroes or payload; only a magic number is worth a checksum.
      let candidate = firstMagic(in: available, at: at)
      guard candidate < at + UInt64(available) else {
        at = candidate
        continue
      }
      if case .whole(let header) = try look(at: candidate) { return header }
      at = candidate + UInt64(Format.alignment)
    }
    return nil
  }

  /// The offset of the first possible magic number in the loaded bytes from `at`; behind them if there is none.
  private func firstMagic(in available: Int, at offset: UInt64) -> UInt64 {
    var reader = ByteReader(loaded(from: offset).extracting(..<available))
    while let word = try? reader.read(UInt64.self) {
      if UInt32(truncatingIfNeeded: word) == Format.frameMagic {
        return offset + UInt64(reader.offset - Format.alignment)
      }
    }
    return offset + UInt64(available)
  }

  /// The offset behind the last byte at or after `offset` that is not zero; nil when all are zero.
  package mutating func endOfContent(from offset: UInt64) throws(SystemError) -> UInt64? {
    var at = offset
    var content: UInt64?
    while at < end {
      let available = try load(FrameWalker.blockByteCount, at: at)
      if available == 0 { break }
      if let last = lastNonZero(loaded(from: at).extracting(..<available)) {
        content = at + UInt64(last) + 1
      }
      at += UInt64(available)
    }
    return content
  }

  private func lastNonZero(_ bytes: RawSpan) -> Int? {
    var reader = ByteReader(bytes)
    var last: Int?
    while let word = try? reader.read(UInt64.self) {
      if word != 0 { last = reader.offset - 1 - word.leadingZeroBitCount / 8 }
    }
    while let byte = try? reader.read(UInt8.self) {
      if byte != 0 { last = reader.offset - 1 }
    }
    return last
  }

  /// Brings up to `count` bytes at `offset` into the block; returns how many there are before `end`.
  @inline(__always)
  private mutating func load(_ count: Int, at offset: UInt64) throws(SystemError) -> Int {
    guard offset < end else { return 0 }
    let wanted = Int(clamping: min(UInt64(count), end - offset))
    if offset >= blockStart, offset - blockStart + UInt64(wanted) <= UInt64(blockCount) { return wanted }
    return try reload(wanted, at: offset)
  }

  /// Fills the block from `offset` on; returns how many of the wanted bytes there are.
  private mutating func reload(_ wanted: Int, at offset: UInt64) throws(SystemError) -> Int {
    guard let file else { return 0 }
    // Four frames to a block at least, so that reading on never reads much twice.
    if wanted > block.byteCount { block = ByteBlock(byteCount: wanted * 4) }
    blockStart = offset
    blockCount = 0
    let room = Int(clamping: min(UInt64(block.byteCount), end - offset))
    blockCount = try FrameWalker.fill(&block, room, from: file, at: offset)
    return min(wanted, blockCount)
  }

  /// What the block has from `offset` on, if that is a header at least; else a fresh block.
  ///
  /// A payload full of magic numbers must not cost a read for each of them.
  private mutating func loadSome(at offset: UInt64) throws(SystemError) -> Int {
    let loadedEnd = blockStart + UInt64(blockCount)
    if offset >= blockStart, offset + UInt64(Format.frameHeaderByteCount) <= loadedEnd {
      return Int(truncatingIfNeeded: loadedEnd - offset)
    }
    return try load(block.byteCount, at: offset)
  }

  private static func fill(
    _ block: inout ByteBlock, _ count: Int, from file: any DiskFile, at offset: UInt64
  ) throws(SystemError) -> Int {
    var target = block.mutableBytes
    var window = target._mutatingExtracting(..<count)
    return try file.readFully(into: &window, at: offset)
  }
}
