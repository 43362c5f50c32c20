// Frames as a forger would make them, who knows the store: right checksums around anything at all.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

struct Forger {
  let seed: FrameSeed
  private(set) var bytes: [UInt8]
  private var place: FramePlace
  private var at: Int

  /// Goes on behind the last frame of a file.
  init(_ storeID: StoreID, _ id: FileID, _ bytes: [UInt8], behind place: FramePlace) {
    seed = FrameSeed(storeID: storeID, fileID: id)
    self.bytes = bytes
    self.place = place
    at = Int(place.offset)
  }

  private static func bytes(of words: [any FixedWidthInteger]) -> [UInt8] {
    words.flatMap { word in
      (0..<word.bitWidth / 8).map { UInt8(truncatingIfNeeded: UInt64(truncatingIfNeeded: word) >> (8 * $0)) }
    }
  }

  private static func extend(_ crc: UInt32, _ bytes: [UInt8]) -> UInt32 {
    var writer = ByteWriter()
    writer.write(bytes)
    return CRC32C.extend(crc, writer.bytes)
  }

  /// Writes a frame that is whole and in place.
  mutating func append(_ type: FrameType, records: Int = 0, payload words: [any FixedWidthInteger]) {
    let payload = Forger.bytes(of: words)
    let padded = payload + [UInt8](repeating: 0, count: (8 - payload.count % 8) % 8)
    let seedCRC = seed.at(UInt64(at))
    let time = max(place.appendTime.nanoseconds, 0)
    let body = Forger.bytes(of: [
      type.rawValue, UInt8(1), UInt16(0), UInt32(payload.count), place.nextBase.rawValue, UInt32(records),
      place.epoch, place.lastLSN.rawValue, time, Forger.extend(seedCRC, padded), place.chain ?? 0,
    ])
    let frame = Forger.bytes(of: [Format.frameMagic, Forger.extend(seedCRC, body)]) + body + padded
    if bytes.count < at + frame.count { bytes += Array(repeating: 0, count: at + frame.count - bytes.count) }
    bytes.replaceSubrange(at..<at + frame.count, with: frame)
    place.chain = Forger.extend(seedCRC, body)
    place.nextBase = place.nextBase.advanced(by: records)
    at += frame.count
  }

  /// Writes an edit with one change, given as the words of its fields.
  mutating func edit(_ tag: UInt16, _ fields: [any FixedWidthInteger]) {
    let count = Forger.bytes(of: fields).count
    append(.edit, records: 1, payload: [tag, UInt16(0), UInt32(count)] + fields)
  }
}
