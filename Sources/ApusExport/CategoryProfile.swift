// Texts and how often each came: as categories while they are few and short, else as counts of hash bins. Which of the two depends on which texts came and
// not on their order, since a text's bin is the same whenever it came.

import ApusBytes

package struct CategoryProfile: Sendable {
  /// Whether there are too many texts, or one that is too long; then only `bins` counts.
  private var isHashed: Bool
  private var bins: [Int]
  /// Open addressing: places in the other arrays, below zero where free.
  private var slots: [Int32]
  private var hashes: [UInt64] = []
  private var ends: [Int] = []
  private var bytes: [UInt8] = []
  private var counts: [Int] = []

  /// A power of two, four times the limit.
  private static let slotCount = 4 * ProfileLimits.categoriesMax

  package init(isHashed: Bool = false) {
    self.isHashed = isHashed
    bins = isHashed ? Array(repeating: 0, count: ProfileLimits.binCount) : []
    slots = isHashed ? [] : Array(repeating: -1, count: Self.slotCount)
  }

  package mutating func add(_ text: RawSpan) {
    if !isHashed, !hold(text) { turn() }
    if isHashed { bins[Self.bin(of: text)] += 1 }
  }

  /// False when there is no room for it as a category.
  private mutating func hold(_ text: RawSpan) -> Bool {
    guard text.byteCount <= ProfileLimits.categoryByteCountMax else { return false }
    let hash = Self.quick(text)
    var slot = Int(truncatingIfNeeded: hash &>> 32) & (Self.slotCount - 1)
    while slots[slot] >= 0 {
      let place = Int(slots[slot])
      if hashes[place] == hash, self.text(place).isEqual(to: text) {
        counts[place] += 1
        return true
      }
      slot = (slot + 1) & (Self.slotCount - 1)
    }
    guard counts.count < ProfileLimits.categoriesMax else { return false }
    slots[slot] = Int32(truncatingIfNeeded: counts.count)
    hashes.append(hash)
    // The array copies before the span ends.
    unsafe text.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    ends.append(bytes.count)
    counts.append(1)
    return true
  }

  @_lifetime(borrow self)
  private borrowing func text(_ place: Int) -> RawSpan {
    unsafe bytes.span.bytes.extracting((place == 0 ? 0 : ends[place - 1])..<ends[place])
  }

  /// Lets go of the texts.
  private mutating func turn() {
    var turned = Array(repeating: 0, count: ProfileLimits.binCount)
    for place in counts.indices { turned[Self.bin(of: text(place))] += counts[place] }
    self = CategoryProfile(isHashed: true)
    bins = turned
  }

  package var found: CategoryCounts {
    if isHashed { return .bins(bins) }
    return .texts(
      counts.indices.map { Category(bytes: text($0).copied(), count: counts[$0]) }
        .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) })
  }

  package static func bin(of text: RawSpan) -> Int {
    var hash = SipHash(0, 0)
    hash.take(counted: text)
    return Int(truncatingIfNeeded: hash.finish() % UInt64(ProfileLimits.binCount))
  }

  /// For the table alone: nothing that comes out depends on it.
  private static func quick(_ text: RawSpan) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: text.byteCount) &* 0x9E37_79B9_7F4A_7C15
    var at = 0
    while at + 8 <= text.byteCount {
      // There are 8 bytes.
      hash ^= unsafe text.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      hash = (hash ^ hash &>> 29) &* 0xBF58_476D_1CE4_E5B9
      at += 8
    }
    var word: UInt64 = 0
    while at < text.byteCount {
      // Below the count.
      word = word &<< 8 | UInt64(unsafe text.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self))
      at += 1
    }
    hash = (hash ^ word) &* 0x94D0_49BB_1331_11EB
    return hash ^ hash &>> 31
  }
}

/// Its UTF-8: two texts that merely look alike are two.
package struct Category: Equatable, Sendable {
  package var bytes: [UInt8]
  package var count: Int

  package init(bytes: [UInt8], count: Int) {
    self.bytes = bytes
    self.count = count
  }
}

package enum CategoryCounts: Equatable, Sendable {
  /// Ascending by their bytes, no two alike.
  case texts([Category])
  case bins([Int])

  package var hashed: [Int] {
    switch self {
    case .bins(let bins): return bins
    case .texts(let categories):
      var bins = Array(repeating: 0, count: ProfileLimits.binCount)
      for category in categories {
        bins[CategoryProfile.bin(of: unsafe category.bytes.span.bytes)] += category.count
      }
      return bins
    }
  }
}
