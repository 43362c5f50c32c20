package import ApusBytes
package import ApusSystem

/// What the next frame of a file must fit to: the state of a walk, as a pure value.
///
/// Positions, LSNs, durable points and append times only ever go forward here; the writer gives them out in that order
/// and every reader asserts it again.
package struct FramePlace: Equatable, Sendable {
  package var offset: UInt64
  package let epoch: UInt32
  /// The header checksum of the frame before; nil after damage, when it is not known.
  package var chain: UInt32?
  package var nextBase: LSN
  package var durable: LSN
  package var appendTime: WallTime

  /// The place of a file's first frame, behind a header with this checksum.
  package init(epoch: UInt32, first: LSN, headerCRC: UInt32) {
    offset = UInt64(Format.headerByteCount)
    self.epoch = epoch
    chain = headerCRC
    nextBase = first
    durable = .none
    appendTime = WallTime(nanoseconds: .min)
  }

  package init(after header: FileHeader) {
    self.init(epoch: header.epoch, first: header.first, headerCRC: header.crc)
  }

  /// The place of a listed segment's first frame: the manifest knows it even where the header is damaged.
  package init(after record: FileRecord) {
    self.init(epoch: record.epoch, first: record.first, headerCRC: record.headerCRC)
  }

  /// The last LSN before this place.
  package var lastLSN: LSN { nextBase.previous }

  /// Why a whole frame does not belong here, or nil when it does.
  @inline(__always)
  package func fault(of frame: FrameHeader) -> FrameFault? {
    if frame.epoch != epoch { return .epoch(expected: epoch, found: frame.epoch) }
    if let chain, frame.chain != chain { return .chain(expected: chain, found: frame.chain) }
    if frame.base != nextBase { return .base(expected: nextBase, found: frame.base) }
    if frame.durable < durable { return .durable(frame.durable, base: frame.base) }
    if frame.appendTime < appendTime, !frame.flags.contains(.clockStep) { return .appendTime }
    return nil
  }

  /// Goes on behind a frame.
  package mutating func pass(_ frame: FrameHeader) {
    offset = frame.end
    chain = frame.headerCRC
    nextBase = frame.nextBase
    durable = frame.durable
    appendTime = frame.appendTime
  }

  /// Goes on at `frame`, the next whole one behind damage. What came before it is not known.
  package mutating func resume(at frame: FrameHeader) {
    offset = frame.offset
    chain = nil
    nextBase = frame.base
    durable = frame.durable
    appendTime = frame.appendTime
  }

  /// Goes on behind damage that nothing whole follows.
  package mutating func skip(to offset: UInt64, nextBase: LSN) {
    self.offset = offset
    self.nextBase = nextBase
    chain = nil
  }
}
