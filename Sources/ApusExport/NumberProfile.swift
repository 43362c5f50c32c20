// A histogram of numbers that is exact and of bounded size: counts of buckets, each all numbers whose images share their leading bits. As many bits are kept
// as the limit of buckets allows, so the outcome depends on which numbers came and how often, and not on their order. `Checks.md` has the words.

import ApusBytes

package enum ProfileLimits {
  package static let bucketsMax = 1_024
  package static let categoriesMax = 256
  package static let categoryByteCountMax = 64
  package static let binCount = 64
}

/// The 64 bits that sort as a number does.
package enum NumberImage {
  /// NaN has none.
  @inline(__always)
  package static func of(_ number: Double) -> UInt64 {
    // -0 becomes 0.
    let bits = (number + 0).bitPattern
    let isNegative = UInt64(bitPattern: Int64(bitPattern: bits) &>> 63)
    return bits ^ (isNegative | 1 &<< 63)
  }

  package static let zero = of(0)
}

package struct NumberProfile: Sendable {
  /// What every image was shifted by.
  package private(set) var shift = 0
  package private(set) var count = 0
  /// Open addressing; a slot whose count is 0 is free.
  private var slots: [Slot] = Array(repeating: Slot(), count: 64)
  private var used = 0
  /// The slot that was counted last: numbers often come again.
  private var last = 0

  private struct Slot: Sendable {
    var key: UInt64 = 0
    var count = 0
  }

  package init() {}

  /// Half of the slots at most are in use, and twice the limit of buckets: the shift rises only when a full limit of new ones has come.
  private static let usedMax = 2 * ProfileLimits.bucketsMax

  @inline(__always)
  package mutating func add(image: UInt64, times: Int = 1) {
    count += times
    let key = image &>> UInt64(truncatingIfNeeded: shift)
    if slots[last].key == key, slots[last].count > 0 {
      slots[last].count += times
    } else {
      put(key, times)
    }
  }

  private mutating func put(_ key: UInt64, _ times: Int) {
    var slot = place(key)
    while slots[slot].count > 0 {
      if slots[slot].key == key {
        slots[slot].count += times
        last = slot
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Slot(key: key, count: times)
    last = slot
    used += 1
    if used * 2 > slots.count {
      used > Self.usedMax ? coarsen() : rebuild(buckets, room: slots.count * 2)
    }
  }

  @inline(__always)
  private func place(_ key: UInt64) -> Int {
    let mixed = (key ^ key &>> 32) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed &>> 40) & (slots.count - 1)
  }

  private mutating func rebuild(_ buckets: [(key: UInt64, count: Int)], room: Int) {
    slots = Array(repeating: Slot(), count: room)
    used = 0
    last = 0
    for bucket in buckets { put(bucket.key, bucket.count) }
  }

  private mutating func coarsen() {
    let all = buckets
    let more = Self.missing(all.map(\.key))
    shift += more
    rebuild(Self.coarse(all, by: more), room: slots.count)
  }

  /// By how many bits ascending keys must be shifted to be few enough.
  private static func missing(_ keys: [UInt64]) -> Int {
    // Neighbours stay apart as long as their highest differing bit is kept.
    var apart = [Int](repeating: 0, count: 64)
    for place in keys.indices.dropFirst() {
      apart[63 - (keys[place] ^ keys[place - 1]).leadingZeroBitCount] += 1
    }
    var shift = 64
    var left = 1
    while shift > 0, left + apart[shift - 1] <= ProfileLimits.bucketsMax {
      shift -= 1
      left += apart[shift]
    }
    return min(shift, 63)
  }

  private static func coarse(
    _ buckets: [(key: UInt64, count: Int)], by bits: Int
  ) -> [(key: UInt64, count: Int)] {
    var coarse: [(key: UInt64, count: Int)] = []
    for bucket in buckets {
      let key = bucket.key &>> UInt64(truncatingIfNeeded: bits)
      if let end = coarse.indices.last, coarse[end].key == key {
        coarse[end].count += bucket.count
      } else {
        coarse.append((key, bucket.count))
      }
    }
    return coarse
  }

  /// What is held, ascending; it may be more than the limit.
  private var buckets: [(key: UInt64, count: Int)] {
    slots.filter { $0.count > 0 }.map { ($0.key, $0.count) }.sorted { $0.0 < $1.0 }
  }

  package var histogram: Histogram {
    let all = buckets
    let more = Self.missing(all.map(\.key))
    return Histogram(shift: shift + more, buckets: Self.coarse(all, by: more))
  }
}

/// Buckets that hold something, ascending.
package struct Histogram: Equatable, Sendable {
  package var shift: Int
  package var keys: [UInt64]
  package var counts: [Int]

  package init(shift: Int, buckets: [(key: UInt64, count: Int)]) {
    self.shift = shift
    keys = buckets.map(\.key)
    counts = buckets.map(\.count)
  }

  package var count: Int { counts.reduce(0, +) }

  /// The same with a shift that is as great or greater.
  package func coarse(_ wanted: Int) -> Histogram {
    guard wanted > shift else { return self }
    let bits = UInt64(truncatingIfNeeded: min(63, wanted - shift))
    var coarse = Histogram(shift: wanted, buckets: [])
    for (key, count) in zip(keys, counts) {
      let key = key &>> bits
      if coarse.keys.last == key {
        coarse.counts[coarse.counts.count - 1] += count
      } else {
        coarse.keys.append(key)
        coarse.counts.append(count)
      }
    }
    return coarse
  }
}
