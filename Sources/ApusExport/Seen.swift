// What is seen so far of one key: for each feature that is asked for, the event that wins. Events are known by their rank, their place in the
// order of stamps among all events of the key; mostly one event wins everything, and is then held once.

import ApusContracts

/// Of one key, used by one thread.
struct Seen {
  /// The first of each array stands for every feature.
  private(set) var isWhole = true
  /// Below zero: nothing yet.
  private var ranks: [Int]
  private(set) var places: [EventPlaceCode]
  private(set) var times: [Int64]
  let featureCount: Int

  init(featureCount: Int) {
    self.featureCount = featureCount
    ranks = Array(repeating: -1, count: featureCount)
    places = Array(repeating: .none, count: featureCount)
    times = Array(repeating: 0, count: featureCount)
  }

  @inline(__always)
  mutating func begin() {
    isWhole = true
    ranks[0] = -1
    places[0] = .none
    times[0] = 0
  }

  /// Takes an event that speaks of every feature.
  @inline(__always)
  mutating func take(_ rank: Int, _ place: EventPlaceCode, _ time: Int64) {
    if isWhole {
      guard Precedence.wins(rank, over: ranks[0]) else { return }
      ranks[0] = rank
      places[0] = place
      times[0] = time
      return
    }
    var wins = 0
    for feature in 0..<featureCount where Precedence.wins(rank, over: ranks[feature]) {
      set(feature, rank, place, time)
      wins += 1
    }
    isWhole = wins == featureCount
  }

  /// Takes an event that speaks of some features: those whose bits are set.
  mutating func take(_ rank: Int, _ place: EventPlaceCode, _ time: Int64, saying mask: Span<UInt64>) {
    if isWhole {
      for feature in 1..<max(1, featureCount) { set(feature, ranks[0], places[0], times[0]) }
      isWhole = false
    }
    for feature in 0..<featureCount
    where mask[feature >> 6] >> UInt64(truncatingIfNeeded: feature & 63) & 1 == 1 {
      if Precedence.wins(rank, over: ranks[feature]) { set(feature, rank, place, time) }
    }
  }

  @inline(__always)
  private mutating func set(_ feature: Int, _ rank: Int, _ place: EventPlaceCode, _ time: Int64) {
    ranks[feature] = rank
    places[feature] = place
    times[feature] = time
  }

  @inline(__always)
  func place(_ feature: Int) -> EventPlaceCode { places[isWhole ? 0 : feature] }
  @inline(__always)
  func time(_ feature: Int) -> Int64 { times[isWhole ? 0 : feature] }

  /// Whether nothing is seen of some feature.
  var hasUnseen: Bool {
    if isWhole { return places[0].isNone }
    return places.contains { $0.isNone }
  }
}
