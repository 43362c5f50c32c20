// Which rules refused how many rows of a request: a bounded list, whatever the rows are.

/// By view and rule, in order of first appearance. `refused.count <= apartMax + 1`; the last then stands for all others.
package struct RefusalTallies: Sendable {
  package static let apartMax = 64
  /// The view and the rule of the tally that stands for all others: no view and no rule is called so.
  package static let othersName = "…"

  package private(set) var refused: [RefusalTally] = []

  package init() {}

  mutating func add(view: String, _ fault: RowFault, row: Int) {
    if let at = refused.firstIndex(where: { $0.rule == fault.rule && $0.view == view }) {
      refused[at].count += 1
    } else if refused.count > Self.apartMax {
      refused[Self.apartMax].count += 1
    } else {
      let isApart = refused.count < Self.apartMax
      refused.append(
        RefusalTally(
          view: isApart ? view : Self.othersName, rule: isApart ? fault.rule : Self.othersName, count: 1,
          firstRow: row, words: fault.words))
    }
  }
}
