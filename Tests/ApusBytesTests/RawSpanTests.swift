import ApusBytes
import Testing

@Suite struct RawSpanTests {
  @Test("spans compare as their bytes do, unsigned, the shorter first", arguments: seeds)
  func order(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20_000 {
      let shared = random.bytes(random.below(20))
      let a = shared + random.bytes(random.below(3))
      let b = shared + random.bytes(random.below(3))
      let order = unsafe a.span.bytes.compare(to: b.span.bytes).signum()
      let expected = a == b ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
      #expect(order == expected, "seed \(seed), \(a), \(b)")
      #expect(unsafe a.span.bytes.isEqual(to: b.span.bytes) == (a == b), "seed \(seed), \(a), \(b)")
    }
  }
}
