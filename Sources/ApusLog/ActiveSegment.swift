import ApusBytes
import ApusSystem

/// The unfinished segment: where the next frame goes.
///
/// `written.place.offset <= encoded.place.offset`, and behind `encoded` a mark and a seal still fit. Bytes before
/// `written` never change; bytes between are in the writer's buffer.
struct ActiveSegment {
  /// How far a segment is filled, and with what.
  struct Cursor: Equatable {
    var place: FramePlace
    var tally = Tally()
  }

  let record: FileRecord
  let file: any DiskFile
  let seed: FrameSeed
  let capacity: UInt64
  var written: Cursor
  var encoded: Cursor
  /// Bytes of a dropped frame, or a seal that the manifest does not know yet, may lie behind `written`: the segment takes no
  /// further frame and is finished before anything else.
  var spoiled = false

  init(record: FileRecord, storeID: StoreID, file: any DiskFile, capacity: UInt64) {
    self.record = record
    self.file = file
    self.capacity = capacity
    seed = FrameSeed(storeID: storeID, fileID: record.id)
    written = Cursor(place: FramePlace(after: record))
    encoded = written
  }

  /// Room that a frame must leave behind it.
  static let reserve = UInt64(Format.frameHeaderByteCount + Format.sealByteCount)

  /// The longest payload that fits into an empty segment of this capacity.
  static func payloadMax(capacity: UInt64) -> Int {
    let room = capacity - UInt64(Format.headerByteCount) - reserve - UInt64(Format.frameHeaderByteCount)
    return min(Format.payloadByteCountMax, Int(clamping: room & ~UInt64(Format.alignment - 1)))
  }

  func fits(payloadByteCount: Int) -> Bool {
    let frame = UInt64(Format.frameHeaderByteCount + Format.aligned(payloadByteCount))
    return !spoiled && encoded.place.offset + frame + ActiveSegment.reserve <= capacity
  }

  /// Encodes a frame behind those in `buffer`.
  mutating func encode(
    _ type: FrameType, flags: FrameFlags = [], recordCount: Int, durable: LSN, appendTime: WallTime,
    payload: RawSpan,
    into buffer: inout ByteWriter
  ) -> Appended {
    let place = encoded.place
    let draft = FrameHeader(
      offset: place.offset, type: type, flags: flags, payloadByteCount: 0, base: place.nextBase,
      recordCount: recordCount, epoch: place.epoch, durable: durable, appendTime: appendTime, payloadCRC: 0,
      chain: place.chain ?? 0, headerCRC: 0)
    let at = buffer.count
    let frame = FrameFormat.encode(draft, payload: payload, seed: seed, into: &buffer)
    precondition(encoded.place.fault(of: frame) == nil, "what is written is what a reader will accept")
    encoded.tally.add(frame, bytes: buffer.bytes.extracting(at..<at + Format.frameHeaderByteCount))
    encoded.place.pass(frame)
    return Appended(
      lsns: frame.lsns, position: LogPosition(segment: record.id, offset: frame.offset),
      time: frame.appendTime)
  }
}

extension ActiveSegment.Cursor {
  /// Writes the seal behind this cursor. It counts after `settle`.
  func writeSeal(to file: any DiskFile, seed: FrameSeed, first: LSN) throws(SystemError) -> Seal {
    let seal = Seal(first: first, place: place, tally: tally)
    let draft = FrameHeader(
      offset: place.offset, type: .seal, flags: [], payloadByteCount: 0, base: place.nextBase, recordCount: 0,
      epoch: place.epoch, durable: place.lastLSN, appendTime: place.appendTime, payloadCRC: 0,
      chain: place.chain ?? 0, headerCRC: 0)
    var writer = ByteWriter(capacity: Format.sealByteCount)
    var payload = ByteWriter(capacity: Format.sealPayloadByteCount)
    seal.encode(into: &payload)
    _ = FrameFormat.encode(draft, payload: payload.bytes, seed: seed, into: &writer)
    try file.writeAll(writer.bytes, at: place.offset)
    return seal
  }
}

extension Seal {
  /// Makes a written seal durable, and only then cuts the file: the seal is what says that nothing behind it counts.
  func settle(_ file: any DiskFile) throws(SystemError) {
    try file.syncData()
    try file.truncate(byteCount)
    try file.syncAll()
  }
}
