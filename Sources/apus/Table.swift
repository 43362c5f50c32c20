/// Rows whose columns line up, for people.
struct Table {
  enum Side { case left, right }

  private let sides: [Side]
  private var rows: [[String]]

  init(_ columns: [(head: String, side: Side)]) {
    sides = columns.map(\.side)
    rows = [columns.map(\.head)]
  }

  mutating func add(_ row: [String]) { rows.append(row) }

  var lines: [String] {
    let widths = sides.indices.map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
    return rows.map { row in
      Table.line(zip(row, zip(widths, sides)).map { Table.padded($0, to: $1.0, $1.1) })
    }
  }

  /// Cells in a line, without blanks at its end.
  static func line(_ cells: [String]) -> String {
    var line = cells.joined(separator: "  ")
    while line.utf8.last == 0x20 { line.removeLast() }
    return line
  }

  static func padded(_ cell: String, to width: Int, _ side: Side) -> String {
    let blanks = String(repeating: " ", count: max(0, width - cell.unicodeScalars.count))
    return side == .left ? cell + blanks : blanks + cell
  }
}

/// Sizes for people: `512 B`, `3.4 MiB`.
enum ByteCount {
  private static let units = ["KiB", "MiB", "GiB", "TiB"]

  static func inWords(_ count: some BinaryInteger) -> String {
    let count = UInt64(clamping: count)
    var unit = -1
    var whole: UInt64 = 1
    while count / whole >= 1024, unit + 1 < units.count {
      whole <<= 10
      unit += 1
    }
    guard unit >= 0 else { return "\(count) B" }
    // Rounded down: what is nearly full is not said to be. A rest is less than a TiB, so ten times it fits.
    let tenths = count % whole * 10 / whole
    return "\(Numbers.grouped(count / whole)).\(tenths) \(units[unit])"
  }
}

/// Words for numbers.
enum Numbers {
  /// With a comma at every third digit.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = Array(String(number))
    return digits.enumerated().reduce(into: "") { text, digit in
      if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text += "," }
      text.append(digit.element)
    }
  }

  static func count(_ number: some BinaryInteger, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
  }
}
