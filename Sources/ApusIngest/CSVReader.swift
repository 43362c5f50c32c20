// Rows of a CSV file with a header. An empty field is a null and `""` the empty text; a column that the file does not have
// is absent.

import ApusContracts

struct CSVReader: LineReader, ~Copyable {
  private(set) var input: Input
  private(set) var line = 1
  private(set) var wantedUnit: (column: String, value: String)?
  private var scanner: CSVScanner
  private var cells: CellReader
  private var parts: RowParts
  private let plan: ColumnPlan
  /// In the order of the header.
  private let names: [String]
  private let uses: [ColumnUse]
  private var scratch: [UInt8] = []

  var columns: [String] { plan.features.map(\.name) }
  var assumedUTC: Int { cells.times.assumedUTC }

  init(_ input: consuming Input, _ target: LoadTarget, _ options: LoadOptions) throws(ReadError) {
    var scanner = CSVScanner(delimiter: options.delimiter)
    var lines = 1
    var input = input
    try input.skipByteOrderMark()
    let names = try Self.header(&input, &scanner, &lines)
    let plan: ColumnPlan
    do throws(LoadRefusal) {
      plan = try ColumnPlan(target, options, columns: names, isHeader: true)
    } catch {
      throw .refused(error)
    }
    self.input = input
    self.scanner = scanner
    self.plan = plan
    self.names = names
    line = lines
    uses = names.map { plan.uses[$0] ?? ColumnUse() }
    parts = RowParts(plan)
    cells = CellReader(TimeReader(zone: options.zone, unit: options.timeUnit))
  }

  private static func header(
    _ input: inout Input, _ scanner: inout CSVScanner, _ line: inout Int
  ) throws(ReadError) -> [String] {
    while true {
      switch try scan(&input, &scanner) {
      case .record(let byteCount, let lineCount):
        var names: [String] = []
        var scratch: [UInt8] = []
        for field in scanner.fields {
          let name = text(input.window, field, &scratch) { Texts.string($0) }
          guard let name else { throw .refused(.notUTF8("its header is not UTF-8")) }
          guard !names.contains(name) else { throw .refused(.columnTwice(name)) }
          names.append(name)
        }
        input.consume(byteCount)
        line += lineCount
        if !names.isEmpty { return names }
      case .wrong(let fault, _):
        throw .refused(
          .headerWrong(LoadRefusal.CSVFaultWords(words: "the header \(LineFault(fault))")))
      case .cut: throw .refused(.empty)
      }
    }
  }

  mutating func next() throws(ReadError) -> FileItem {
    switch try Self.scan(&input, &scanner) {
    case .cut: return .end
    case .wrong(let fault, _): return try skip(LineFault(fault))
    case .record(let byteCount, let lineCount):
      let first = line
      line += lineCount
      if scanner.fields.isEmpty {
        input.consume(byteCount)
        return .blank
      }
      guard scanner.fields.count == names.count else {
        let fault = LineFault.fieldCount(expected: names.count, found: scanner.fields.count)
        input.consume(byteCount)
        return .unreadable(UnreadableLines(lines: first...line - 1, fault: fault))
      }
      wantedUnit = nil
      cells.clear()
      parts.clear()
      Self.fill(
        &parts, &cells, input, scanner.fields, names, uses, &scratch, &wantedUnit)
      input.consume(byteCount)
      return .row(parts.finished(line: first, hasMisfit: cells.hasMisfit))
    }
  }

  /// `cut` when there is nothing left.
  private static func scan(_ input: inout Input, _ scanner: inout CSVScanner) throws(ReadError) -> CSVFound {
    while true {
      let found = scanner.scan(input.window, isAll: input.isAtEnd)
      guard found == .cut else { return found }
      if input.isAtEnd { return .cut }
      guard input.mayGrow else { return .wrong(.tooLong, at: 0) }
      _ = try input.more()
    }
  }

  /// Passes over a record that is none.
  private mutating func skip(_ fault: LineFault) throws(ReadError) -> FileItem {
    var skipper = CSVSkipper(delimiter: scanner.delimiter)
    var isMidLine = false
    while !skipper.isDone {
      if input.count == 0 {
        guard try input.more() else { break }
      }
      let count = skipper.skip(input.window)
      isMidLine = input.bytes[input.lower + count - 1] != 0x0A
      input.consume(count)
    }
    let first = line
    line += skipper.lineCount + (isMidLine ? 1 : 0)
    return .unreadable(UnreadableLines(lines: first...line - 1, fault: fault))
  }

  // MARK: Cells

  private static func fill(
    _ parts: inout RowParts, _ cells: inout CellReader, _ input: borrowing Input, _ fields: [CSVField],
    _ names: [String], _ uses: [ColumnUse], _ scratch: inout [UInt8],
    _ wantedUnit: inout (column: String, value: String)?
  ) {
    let bytes = input.window
    for column in fields.indices {
      let use = uses[column]
      if use.isNone { continue }
      let field = fields[column]
      if field.lower == field.upper, !field.isQuoted {
        if let input = use.input { parts.set(input: input, .null) }
        continue
      }
      text(bytes, field, &scratch) { text in
        if let input = use.input {
          parts.set(input: input, .value(cells.value(text: text, as: parts.type(ofInput: input))))
        }
        if let part = use.part {
          parts.set(part: part, cells.value(text: text, as: parts.type(ofPart: part)))
        }
        if use.isEventTime || use.isCreatedAt || use.isKnownAt {
          let found = cells.times.read(text)
          parts.set(use, names[column], found) { CellReader.misfit(text, for: .timestamp) }
          if found == .wrong(.needsUnit) { wantedUnit = (names[column], Texts.string(text) ?? "") }
        } else if cells.wantsUnit, wantedUnit == nil {
          wantedUnit = (names[column], Texts.string(text) ?? "")
        }
      }
    }
  }

  /// Lends what a field says, its quotes undone.
  @inline(__always)
  private static func text<T>(
    _ bytes: Span<UInt8>, _ field: CSVField, _ scratch: inout [UInt8], _ body: (Span<UInt8>) -> T
  ) -> T {
    let raw = bytes.extracting(field.lower..<field.upper)
    guard field.hasEscapes else { return body(raw) }
    scratch.removeAll(keepingCapacity: true)
    var at = 0
    while at < raw.count {
      scratch.append(raw[at])
      // The second of two quotes.
      at += raw[at] == 0x22 ? 2 : 1
    }
    return body(scratch.span)
  }
}
