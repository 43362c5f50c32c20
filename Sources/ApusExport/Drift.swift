// How far a feature's values went from those of a reference: PSI and the greatest distance of the cumulative shares, both out of two profiles, and the
// categories that the reference lacks. `Checks.md` has the bins.

package enum DriftLimits {
  /// Below it a share counts as this much, so that an empty bin has a logarithm.
  package static let shareMin = 0.0001
  /// Buckets of the reference that are a bin each, and cells that each has on average at least.
  package static let ownBinsMax = 20
  package static let ownBinCellsMin = 10
  /// Bins of numbers else.
  package static let tenths = 10
}

package struct Drift: Equatable, Sendable {
  package struct Stability: Equatable, Sendable {
    package var index: Double
    package var binCount: Int
    /// What the bin of cells without a value adds to it.
    package var ofBlanks = 0.0
  }

  package struct Distance: Equatable, Sendable {
    package var greatest: Double
    /// What may be missing from it at most.
    package var resolution: Double
  }

  /// Nil when one of the two has no rows, or nothing that could be compared.
  package var psi: Stability?
  /// Nil unless both have numbers.
  package var ks: Distance?
  /// Present cells whose category the reference lacks; nil where categories are not kept.
  package var unseen: Int?

  package init(_ set: FeatureProfile, against reference: FeatureProfile) {
    guard set.kind == reference.kind else { return }
    var bins = [(set.rows - set.present, reference.rows - reference.present), (set.nan, reference.nan)]
    switch (set.values, reference.values) {
    case (.numbers(let own), .numbers(let other)):
      let shift = max(own.shift, other.shift)
      let (own, other) = (own.coarse(shift), other.coarse(shift))
      bins += Self.bins(own, other)
      ks = Self.distance(own, other)
    case (.categories(.texts(let own)), .categories(.texts(let other))):
      let (both, unseen) = Self.bins(own, other)
      bins += both
      self.unseen = unseen
    case (.categories(let own), .categories(let other)): bins += zip(own.hashed, other.hashed)
    default: return
    }
    psi = Self.stability(bins, set.rows, reference.rows)
  }

  private static func stability(
    _ bins: [(own: Int, other: Int)], _ rows: Int, _ others: Int
  ) -> Stability? {
    guard rows > 0, others > 0 else { return nil }
    var index = 0.0
    var ofBlanks = 0.0
    for (place, bin) in bins.enumerated() {
      let own = max(DriftLimits.shareMin, Double(bin.own) / Double(rows))
      let other = max(DriftLimits.shareMin, Double(bin.other) / Double(others))
      let part = (own - other) * logarithm(own / other)
      index += part
      if place == 0 { ofBlanks = part }
    }
    // Bins that both lack tell nothing of what chance does.
    return Stability(index: index, binCount: bins.count { $0.own > 0 || $0.other > 0 }, ofBlanks: ofBlanks)
  }

  /// The natural logarithm of a number above zero, by additions, products and quotients alone: those are the same on every machine.
  static func logarithm(_ number: Double) -> Double {
    var (fraction, exponent) = (number.significand, Double(number.exponent))
    if fraction > 1.5 {
      fraction /= 2
      exponent += 1
    }
    // 2 (z + z^3/3 + z^5/5 …), with |z| at most 1/5: what follows 13 terms is below 2^-60.
    let z = (fraction - 1) / (fraction + 1)
    var sum = 0.0
    for term in stride(from: 27.0, through: 1, by: -2) { sum = sum * (z * z) + 1 / term }
    return 2 * z * sum + exponent * 0.693_147_180_559_945_3
  }

  // MARK: Numbers

  private static func bins(_ own: Histogram, _ other: Histogram) -> [(own: Int, other: Int)] {
    let total = other.count
    let isFew =
      !other.keys.isEmpty && other.keys.count <= DriftLimits.ownBinsMax
      && total >= DriftLimits.ownBinCellsMin * other.keys.count
    return isFew ? each(own, other) : deciles(own, other, total)
  }

  private static func each(_ own: Histogram, _ other: Histogram) -> [(own: Int, other: Int)] {
    var counts: [UInt64: Int] = [:]
    for (key, count) in zip(own.keys, own.counts) { counts[key] = count }
    var bins = zip(other.keys, other.counts).map { key, count in
      (own: counts.removeValue(forKey: key) ?? 0, other: count)
    }
    bins.append((own: counts.values.reduce(0, +), other: 0))
    return bins
  }

  private static func deciles(_ own: Histogram, _ other: Histogram, _ total: Int) -> [(own: Int, other: Int)]
  {
    var bins: [(own: Int, other: Int)] = []
    var bin = (own: 0, other: 0)
    var reached = 0
    var next = 0
    for (place, key) in other.keys.enumerated() {
      let before = reached * DriftLimits.tenths / max(1, total)
      reached += other.counts[place]
      bin.other += other.counts[place]
      let isLast = place == other.keys.count - 1
      while next < own.keys.count, isLast || own.keys[next] <= key {
        bin.own += own.counts[next]
        next += 1
      }
      if isLast || reached * DriftLimits.tenths / max(1, total) > before {
        bins.append(bin)
        bin = (0, 0)
      }
    }
    if other.keys.isEmpty { bins.append((own.count, 0)) }
    return bins
  }

  private static func distance(_ own: Histogram, _ other: Histogram) -> Distance? {
    let (total, others) = (own.count, other.count)
    guard total > 0, others > 0 else { return nil }
    var (a, b) = (0, 0)
    var (sumA, sumB) = (0, 0)
    var greatest = 0.0
    while a < own.keys.count || b < other.keys.count {
      let keyA = a < own.keys.count ? own.keys[a] : .max
      let keyB = b < other.keys.count ? other.keys[b] : .max
      let key = min(keyA, keyB)
      if a < own.keys.count, keyA == key {
        sumA += own.counts[a]
        a += 1
      }
      if b < other.keys.count, keyB == key {
        sumB += other.counts[b]
        b += 1
      }
      greatest = max(greatest, abs(Double(sumA) / Double(total) - Double(sumB) / Double(others)))
    }
    let resolution = own.shift == 0 ? 0 : max(share(own, total), share(other, others))
    return Distance(greatest: greatest, resolution: resolution)
  }

  /// Of the fullest bucket.
  private static func share(_ histogram: Histogram, _ total: Int) -> Double {
    Double(histogram.counts.max() ?? 0) / Double(total)
  }

  // MARK: Categories

  /// Of ascending categories: a bin for each, and one for those that the other lacks.
  private static func bins(
    _ own: [Category], _ other: [Category]
  ) -> (bins: [(own: Int, other: Int)], unseen: Int) {
    var bins: [(own: Int, other: Int)] = []
    var unseen = 0
    var next = 0
    for category in other {
      while next < own.count, own[next].bytes.lexicographicallyPrecedes(category.bytes) {
        unseen += own[next].count
        next += 1
      }
      if next < own.count, own[next].bytes == category.bytes {
        bins.append((own[next].count, category.count))
        next += 1
      } else {
        bins.append((0, category.count))
      }
    }
    unseen += own[next...].reduce(0) { $0 + $1.count }
    bins.append((unseen, 0))
    return (bins, unseen)
  }
}
