// What of a vector can be copied from row to reply in pieces and not value by value, in the layout *row*. It follows from the vector and the shape of its
// replies; each group's runs have all of its features, or it has none.

import ApusContracts
import ApusStore
import ApusWire

struct RowRuns {
  struct Run {
    fileprivate(set) var from: SlotRun
    fileprivate(set) var to: ReplyShape.RowRun
  }

  struct Group {
    /// In `all`; none when the group's features are put one by one.
    var runs: Range<Int>
    /// The runs are copied from rows in which all features before this index are present.
    var end: Int
  }

  private(set) var all: [Run] = []
  private(set) var groups: [Group] = []

  init(_ vector: PreparedVector, _ shape: ReplyShape) {
    for group in vector.groups {
      let start = all.count
      var end = 0
      for feature in group.features {
        guard take(feature, shape, behind: start) else {
          all.removeLast(all.count - start)
          break
        }
        end = max(end, feature.slot.index + 1)
      }
      groups.append(Group(runs: start..<all.count, end: end))
    }
  }

  /// Takes a feature to the end of the last run behind `start`, or begins another; false when it can be in none.
  private mutating func take(_ feature: PreparedVector.Feature, _ shape: ReplyShape, behind start: Int)
    -> Bool
  {
    if all.count > start, var run = all.last, run.to.columns.upperBound == feature.column,
      run.from.extend(by: feature.slot), shape.extend(&run.to)
    {
      all[all.count - 1] = run
      return true
    }
    guard let from = SlotRun(feature.slot), let to = shape.rowRun(feature.column) else { return false }
    all.append(Run(from: from, to: to))
    return true
  }
}
