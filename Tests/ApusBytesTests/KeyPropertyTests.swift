import ApusBytes
import Testing

@Suite struct KeyPropertyTests {
  @Test("a key reads back as it was written", arguments: seeds)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<10_000 {
      let kinds = random.kinds()
      let key = random.key(of: kinds)
      #expect(try decode(encode(key), as: kinds) == key, "seed \(seed), \(key)")
    }
  }

  @Test("bytes sort as the tuples do, and are equal only when those are", arguments: seeds)
  func order(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20_000 {
      let kinds = random.kinds()
      let a = random.key(of: kinds)
      // Half of the time a near neighbour: keys that differ in one late component.
      var b = random.key(of: kinds)
      if random.flip() { b.replaceSubrange(0..<(kinds.count - 1), with: a.dropLast()) }
      let (left, right) = (try encode(a), try encode(b))
      #expect(left.lexicographicallyPrecedes(right) == precedes(a, b), "seed \(seed), \(a), \(b)")
      #expect(right.lexicographicallyPrecedes(left) == precedes(b, a), "seed \(seed), \(a), \(b)")
      #expect((left == right) == (a == b), "seed \(seed), \(a), \(b)")
      #expect(a == b || !left.starts(with: right), "seed \(seed): \(b) is the beginning of \(a)")
    }
  }

  @Test("short keys of the same types are all different")
  func injective() throws {
    let alphabet: [UInt8] = [0, 1, 2, 255]
    var strings: [[UInt8]] = [[]]
    for length in 1...3 {
      strings += strings.filter { $0.count == length - 1 }.flatMap { prefix in alphabet.map { prefix + [$0] }
      }
    }
    var seen: [[UInt8]: String] = [:]
    for a in strings {
      for b in strings {
        let bytes = try encode([.bytes(a), .bytes(b)])
        #expect(seen.updateValue("\(a), \(b)", forKey: bytes) == nil, "\(a), \(b)")
      }
    }
    #expect(seen.count == 85 * 85)
  }

  @Test("whatever the decoder accepts, the encoder would write so", arguments: seeds)
  func oneForm(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var accepted = 0
    for _ in 0..<50_000 {
      let kinds = random.kinds()
      let bytes = random.flip() ? garbage(&random) : try damaged(encode(random.key(of: kinds)), &random)
      guard let key = try? decode(bytes, as: kinds) else { continue }
      accepted += 1
      #expect(try encode(key) == bytes, "seed \(seed), \(bytes) as \(kinds)")
    }
    #expect(accepted > 100, "seed \(seed)")
  }

  private func garbage(_ random: inout SplitMix64) -> [UInt8] {
    random.bytes(random.below(20)).map { $0 < 160 ? $0 % 3 : $0 }
  }

  private func damaged(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    bytes[random.below(bytes.count)] = random.flip() ? UInt8(random.below(4)) : UInt8(random.below(256))
    return bytes
  }
}

extension KeyComponent {
  var kind: Kind {
    switch self {
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .timestamp: .timestamp
    case .string: .string
    case .bytes: .bytes
    }
  }
}
