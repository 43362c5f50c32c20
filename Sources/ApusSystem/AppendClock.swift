// Append times never go backward, and none is given out while the wall clock is in doubt.
//
// In doubt means: it moved against the monotonic clock by more than `jumpMax` since the last look, or at
// the first look it stands more than `jumpMax` behind the last append. From then on every stamp throws,
// until a person confirms. `confirm` is the only place where append time may step back.
//
// A pure value: time comes in by its arguments, so that any story of clocks can be told in a test.

package struct AppendClock: Sendable {
  /// 60 s. A jump of exactly this much still passes.
  package static let jumpMax: Int64 = 60 * 1_000_000_000

  /// The latest append time given out or recovered.
  package private(set) var lastAppend: WallTime?
  /// The jump that stands unconfirmed.
  package private(set) var standingJump: ClockJump?
  private var lastLook: (wall: WallTime, monotonic: MonotonicTime)?

  package init(lastAppend: WallTime?) {
    self.lastAppend = lastAppend
  }

  /// The append time of a frame that is written now.
  package mutating func stamp(wall: WallTime, monotonic: MonotonicTime) throws(ClockJump) -> WallTime {
    look(wall: wall, monotonic: monotonic)
    if let standingJump { throw standingJump }
    let time = lastAppend.map { max($0, wall) } ?? wall
    lastAppend = time
    return time
  }

  /// Believes the wall clock, as a person said to.
  ///
  /// Returns from where to where append time moves, which must be logged before the next stamp is used;
  /// nil when no jump stands, and then nothing changes.
  package mutating func confirm(wall: WallTime, monotonic: MonotonicTime) -> ClockConfirmation? {
    look(wall: wall, monotonic: monotonic)
    guard let jump = standingJump else { return nil }
    let confirmation = ClockConfirmation(from: lastAppend ?? jump.expected, to: wall)
    standingJump = nil
    lastLook = (wall, monotonic)
    lastAppend = wall
    return confirmation
  }

  private mutating func look(wall: WallTime, monotonic: MonotonicTime) {
    if standingJump != nil { return }
    standingJump = jump(wall: wall, monotonic: monotonic)
    if standingJump == nil { lastLook = (wall, monotonic) }
  }

  /// Differences are taken in 128 bits, where no two clocks are too far apart.
  private func jump(wall: WallTime, monotonic: MonotonicTime) -> ClockJump? {
    let now = Int128(wall.nanoseconds)
    if let lastLook {
      let passed = Int128(monotonic.nanoseconds) - Int128(lastLook.monotonic.nanoseconds)
      let expected = Int128(lastLook.wall.nanoseconds) + passed
      guard (now - expected).magnitude > Self.jumpMax.magnitude else { return nil }
      return ClockJump(
        wall: wall, expected: WallTime(nanoseconds: Int64(clamping: expected)), by: .monotonicClock)
    }
    guard let lastAppend, Int128(lastAppend.nanoseconds) - now > Int128(Self.jumpMax) else { return nil }
    return ClockJump(wall: wall, expected: lastAppend, by: .lastAppend)
  }
}

/// The wall clock is not where it should be, so no append time can be trusted.
package struct ClockJump: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the wall clock was compared with.
  package enum Witness: Sendable {
    /// What passed on the monotonic clock since the last look.
    case monotonicClock
    /// The last append of this store, which the clock cannot be so far behind.
    case lastAppend
  }

  package let wall: WallTime
  /// Where the witness says the wall clock should be, at least.
  package let expected: WallTime
  package let by: Witness

  package init(wall: WallTime, expected: WallTime, by: Witness) {
    self.wall = wall
    self.expected = expected
    self.by = by
  }

  package var description: String {
    let difference = Int128(wall.nanoseconds) - Int128(expected.nanoseconds)
    let side = difference < 0 ? "behind" : "ahead of"
    let distance = Self.seconds(difference.magnitude)
    let witness =
      switch by {
      case .monotonicClock: "where the monotonic clock puts it"
      case .lastAppend: "the last append"
      }
    return "the wall clock says \(wall), \(distance) \(side) \(witness) (\(expected)); "
      + "writes stop until a person confirms the clock"
  }

  private static func seconds(_ nanoseconds: UInt128) -> String {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest == 0 { return "\(whole) s" }
    let digits = String(rest)
    return "\(whole).\(String(repeating: "0", count: 9 - digits.count))\(digits) s"
  }
}

/// A person's word that the wall clock is right, and what it does to append time. It belongs in the log.
package struct ClockConfirmation: Equatable, Sendable {
  package let from: WallTime
  package let to: WallTime

  package init(from: WallTime, to: WallTime) {
    self.from = from
    self.to = to
  }
}
