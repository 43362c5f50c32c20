import ApusBytes
import ApusStore
import Testing

@Suite("The overlay's hash")
struct OverlayHashTests {
  private func hash(_ seed: (UInt64, UInt64), _ key: [UInt8]) -> UInt64 {
    OverlayHash(seed: seed).hash(unsafe key.span.bytes)
  }

  @Test(
    "is SipHash-1-3, as CPython 3.11 computes it of the bytes 0, 1, 2, … under PYTHONHASHSEED=42",
    arguments: [
      (UInt8(1), 0xce88_0c36_6bcf_3489 as UInt64), (UInt8(7), 0xce28_0fab_c397_fbda as UInt64),
      (UInt8(8), 0x6086_6c3c_108c_6afb as UInt64), (UInt8(9), 0x6881_4005_f746_9e03 as UInt64),
      (UInt8(15), 0x94ac_e24d_68c1_8cf8 as UInt64), (UInt8(16), 0x3391_76f3_ac59_ce05 as UInt64),
      (UInt8(17), 0xed27_06b4_14c2_96f1 as UInt64), (UInt8(23), 0xad71_bad8_31e3_a42d as UInt64),
      (UInt8(63), 0x06e2_4d6f_0d01_4c37 as UInt64), (UInt8(200), 0x8edc_9abb_c13e_0591 as UInt64),
    ])
  func vectors(count: UInt8, expected: UInt64) {
    #expect(hash((0xdc50_4fd3_68cd_90af, 0xb920_bb9f_fe99_e9c1), Array(0..<count)) == expected)
  }

  @Test("differs with the seed, so that keys which collide in one overlay do not in the next")
  func seeds() {
    #expect(hash((1, 2), key("a")) != hash((1, 3), key("a")))
    #expect(hash((1, 2), key("a")) != hash((3, 2), key("a")))
    let drawn = Set((0..<100).map { _ in OverlayHash.random().hash(unsafe key("a").span.bytes) })
    #expect(drawn.count == 100)
  }

  @Test("keys that share their place, or place and tag, are still told apart")
  func collisions() throws {
    let seed: (UInt64, UInt64) = (7, 8)
    let placeMask = UInt64(OverlayLimits.tableSlotsMin - 1)
    let candidates = (0..<400_000).map { key($0) }
    // As many as a table of the least size takes, all in one place: every search walks along the others.
    let crowd = candidates.filter { hash(seed, $0) & placeMask == 5 }
    #expect(crowd.count > 300)
    // And some whose tags are equal too.
    var twins: [UInt64: [[UInt8]]] = [:]
    for one in candidates {
      let hash = hash(seed, one)
      twins[hash & placeMask | (hash >> 48) << 16, default: []].append(one)
    }
    let pairs = twins.values.filter { $0.count > 1 }.prefix(30).flatMap { $0 }
    #expect(pairs.count >= 60)

    for keys in [Array(crowd.prefix(500)), pairs] {
      var writer = OverlayWriter(after: .none, byteCountBudget: 1 << 30, hash: OverlayHash(seed: seed))
      var reader = try OverlayReader(of: writer.overlay)
      for (place, one) in keys.enumerated() where place % 2 == 0 {
        writer.put(one, one, at: UInt64(place) + 1)
      }
      writer.publish(UInt64(keys.count))
      for (place, one) in keys.enumerated() { #expect(reader.newest(one) == (place % 2 == 0 ? one : nil)) }
    }
  }
}
