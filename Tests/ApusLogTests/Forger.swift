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

  /// Behind the last frame.
  var end: Int { at }

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

  /// What may be wrong with the place of a frame that is whole.
  enum Misplacement: CaseIterable { case none, epoch, chain, baseBefore, baseBehind, durable, time }

  /// Writes a frame that is whole, and in place but for one thing.
  mutating func append(
    _ type: FrameType, records: Int = 0, flags: UInt8 = 1, payload words: [any FixedWidthInteger],
    wrong: Misplacement = .none
  ) {
    var place = self.place
    switch wrong {
    case .none: break
    case .epoch:
      place = FramePlace(epoch: place.epoch + 1, first: place.nextBase, headerCRC: place.chain ?? 0)
      place.durable = self.place.durable
      place.appendTime = self.place.appendTime
    case .chain: place.chain = (place.chain ?? 0) ^ 1
    case .baseBefore: place.nextBase = place.nextBase.previous
    case .baseBehind: place.nextBase = place.nextBase.next
    case .durable, .time: break
    }
    let durable = wrong == .durable ? place.durable.previous : place.durable
    let appendTime = place.appendTime.nanoseconds - (wrong == .time ? 1 : 0)
    let payload = Forger.bytes(of: words)
    let padded = payload + [UInt8](repeating: 0, count: (8 - payload.count % 8) % 8)
    let seedCRC = seed.at(UInt64(at))
    let body = Forger.bytes(of: [
      type.rawValue, flags, UInt16(0), UInt32(payload.count), place.nextBase.rawValue, UInt32(records),
      place.epoch, durable.rawValue, appendTime, Forger.extend(seedCRC, padded), place.chain ?? 0,
    ])
    let frame = Forger.bytes(of: [Format.frameMagic, Forger.extend(seedCRC, body)]) + body + padded
    if bytes.count < at + frame.count { bytes += Array(repeating: 0, count: at + frame.count - bytes.count) }
    bytes.replaceSubrange(at..<at + frame.count, with: frame)
    self.place.chain = Forger.extend(seedCRC, body)
    self.place.nextBase = place.nextBase.advanced(by: records)
    at += frame.count
  }

  /// Writes an edit with one change, given as the words of its fields.
  mutating func edit(_ tag: UInt16, _ fields: [any FixedWidthInteger]) {
    let count = Forger.bytes(of: fields).count
    let padding = [UInt8](repeating: 0, count: (8 - count % 8) % 8).map { $0 as any FixedWidthInteger }
    append(.edit, records: 1, payload: [tag, UInt16(0), UInt32(count)] + fields + padding)
  }
}
