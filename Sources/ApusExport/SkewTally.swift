// What a comparison of answers came to: counted in full, and the first cells that differ kept.

import ApusBytes
import ApusContracts

package struct SkewDifference: Sendable {
  package let answer: ServedAnswer
  /// Of the vector.
  package let column: Int
  package let part: SkewPart
  package let served: ServedCell
  package let exported: ServedCell
  /// What was kept of the answer, as it was written, where that is what differs.
  package let kept: String?

  package init(
    answer: ServedAnswer, column: Int, part: SkewPart, served: ServedCell, exported: ServedCell,
    kept: String? = nil
  ) {
    self.answer = answer
    self.column = column
    self.part = part
    self.served = served
    self.exported = exported
    self.kept = kept
  }
}

package struct SkewTally: Sendable {
  package private(set) var answers = 0
  package private(set) var cells = 0
  package private(set) var differing = 0
  /// Cells that nobody can be asked for any more.
  package private(set) var erasedSince = 0
  package private(set) var beyondHistory = 0
  /// By their status, of the served ones that were compared.
  package private(set) var statuses = [Int](repeating: 0, count: 5)
  package private(set) var lsns: ClosedRange<UInt64>?
  /// The first ones.
  package private(set) var differences: [SkewDifference] = []
  private let limit: Int

  package init(limit: Int) { self.limit = limit }

  /// Takes answers, and of each cell what the exporter says of it.
  package mutating func take(_ answers: [ServedAnswer], _ repeated: [[RepeatedCell]]) {
    precondition(answers.count == repeated.count, "every answer was repeated")
    for (answer, cells) in zip(answers, repeated) {
      precondition(answer.cells.count == cells.count, "every cell was repeated")
      self.answers += 1
      let lsn = answer.lsn.rawValue
      lsns = lsns.map { min($0.lowerBound, lsn)...max($0.upperBound, lsn) } ?? lsn...lsn
      for (column, (served, repeated)) in zip(answer.cells, cells).enumerated() {
        switch repeated {
        case .erasedSince: erasedSince += 1
        case .beyondHistory: beyondHistory += 1
        case .cell(let exported):
          self.cells += 1
          statuses[Int(served.status.rawValue)] += 1
          guard let part = served.difference(from: exported) else { continue }
          note(SkewDifference(answer: answer, column: column, part: part, served: served, exported: exported))
        }
      }
    }
  }

  /// A cell that differs.
  package mutating func note(_ difference: SkewDifference) {
    differing += 1
    if differences.count < limit { differences.append(difference) }
  }
}
