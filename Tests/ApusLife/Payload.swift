// A payload that says which frame of which life it is, and what every byte of it must be.

import ApusTestSupport

struct Payload: Equatable, Sendable {
  /// The seed of the life, and the frame's number in it.
  static let headByteCount = 16
  /// Fits into a segment of 8 KiB.
  static let byteCountMax = 3_600

  let number: UInt64
  let recordCount: Int
  let bytes: [UInt8]

  init(seed: UInt64, number: UInt64) {
    var dice = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ number)
    self.number = number
    recordCount = dice.within(1...5)
    let length =
      dice.chance(0.08) ? dice.within(1_500...Payload.byteCountMax) : dice.within(Payload.headByteCount...400)
    bytes = Payload.bigEndian(seed) + Payload.bigEndian(number) + dice.bytes(length - Payload.headByteCount)
  }

  /// The frame that `bytes` are, down to the last one; nil when they are none of this life.
  init?(_ bytes: [UInt8], recordCount: Int, seed: UInt64) {
    guard bytes.count >= Payload.headByteCount else { return nil }
    let number = bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let payload = Payload(seed: seed, number: number)
    guard payload.bytes == bytes, payload.recordCount == recordCount else { return nil }
    self = payload
  }

  private static func bigEndian(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
  }
}
