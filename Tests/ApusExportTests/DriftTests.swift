// Drift by hand, and against a list of the values themselves.

import ApusExport
import ApusTestSupport
import Glibc
import Testing

@Suite("Drift")
struct DriftTests {
  private func profile(_ numbers: [Double], blanks: Int = 0, nan: Int = 0) -> FeatureProfile {
    var counted = NumberProfile()
    for number in numbers { counted.add(image: NumberImage.of(number)) }
    var profile = FeatureProfile(name: "f", kind: .number)
    profile.rows = numbers.count + blanks + nan
    profile.present = numbers.count + nan
    profile.blanks = blanks
    profile.nan = nan
    profile.values = .numbers(counted.histogram)
    return profile
  }

  private func profile(texts: [String: Int], blanks: Int = 0) -> FeatureProfile {
    var profile = FeatureProfile(name: "f", kind: .category)
    profile.present = texts.values.reduce(0, +)
    profile.rows = profile.present + blanks
    profile.values = .categories(
      .texts(texts.sorted { $0.key < $1.key }.map { Category(bytes: Array($0.key.utf8), count: $0.value) }))
    return profile
  }

  private func near(_ a: Double?, _ b: Double) -> Bool { a.map { abs($0 - b) < 0.000_001 } ?? false }

  @Test("the example of the page comes out as it was computed by hand")
  func byHand() {
    let reference = profile((1...10).flatMap { Array(repeating: Double($0), count: 10) })
    let set = profile(
      (1...10).flatMap { Array(repeating: Double($0), count: $0 <= 5 ? 10 : 5) }, blanks: 25)
    let drift = Drift(set, against: reference)
    #expect(near(drift.psi?.index, 2.128516), "\(drift)")
    #expect(near(drift.psi?.ofBlanks, 1.955229), "\(drift)")
    #expect(near(drift.ks?.greatest, 0.166667) && drift.ks?.resolution == 0, "\(drift)")
  }

  @Test("a thousand different numbers are compared by tenths of the reference")
  func deciles() {
    let reference = profile((1...1_000).map(Double.init))
    #expect(near(Drift(reference, against: reference).psi?.index, 0))
    // Five bins of 0.2 to 0.1, and five of nothing, which counts as 0.0001, to 0.1.
    let half = profile((1...1_000).map { Double(($0 + 1) / 2) })
    let expected = 5 * 0.1 * log(2.0) + 5 * (0.0001 - 0.1) * log(0.0001 / 0.1)
    let drift = Drift(half, against: reference)
    #expect(near(drift.psi?.index, expected), "\(drift), expected \(expected)")
    #expect(near(drift.ks?.greatest, 0.5), "\(drift)")
    // What lies beyond all of the reference is in its first and its last bin.
    let beyond = profile([-5, 2_000])
    #expect(Drift(beyond, against: reference).psi?.binCount == 10)
  }

  @Test("categories: each a bin, those that the reference lacks are one and are counted as unseen")
  func categories() {
    let reference = profile(texts: ["a": 50, "b": 50])
    let set = profile(texts: ["a": 50, "c": 10, "d": 20], blanks: 20)
    let drift = Drift(set, against: reference)
    func part(_ a: Double, _ r: Double) -> Double { (a - r) * log(a / r) }
    let expected = part(0.0001, 0.5) + part(0.3, 0.0001) + part(0.2, 0.0001)
    #expect(near(drift.psi?.index, expected), "\(drift), expected \(expected)")
    #expect(drift.unseen == 30)
    #expect(drift.ks == nil)
    #expect(Drift(reference, against: set).unseen == 50)
  }

  @Test("hash bins are compared with categories by their bins, and nothing is said of unseen ones")
  func hashed() {
    let own = profile(texts: ["a": 50, "b": 50])
    var other = own
    guard case .categories(let counts) = own.values else { return }
    other.values = .categories(.bins(counts.hashed))
    for (a, b) in [(own, other), (other, own)] {
      let drift = Drift(a, against: b)
      #expect(near(drift.psi?.index, 0) && drift.unseen == nil, "\(drift)")
    }
  }

  @Test("NaN, blanks, nothing at all, and another kind")
  func edges() {
    let empty = profile([])
    let some = profile([1, 2, 3])
    #expect(Drift(empty, against: some).psi == nil && Drift(some, against: empty).ks == nil)
    let blank = profile([], blanks: 10)
    #expect(near(Drift(blank, against: blank).psi?.index, 0) && Drift(blank, against: blank).ks == nil)
    let nan = profile([], nan: 10)
    #expect((Drift(nan, against: blank).psi?.index ?? 0) > 10)
    let texts = profile(texts: ["a": 3])
    #expect(Drift(texts, against: some) == Drift(some, against: texts))
    #expect(Drift(texts, against: some).psi == nil)
  }

  @Test("the distance of cumulative shares is that of the sorted values, within its resolution")
  func distances() {
    var random = SplitMix64(seed: 5)
    for round in 0..<40 {
      let size = random.pick([3, 100, 800, 4_000])
      let own = (0..<size).map { _ in Double(random.below(round % 2 == 0 ? 30 : 1 << 40)) }
      let other = (0..<random.pick([5, 400, 3_000])).map { _ in Double(random.below(1 << 39)) - 1e9 }
      var exact = 0.0
      let (a, b) = (own.sorted(), other.sorted())
      for value in a + b {
        let shareA = Double(a.partitionEnd(value)) / Double(a.count)
        let shareB = Double(b.partitionEnd(value)) / Double(b.count)
        exact = max(exact, abs(shareA - shareB))
      }
      guard let found = Drift(profile(own), against: profile(other)).ks else {
        Issue.record("no distance")
        return
      }
      #expect(
        found.greatest <= exact + 1e-9 && exact <= found.greatest + found.resolution + 1e-9, "round \(round)")
    }
  }

  @Test("the index of exact values is the sum over a plain table of counts")
  func indices() {
    var random = SplitMix64(seed: 6)
    for _ in 0..<40 {
      let span = random.within(2...20)
      let other = (0..<(10 * span + random.below(500))).map { _ in Double(random.below(span)) }
      let own = (0..<random.within(1...400)).map { _ in Double(random.below(span + 3)) }
      let (blanks, others) = (random.below(20), random.below(20))
      let rows = (own: Double(own.count + blanks), other: Double(other.count + others))
      var expected = 0.0
      func add(_ a: Int, _ r: Int) {
        let (a, r) = (max(0.0001, Double(a) / rows.own), max(0.0001, Double(r) / rows.other))
        expected += (a - r) * log(a / r)
      }
      let known = Set(other)
      // Otherwise tenths are compared.
      guard other.count >= 10 * known.count else { continue }
      for value in known { add(own.count { $0 == value }, other.count { $0 == value }) }
      add(own.count { !known.contains($0) }, 0)
      add(blanks, others)
      let drift = Drift(profile(own, blanks: blanks), against: profile(other, blanks: others))
      #expect(near(drift.psi?.index, expected), "\(drift), expected \(expected)")
    }
  }
}

extension [Double] {
  /// How many of these ascending ones are no greater.
  fileprivate func partitionEnd(_ value: Double) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
