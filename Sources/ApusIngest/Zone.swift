// From the clock on a wall to the one moment that it means. Where clocks are put forward or back a local time means no
// moment, or two; then there is no answer, because any would be a guess.

package enum Zone: Equatable, Sendable {
  /// East of Greenwich.
  case fixed(seconds: Int64)
  case table(ZoneTable)

  package enum Moments: Equatable {
    case none
    case one(Int64)
    case two
  }

  /// The seconds since 1970 at which a clock of this zone shows what `local` counts as if it were UTC.
  package func universal(local: Int64) -> Moments {
    switch self {
    case .fixed(let seconds): .one(local - seconds)
    case .table(let table): table.universal(local: local)
    }
  }
}

/// What a zone's file says: which offset is in force from which moment on, and by which rule after the last.
package struct ZoneTable: Equatable, Sendable {
  /// Ascending; from each on, the offset at the same place is in force.
  let transitions: [Int64]
  let offsets: [Int64]
  /// Before the first.
  let first: Int64
  let rule: ZoneRule?

  /// Nobody's clock is further from Greenwich, and no two offsets of a zone further apart.
  private static let reach: Int64 = 2 * 86_400

  func universal(local: Int64) -> Zone.Moments {
    var found: Int64?
    for offset in offsets(around: local) {
      let moment = local - offset
      guard self.offset(at: moment) == offset, moment != found else { continue }
      guard found == nil else { return .two }
      found = moment
    }
    return found.map { .one($0) } ?? .none
  }

  func offset(at moment: Int64) -> Int64 {
    let place = upperBound(moment)
    if place == transitions.count, let rule { return rule.offset(at: moment) }
    return place == 0 ? first : offsets[place - 1]
  }

  /// Every offset that is in force at some moment near this one.
  private func offsets(around local: Int64) -> [Int64] {
    let from = upperBound(local - Self.reach)
    let to = upperBound(local + Self.reach)
    var near = [from == 0 ? first : offsets[from - 1]]
    near += offsets[from..<to]
    if to == transitions.count, let rule {
      near.append(rule.standard)
      if let summer = rule.summer { near.append(summer.offset) }
    }
    return near
  }

  /// How many transitions are not after the moment.
  private func upperBound(_ moment: Int64) -> Int {
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= moment { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
