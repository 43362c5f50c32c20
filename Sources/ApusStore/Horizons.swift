// What history is let go of, what is held, and what was erased for good. Each is said by records of the log alone, so a horizon stands
// wherever the data still lies, and is the same after every restart.
//
// A horizon only rises, and never above what a pin holds.

package import ApusBytes
package import ApusContracts
package import ApusHistory
package import ApusSystem

/// The horizons of the view versions that have one.
package struct Horizons: Equatable, Sendable {
  private var views: [ViewVersionID: Horizon] = [:]

  package init() {}

  package var isEmpty: Bool { views.isEmpty }
  package subscript(view: ViewVersionID) -> Horizon? { views[view] }

  package var listed: [(view: ViewVersionID, horizon: Horizon)] {
    views.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// False, and nothing happened, when it would go back.
  mutating func raise(_ view: ViewVersionID, to horizon: Horizon) -> Bool {
    var horizon = horizon
    if let before = views[view] {
      guard horizon.moment >= before.moment, horizon.through >= before.through else { return false }
      // What was let go of stays so, also where the view has no greatest lateness any more.
      if let oldest = before.oldest {
        guard (horizon.oldest ?? oldest) >= oldest else { return false }
        horizon.oldest = horizon.oldest ?? oldest
      }
    }
    views[view] = horizon
    return true
  }
}

/// A moment that stays readable until somebody lets go of it.
package struct Pin: Equatable, Sendable {
  package var name: String
  package var last: LSN
  package var moment: WallTime
  /// When it was set.
  package var since: WallTime
  /// From then on the store lets go of it by itself; nil: never.
  package var expires: WallTime?
  /// What people say of it.
  package var note: String
  /// Whose horizons it holds, ascending; empty: those of all view versions, also of ones to come.
  package var views: [ViewVersionID]

  package init(
    name: String, last: LSN, moment: WallTime, since: WallTime, expires: WallTime? = nil, note: String = "",
    views: [ViewVersionID] = []
  ) {
    self.name = name
    self.last = last
    self.moment = moment
    self.since = since
    self.expires = expires
    self.note = note
    self.views = views
  }

  package func holds(_ view: ViewVersionID) -> Bool { views.isEmpty || views.contains(view) }

  package func isExpired(at now: WallTime) -> Bool { expires.map { $0 <= now } ?? false }

  /// Whether everything that it holds is still there under a horizon of a view version.
  package func allows(_ horizon: Horizon, of view: ViewVersionID) -> Bool {
    guard holds(view) else { return true }
    return horizon.moment.nanoseconds <= moment.nanoseconds && horizon.through <= last
  }
}

package struct Pins: Equatable, Sendable {
  private var pins: [ExactText: Pin] = [:]

  package init() {}

  package var isEmpty: Bool { pins.isEmpty }
  package subscript(name: String) -> Pin? { pins[ExactText(name)] }
  /// In the order of their names' bytes.
  package var listed: [Pin] { pins.sorted { $0.key < $1.key }.map(\.value) }

  package var count: Int { pins.count }

  package func allow(_ horizon: Horizon, of view: ViewVersionID) -> Bool {
    pins.values.allSatisfy { $0.allows(horizon, of: view) }
  }

  /// The highest horizon of a view version that they allow, at or below one that is wanted. Fewer events settle by a lower F, so it may be
  /// lower than the last LSN that was appended by H.
  package func lowered(_ horizon: Horizon, of view: ViewVersionID) -> Horizon {
    var lowered = horizon
    for pin in pins.values where pin.holds(view) {
      lowered.moment = min(lowered.moment, KnownAt(nanoseconds: pin.moment.nanoseconds))
      lowered.through = min(lowered.through, pin.last)
    }
    return lowered
  }

  /// False, and nothing happened, when there is one of this name.
  mutating func add(_ pin: Pin) -> Bool {
    let name = ExactText(pin.name)
    guard pins[name] == nil else { return false }
    pins[name] = pin
    return true
  }

  /// False when there is none of this name.
  mutating func remove(_ name: String) -> Bool { pins.removeValue(forKey: ExactText(name)) != nil }
}

/// What became of erasures: their bytes are gone from the store's files.
package struct ErasureReceipt: Equatable, Sendable {
  /// When it was logged.
  package var lsn: LSN
  package var time: WallTime
  /// Erasures up to this LSN are carried out.
  package var through: LSN
  package var events: UInt64
  package var letters: UInt64
  /// The files that were written again without them, and those that nobody looked into.
  package var files: [String]
  /// Those that are a person's to judge.
  package var left: [String] { files.filter { !$0.hasPrefix("history/") } }

  package init(
    lsn: LSN, time: WallTime, through: LSN, events: UInt64, letters: UInt64, files: [String]
  ) {
    self.lsn = lsn
    self.time = time
    self.through = through
    self.events = events
    self.letters = letters
    self.files = files
  }
}
