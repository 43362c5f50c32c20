// A profile's counts are those of all values, in whatever order they came: compared with a sorted list.

import ApusBytes
import ApusExport
import ApusTestSupport
import Testing

@Suite("Profiles of numbers and texts")
struct NumberProfileTests {
  /// What the page says, from a plain list.
  private func expected(_ numbers: [Double]) -> Histogram {
    let images = numbers.map { number -> UInt64 in
      let bits = (number == 0 ? 0 : number).bitPattern
      return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }
    var shift = 0
    while Set(images.map { $0 >> UInt64(shift) }).count > 1_024 { shift += 1 }
    var counts: [UInt64: Int] = [:]
    for image in images { counts[image >> UInt64(shift), default: 0] += 1 }
    return Histogram(shift: shift, buckets: counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  private func found(_ numbers: [Double]) -> Histogram {
    var profile = NumberProfile()
    for number in numbers { profile.add(image: NumberImage.of(number)) }
    return profile.histogram
  }

  private func numbers(_ random: inout SplitMix64, _ kind: Int, _ count: Int) -> [Double] {
    (0..<count).map { _ in
      switch kind {
      case 0: Double(random.within(-50...50))
      case 1: Double(random.next() >> 11) / 1e9
      case 2: Double(Int64(bitPattern: random.next()))
      case 3:
        random.pick([0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude])
      case 4: Double(bitPattern: random.next() & ~(1 << 62))
      default: 1_700_000_000 + Double(random.below(100_000)) / 7
      }
    }
  }

  @Test("a histogram has the least shift that leaves 1,024 buckets, and the counts of a sorted list")
  func histograms() {
    var random = SplitMix64(seed: 11)
    for round in 0..<48 {
      var numbers = numbers(&random, round % 6, random.pick([0, 1, 2, 1_024, 1_025, 3_000, 9_000]))
      let expected = expected(numbers)
      #expect(found(numbers) == expected, "round \(round)")
      numbers.shuffle(using: &random)
      #expect(found(numbers) == expected, "round \(round), in another order")
      numbers.sort()
      #expect(found(numbers) == expected, "round \(round), ascending")
      #expect(Histogram(shift: expected.shift, spelling: FeatureProfile.buckets(expected)) == expected)
    }
  }

  @Test("the image of a number sorts as the number does, and -0 is 0")
  func images() {
    let ascending: [Double] = [
      -.infinity, -1e300, -1, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 0.5, 9.2e18, .infinity,
    ]
    let images = ascending.map(NumberImage.of)
    #expect(images == images.sorted() && Set(images).count == images.count)
    #expect(NumberImage.of(-0.0) == NumberImage.of(0))
  }

  @Test("texts are categories up to 256 of 64 bytes, and hash bins beyond, in whatever order they came")
  func categories() {
    var random = SplitMix64(seed: 12)
    for (different, length) in [(1, 3), (256, 3), (257, 3), (40, 64), (40, 65), (2_000, 5)] {
      var texts = (0..<4_000).map { row -> [UInt8] in
        let number = row < different ? row : random.below(different)
        let text = Array("\(number)".utf8)
        return text + [UInt8](repeating: 0x78, count: max(0, length - text.count))
      }
      var plain: [[UInt8]: Int] = [:]
      for text in texts { plain[text, default: 0] += 1 }
      for _ in 0..<2 {
        var profile = CategoryProfile()
        for text in texts { profile.add(unsafe text.span.bytes) }
        switch profile.found {
        case .texts(let categories):
          #expect(different <= 256 && length <= 64)
          #expect(categories.count == plain.count)
          #expect(categories.allSatisfy { plain[$0.bytes] == $0.count })
        case .bins(let bins):
          #expect(different > 256 || length > 64)
          var expected = [Int](repeating: 0, count: 64)
          for (text, count) in plain { expected[CategoryProfile.bin(of: unsafe text.span.bytes)] += count }
          #expect(bins == expected)
        }
        texts.shuffle(using: &random)
      }
    }
  }

  @Test("two texts that look alike are two categories, and none is lost on the way through a manifest")
  func alike() throws {
    let texts = ["\u{e9}", "e\u{301}", "", "a\\b", "\u{85}", "line\nbreak", "\u{2028}", "😀", "\"", "\\u{41}"]
    var profile = CategoryProfile()
    for text in texts { profile.add(unsafe Array(text.utf8).span.bytes) }
    var feature = FeatureProfile(name: "f", kind: .category)
    (feature.rows, feature.present) = (texts.count, texts.count)
    feature.values = .categories(profile.found)
    guard case .texts(let found) = profile.found else {
      Issue.record("no categories")
      return
    }
    #expect(found.count == texts.count)
    var checks = SetChecks()
    checks.against = .reference(SetReference(name: "r", [feature]))
    #expect(try SetChecks(reading: Array(checks.spelling.utf8), named: "a text") == checks)
  }
}

extension FeatureProfile {
  /// As a manifest spells buckets, without asking the room.
  static func buckets(_ histogram: Histogram) -> String {
    zip(histogram.keys.indices, histogram.counts).map { place, count in
      "\(histogram.keys[place] - (place == 0 ? 0 : histogram.keys[place - 1])):\(count)"
    }.joined(separator: " ")
  }
}
