// What was measured, for people (a table, Markdown) and for programs (JSON). Goals that are not met stand first.

import Foundation

/// One comparison.
struct Row: Codable {
  enum Goal: Codable {
    case atLeast(Double)
    case atMost(Double)
  }

  let name: String
  let ours: String
  let peer: String
  let figure: Spread
  /// × for a ratio to the peer.
  let unit: String
  /// Nil for what is only told.
  let goal: Goal?
  let answers: String
  /// What else must be known to judge the figure, such as how much of the peer's speed any program could reach.
  let note: String

  init(
    _ name: String, ours: String, peer: String = "–", _ figures: [Double], unit: String = "×",
    goal: Goal? = nil,
    answers: AnswerHash, note: String = ""
  ) {
    self.name = name
    self.ours = ours
    self.peer = peer
    figure = Spread(figures)
    self.unit = unit
    self.goal = goal
    self.answers = answers.text
    self.note = note
  }

  var isMet: Bool? {
    switch goal {
    case .atLeast(let bound): figure.median >= bound
    case .atMost(let bound): figure.median <= bound
    case nil: nil
    }
  }

  fileprivate var order: Int { isMet == false ? 0 : isMet == true ? 1 : 2 }

  /// The columns of a table.
  fileprivate var cells: [String] {
    let goalText =
      switch goal {
      case .atLeast(let bound): "≥ \(decimal(bound)) \(unit)"
      case .atMost(let bound): "≤ \(decimal(bound)) \(unit)"
      case nil: ""
      }
    let verdict =
      switch isMet {
      case true?: "met"
      case false?: "UNMET"
      case nil: ""
      }
    return [
      name, ours, peer, "\(decimal(figure.median)) \(unit)",
      "\(decimal(figure.least))–\(decimal(figure.most))",
      goalText, verdict, answers, note,
    ]
  }

  fileprivate static let heads = ["what", "ours", "peer", "median", "min–max", "goal", "", "answers", "note"]
}

/// Two decimals, or none where they would say nothing.
func decimal(_ number: Double) -> String {
  String(format: abs(number) >= 100 ? "%.0f" : "%.2f", number)
}

/// Bytes a second.
func speed(_ byteCount: Int, in seconds: Double) -> String {
  "\(decimal(Double(byteCount) / seconds / 1e9)) GB/s"
}

struct Report: Codable {
  let isToy: Bool
  let processors: Int
  let kernel: String
  let rows: [Row]
  let plots: [Plot]

  init(_ rows: [Row], plots: [Plot], isToy: Bool) {
    self.plots = plots
    self.isToy = isToy
    processors = ProcessInfo.processInfo.processorCount
    kernel = ProcessInfo.processInfo.operatingSystemVersionString
    let ordered = rows.enumerated().sorted { ($0.element.order, $0.offset) < ($1.element.order, $1.offset) }
    self.rows = ordered.map(\.element)
  }

  private var remark: String {
    isToy
      ? "Toy sizes: the answers were checked, the figures mean nothing."
      : "Medians of rounds taken in turns; what never waits (checksums, appends to the log, scans in page cache, reads of a store) by the thread's processor time, the rest by the clock."
  }

  /// A table for a terminal.
  var text: String {
    let lines = [Row.heads] + rows.map(\.cells)
    let widths = Row.heads.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let table = lines.map { cells in
      zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
    }
    return (table + [remark, ""]).joined(separator: "\n")
  }

  private var markdown: String {
    let lines = [Row.heads, Row.heads.map { _ in "---" }] + rows.map(\.cells)
    let table = lines.map { "| " + $0.joined(separator: " | ") + " |" }
    let opening = "# Apus, measured against its peers\n\n\(remark) \(processors) processors, \(kernel).\n\n"
    let pictures = plots.map { "\n![\($0.title)](\($0.name).svg)\n" }
    return opening + table.joined(separator: "\n") + "\n" + pictures.joined()
  }

  /// Writes `report.md`, `report.json` and the plots.
  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(fileURLWithPath: folder + "/report.json"))
    try Data(markdown.utf8).write(to: URL(fileURLWithPath: folder + "/report.md"))
    for plot in plots {
      try Data(plot.svg.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(plot.name).svg"))
    }
  }
}
