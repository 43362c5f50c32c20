// Two readers that know nothing of each other must read the same in every message, and the sender must have meant it.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire
import Testing

@Suite("Two readers of the protocol")
struct AgreementTests {
  @Test("read what the sender meant, in every message and every layout", arguments: 0..<150 as Range<UInt64>)
  func meant(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    for sample in chance.samples() {
      #expect(
        try sample.plain(sample.body, isOurs: true) == sample.said, "plain, \(sample.name), seed \(seed)")
      #expect(try sample.ours(sample.body) == sample.said, "ours, \(sample.name), seed \(seed)")
    }
  }

  @Test(
    "refuse the same mutated messages, and read the same in all others", arguments: 0..<40 as Range<UInt64>)
  func mutated(seed: UInt64) throws {
    var chance = Chance(seed: seed ^ 0xA9)
    for sample in chance.samples() {
      for _ in 0..<20 {
        let body = chance.mutated(sample.body)
        let ours = Result { try sample.ours(body) }
        let plain = Result { try sample.plain(body) }
        switch (ours, plain) {
        case (.success(let a), .success(let b)):
          #expect(a == b, "\(sample.name), seed \(seed): \(hex(body))")
        case (.failure, .failure): break
        case (.success, .failure(let error)), (.failure(let error), .success):
          Issue.record("\(sample.name), seed \(seed): only one refuses: \(error): \(hex(body))")
        }
      }
    }
  }
}

extension Chance {
  /// The bytes with one to three of them changed, lost, or doubled.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...below(3) {
      guard !bytes.isEmpty else { return self.bytes(3) }
      let at = below(bytes.count)
      switch below(6) {
      case 0: bytes[at] ^= 1 << UInt8(below(8))
      case 1: bytes[at] = random.pick([0, 1, 2, 0x7F, 0x80, 0xFF])
      case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + below(8)))
      case 3: bytes.insert(contentsOf: self.bytes(8), at: at)
      case 4: bytes.removeSubrange(at...)
      default:
        for place in at..<min(bytes.count, at + random.pick([2, 4, 8])) { bytes[place] = 0xFF }
      }
    }
    return bytes
  }
}
