package import ApusBytes
package import ApusSystem

/// What a segment's frames add up to while it is written or walked, and what its seal says of them.
package struct Tally: Equatable, Sendable {
  /// Frames with records, and the records.
  package var frames: UInt64 = 0
  package var records: UInt64 = 0
  package var firstTime = WallTime(nanoseconds: 0)
  package var lastTime = WallTime(nanoseconds: 0)
  /// The checksum of all headers so far, one after another.
  package var headersCRC: UInt32 = 0

  package init() {}

  mutating func add(_ frame: FrameHeader, bytes header: RawSpan) {
    headersCRC = CRC32C.extend(headersCRC, header)
    guard frame.type.takesLSN else { return }
    if frames == 0 { firstTime = frame.appendTime }
    lastTime = frame.appendTime
    frames += 1
    records += UInt64(frame.recordCount)
  }
}

/// The last frame's payload of a finished segment, and what the manifest keeps of it.
package struct Seal: Equatable, Sendable {
  package var frames: UInt64
  package var records: UInt64
  package var first: LSN
  /// The last LSN; `first.previous` when the segment holds no record.
  package var last: LSN
  package var firstTime: WallTime
  package var lastTime: WallTime
  package var digest: UInt64
  /// Bytes of the whole file.
  package var byteCount: UInt64

  package var lsns: LSNRange { LSNRange(first, through: last) }
}

extension Seal {
  /// The seal of a segment whose frames end at `place`; `chain` is the checksum of the frame before.
  init(first: LSN, place: FramePlace, tally: Tally) {
    frames = tally.frames
    records = tally.records
    self.first = first
    last = place.lastLSN
    firstTime = tally.firstTime
    lastTime = tally.lastTime
    digest = UInt64(tally.headersCRC) << 32 | UInt64(place.chain ?? 0)
    byteCount = place.offset + UInt64(Format.sealByteCount)
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(frames)
    writer.write(records)
    writer.write(first.rawValue)
    writer.write(last.rawValue)
    writer.write(firstTime.nanoseconds)
    writer.write(lastTime.nanoseconds)
    writer.write(digest)
    writer.write(byteCount)
  }

  /// Reads a seal's payload; nil when it has another size.
  package init?(_ payload: RawSpan) {
    guard payload.byteCount == Format.sealPayloadByteCount else { return nil }
    var reader = ByteReader(payload)
    do throws(BytesError) {
      frames = try reader.read()
      records = try reader.read()
      first = LSN(try reader.read())
      last = LSN(try reader.read())
      firstTime = WallTime(nanoseconds: try reader.read())
      lastTime = WallTime(nanoseconds: try reader.read())
      digest = try reader.read()
      byteCount = try reader.read()
    } catch {
      return nil
    }
  }
}
