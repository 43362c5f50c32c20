// What became of every line of a file. `lines == header and blank lines + unreadable lines + lines of rows`, and every row
// that is not passed over is counted once: accepted, set aside, erased or refused.

package import ApusContracts

package struct LoadReport: Equatable, Sendable {
  /// How many unreadable lines are named before a load stops: a file with more of them is another kind of file.
  package static let unreadableMax = 10_000

  /// Lines so far; of a file of columns, its rows.
  package internal(set) var lines = 0
  package internal(set) var blankLines = 0
  package internal(set) var rows = 0
  /// Rows that an earlier run of the producer brought in.
  package internal(set) var passedOver = 0
  package internal(set) var accepted = 0
  package internal(set) var setAside = 0
  package internal(set) var erased = 0
  package internal(set) var refused = 0
  package internal(set) var setBack = 0
  package internal(set) var unreadable: [UnreadableLines] = []
  package internal(set) var rules: [RuleReport] = []
  /// Times without an offset that were taken for UTC.
  package internal(set) var assumedUTC = 0
  /// The oldest event time of a row that was read.
  package internal(set) var oldest: EventTime?
  /// Whether the source was read to its end.
  package internal(set) var isComplete = false

  /// As it was told, found or guessed.
  package internal(set) var format = FileFormat.csv

  package init() {}

  package struct RuleReport: Equatable, Sendable {
    package var rule: String
    package var count: Int
    /// Of the first row that it refused.
    package var line: Int
    /// Where it stands, of a file that has row groups or batches.
    package var group: Int?
    /// The value that was refused, or why, for people.
    package var example: String
  }
}

extension LoadReport {
  mutating func add(_ outcome: RowOutcome, of block: RowBlock) {
    accepted += outcome.accepted
    setAside += outcome.setAside
    erased += outcome.erased
    refused += outcome.refused
    setBack += outcome.setBack
    for found in outcome.rules {
      if let place = rules.firstIndex(where: { $0.rule == found.rule }) {
        rules[place].count += found.count
      } else if block.rows.indices.contains(found.firstRow) {
        let row = block.rows[found.firstRow]
        rules.append(
          RuleReport(
            rule: found.rule, count: found.count, line: row.line, group: row.group,
            example: Self.example(found, row, block)))
      }
    }
  }

  /// The value of the feature that a rule names, or what is wrong with the row.
  private static func example(_ found: RowOutcome.RuleOutcome, _ row: FileRow, _ block: RowBlock) -> String {
    if let extra = row.extras.first { return extra.words }
    for (column, input) in zip(block.columns, row.inputs) where found.rule.hasPrefix(column + ".") {
      switch input {
      case .absent: return "nothing"
      case .null: return "null"
      case .value(.string(let text)): return Quoted(text).description
      case .value(let value): return Shortened(value.description).description
      }
    }
    return found.words
  }
}
