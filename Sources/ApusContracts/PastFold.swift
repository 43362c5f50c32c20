// Why a cell is what it is: of all events of one key, for each feature who won, and the first who lost. It is no second rule: the
// winner has the greatest stamp among those that are seen and speak of the feature, as the fold has it, and a test holds both against each other.
//
// The order in which events are taken means nothing.

package struct PastFold {
  /// An event that speaks of a feature; `place` is what its giver calls it.
  package struct Candidate: Equatable, Sendable {
    package let place: Int
    package let stamp: Stamp
    /// Null, value or deleted.
    package let content: Cell.Content
  }

  /// Why a candidate did not win.
  package enum Loss: UInt8, Sendable {
    /// The winner has a greater stamp.
    case older = 1
    case notYetKnown = 2
    /// The winner is a delete, which ended what this one said.
    case deleted = 4
  }

  private struct Feature {
    var winner: Candidate?
    /// The greatest that is seen and lost.
    var second: Candidate?
    /// The greatest that is not seen.
    var hidden: Candidate?

    mutating func take(_ new: Candidate) {
      guard let winner else {
        self.winner = new
        return
      }
      if Precedence.wins(new.stamp, over: winner.stamp) {
        second = winner
        self.winner = new
      } else if second.map({ new.stamp > $0.stamp }) ?? true {
        second = new
      }
    }

    mutating func hide(_ new: Candidate) {
      if hidden.map({ new.stamp > $0.stamp }) ?? true { hidden = new }
    }
  }

  private let sight: Sight
  private var features: [Feature]

  /// For events that are all there: none lies behind the sight's LSN.
  package init(_ sight: Sight, featureCount: Int) {
    self.sight = sight
    features = Array(repeating: Feature(), count: featureCount)
  }

  /// Takes an event, given as a row of its own.
  package mutating func take(
    _ event: RowView, _ stamp: Stamp, knownAt: KnownAt, isDelete: Bool, place: Int
  ) {
    let isSeen = sight.sees(stamp.eventTime, knownAt)
    for index in features.indices {
      let content: Cell.Content
      switch event.state(index) {
      case .value: content = .value
      case .null: content = .null
      case .absent:
        guard isDelete else { continue }
        content = .deleted
      }
      let candidate = Candidate(place: place, stamp: stamp, content: content)
      if isSeen { features[index].take(candidate) } else { features[index].hide(candidate) }
    }
  }

  package func winner(_ feature: Int) -> Candidate? { features[feature].winner }

  /// Whether something is said of a feature that is not seen.
  package func hides(_ feature: Int) -> Bool { features[feature].hidden != nil }

  /// Of those that lost, seen or not, the one with the greatest stamp.
  package func runnerUp(_ feature: Int) -> (candidate: Candidate, why: Loss)? {
    let (winner, second, hidden) =
      (features[feature].winner, features[feature].second, features[feature].hidden)
    if let hidden, second.map({ hidden.stamp > $0.stamp }) ?? true { return (hidden, .notYetKnown) }
    guard let second else { return nil }
    let ended = winner?.content == .deleted && second.content != .deleted
    return (second, ended ? .deleted : .older)
  }
}
