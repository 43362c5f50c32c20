// Who won: for each label of a chunk and each feature the place of the event that its value is to be taken from, and when it became true. Values
// are looked at later, column by column.

import ApusBytes

struct Winners {
  let featureCount: Int
  /// For each label where its places begin; one place stands for all features, unless the label's bit in `isSplit` is set.
  private(set) var firsts: [Int] = []
  private(set) var isSplit: [Bool] = []
  private(set) var places: [EventPlaceCode] = []
  private(set) var times: [Int64] = []
  /// For each label what is known of its key where nothing is seen: a place in `keys`; below zero when everything is seen.
  private(set) var keyOf: [Int32] = []
  private(set) var keys: [UnseenKey] = []
  /// How many labels, the first ones of each key, lie before the view's horizon.
  private(set) var isBeyond: [Bool] = []
  /// For each feature, how many labels *as happened* would have filled otherwise.
  var leaks: [Int]

  /// A key of which something was not seen.
  struct UnseenKey {
    var isErased = false
    /// Bits of the features that some event speaks of, seen or not.
    var spoken: [UInt64]?
    /// Something is said of each.
    var isSpoken = false

    func speaks(_ feature: Int) -> Bool {
      if isSpoken { return true }
      guard let spoken else { return false }
      return spoken[feature >> 6] >> UInt64(feature & 63) & 1 == 1
    }
  }

  init(featureCount: Int) {
    self.featureCount = featureCount
    leaks = Array(repeating: 0, count: featureCount)
  }

  mutating func reserve(_ labels: Int) {
    firsts.reserveCapacity(labels)
    isSplit.reserveCapacity(labels)
    places.reserveCapacity(labels)
    times.reserveCapacity(labels)
    keyOf.reserveCapacity(labels)
    isBeyond.reserveCapacity(labels)
  }

  @inline(__always)
  mutating func append(_ seen: borrowing Seen, hasUnseen: Bool) {
    firsts.append(places.count)
    isSplit.append(!seen.isWhole)
    if seen.isWhole {
      places.append(seen.places[0])
      times.append(seen.times[0])
    } else {
      places.append(contentsOf: seen.places)
      times.append(contentsOf: seen.times)
    }
    keyOf.append(hasUnseen ? Int32(truncatingIfNeeded: keys.count) : -1)
    isBeyond.append(false)
  }

  /// A label of which nothing may be said.
  mutating func appendBeyond() {
    firsts.append(places.count)
    isSplit.append(false)
    places.append(.none)
    times.append(0)
    keyOf.append(-1)
    isBeyond.append(true)
  }

  /// What is known of the key that the last labels are of.
  mutating func end(_ key: UnseenKey) { keys.append(key) }

  @inline(__always)
  func at(_ label: Int, _ feature: Int) -> Int { firsts[label] &+ (isSplit[label] ? feature : 0) }
}
