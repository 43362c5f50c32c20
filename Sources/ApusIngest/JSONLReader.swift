// Rows of a file with one JSON object on each line. A key that is missing is absent, and null is null.

import ApusContracts

struct JSONLReader: LineReader, ~Copyable {
  private(set) var input: Input
  private(set) var line = 1
  private var rows: JSONRows

  var columns: [String] { rows.plan?.features.map(\.name) ?? [] }
  var assumedUTC: Int { rows.cells.times.assumedUTC }
  var wantedUnit: (column: String, value: String)? { rows.wantedUnit }

  init(_ input: consuming Input, _ target: LoadTarget, _ options: LoadOptions) throws(ReadError) {
    var input = input
    try input.skipByteOrderMark()
    self.input = input
    rows = JSONRows(target, options)
  }

  mutating func next() throws(ReadError) -> FileItem {
    guard let length = try Self.lineLength(&input) else { return try skip() }
    if length == 0 { return .end }
    let first = line
    line += 1
    let item: FileItem
    do throws(LoadRefusal) { item = try rows.read(input, length, at: first) } catch { throw .refused(error) }
    input.consume(length)
    return item
  }

  /// With the newline; 0 at the end, nil for a line that is too long.
  private static func lineLength(_ input: inout Input) throws(ReadError) -> Int? {
    var looked = 0
    while true {
      if let found = newline(input, from: looked) { return found + 1 }
      looked = input.count
      if input.isAtEnd { return looked }
      guard input.mayGrow else { return nil }
      _ = try input.more()
    }
  }

  private mutating func skip() throws(ReadError) -> FileItem {
    var isDone = false
    while !isDone {
      if input.count == 0 {
        guard try input.more() else { break }
      }
      let found = Self.newline(input, from: 0)
      isDone = found != nil
      input.consume(found.map { $0 + 1 } ?? input.count)
    }
    let first = line
    line += 1
    return .unreadable(UnreadableLines(lines: first...first, fault: .tooLong))
  }

  private static func newline(_ input: borrowing Input, from start: Int) -> Int? {
    let bytes = input.window
    for at in start..<bytes.count where bytes[at] == 0x0A { return at }
    return nil
  }
}

/// What the lines say, each by itself but for the first, which tells how the columns are meant.
struct JSONRows {
  private(set) var cells: CellReader
  /// Made from the first object that can be read.
  private(set) var plan: ColumnPlan?
  private(set) var wantedUnit: (column: String, value: String)?
  private var parts: RowParts?
  private let target: LoadTarget
  private let options: LoadOptions
  /// As the row before had them: most objects of a file have their keys in one order.
  private var order: [String] = []

  init(_ target: LoadTarget, _ options: LoadOptions) {
    self.target = target
    self.options = options
    cells = CellReader(TimeReader(zone: options.zone, unit: options.timeUnit))
  }

  /// What the first bytes of the input say.
  mutating func read(_ input: borrowing Input, _ length: Int, at first: Int) throws(LoadRefusal) -> FileItem {
    func unreadable(_ fault: LineFault) -> FileItem {
      .unreadable(UnreadableLines(lines: first...first, fault: fault))
    }
    let line = input.window.extracting(..<length)
    var isBlank = true
    for at in 0..<length where line[at] > 0x20 {
      isBlank = false
      break
    }
    if isBlank { return .blank }
    guard (try? UTF8Span(validating: line)) != nil else { return unreadable(.notUTF8) }
    if plan == nil {
      let names: [String]
      do throws(JSONFault) { names = try Self.keys(of: line) } catch {
        return unreadable(Self.fault(error, line))
      }
      let made = try ColumnPlan(target, options, columns: names, isHeader: false)
      plan = made
      parts = RowParts(made)
    }
    guard let plan, var row = parts.take() else { return unreadable(.notAnObject) }
    row.clear()
    cells.clear()
    wantedUnit = nil
    defer { parts = row }
    do throws(JSONFault) {
      try Self.fill(&row, &cells, line, plan, &order, &wantedUnit)
    } catch {
      return unreadable(Self.fault(error, line))
    }
    return .row(row.finished(line: first, hasMisfit: cells.hasMisfit))
  }

  private static func fault(_ fault: JSONFault, _ line: Span<UInt8>) -> LineFault {
    var at = 0
    while at < line.count, line[at] <= 0x20 { at += 1 }
    return at < line.count && line[at] == 0x7B ? .json("\(fault)") : .notAnObject
  }

  private static func keys(of line: Span<UInt8>) throws(JSONFault) -> [String] {
    var parser = JSONParser(line)
    var names: [String] = []
    try parser.beginObject()
    while let key = try parser.nextKey(isFirst: names.isEmpty) {
      let name = parser.string(key)
      guard !names.contains(name) else { throw .keyTwice(name) }
      names.append(name)
      _ = try parser.value()
    }
    try parser.finish()
    return names
  }

  // MARK: Cells

  private static func fill(
    _ parts: inout RowParts, _ cells: inout CellReader, _ line: Span<UInt8>, _ plan: ColumnPlan,
    _ order: inout [String], _ wantedUnit: inout (column: String, value: String)?
  ) throws(JSONFault) {
    var parser = JSONParser(line)
    var seen: Set<String> = []
    var place = 0
    var isUsual = true
    try parser.beginObject()
    while let key = try parser.nextKey(isFirst: place == 0) {
      let name: String
      if isUsual, place < order.count, reads(line, key, order[place]) {
        name = order[place]
      } else {
        // From here on the object goes its own way; keys that stand twice are looked for.
        name = parser.string(key)
        if isUsual {
          isUsual = false
          seen = Set(order.prefix(place))
          order.removeSubrange(min(place, order.count)...)
        }
        guard seen.insert(name).inserted else { throw .keyTwice(name) }
        order.append(name)
      }
      place += 1
      let value = try parser.value()
      let end = parser.at
      set(&parts, &cells, line, plan, name, value, end: end, &wantedUnit)
    }
    try parser.finish()
  }

  private static func reads(_ line: Span<UInt8>, _ key: JSONText, _ name: String) -> Bool {
    guard !key.hasEscapes else { return false }
    let text = name.utf8Span.span
    guard text.count == key.range.count else { return false }
    for at in 0..<text.count where text[at] != line[key.range.lowerBound + at] { return false }
    return true
  }

  private static func set(
    _ parts: inout RowParts, _ cells: inout CellReader, _ line: Span<UInt8>, _ plan: ColumnPlan,
    _ name: String, _ value: JSONValue, end: Int, _ wantedUnit: inout (column: String, value: String)?
  ) {
    let raw = range(of: value, end: end)
    guard let use = plan.uses[name] else {
      if plan.options.ignoresUnknown { return }
      let isFeature = plan.target.features.contains { $0.name == name }
      if isFeature, plan.options.event == .upsert { return }
      let input: FeatureInput = value == .null ? .null : .value(unknown(value, raw, line))
      parts.add(FileRow.Extra(name, input, "\(plan.target.spelling) has no feature \(Quoted(name))"))
      return
    }
    if value == .null {
      if let input = use.input { parts.set(input: input, .null) }
      return
    }
    if let input = use.input {
      parts.set(
        input: input, .value(cells.value(json: value, raw: raw, in: line, as: parts.type(ofInput: input))))
    }
    if let part = use.part {
      parts.set(part: part, cells.value(json: value, raw: raw, in: line, as: parts.type(ofPart: part)))
    }
    if use.isEventTime || use.isCreatedAt || use.isKnownAt {
      let found = cells.moment(json: value, in: line)
      parts.set(use, name, found) { unknown(value, raw, line) }
      if found == .wrong(.needsUnit) { wantedUnit = (name, Texts.string(line.extracting(raw)) ?? "") }
    } else if cells.wantsUnit, wantedUnit == nil {
      wantedUnit = (name, Texts.string(line.extracting(raw)) ?? "")
    }
  }

  /// Where the value stands; `end` is behind it.
  private static func range(of value: JSONValue, end: Int) -> Range<Int> {
    switch value {
    case .null: end - 4..<end
    case .bool(let bit): end - (bit ? 4 : 5)..<end
    case .number(let range), .array(let range), .object(let range): range
    case .string(let text): text.range.lowerBound - 1..<end
    }
  }

  /// A value of which nobody knows the type, as it is.
  private static func unknown(_ value: JSONValue, _ raw: Range<Int>, _ line: Span<UInt8>) -> Value {
    switch value {
    case .bool(let bit): return .bool(bit)
    case .string(let text): return .string(JSONParser(line).string(text))
    case .number(let range):
      if let whole = NumberText.int64(line.extracting(range)) { return .int64(whole) }
    default: break
    }
    return .string(Texts.string(line.extracting(raw)) ?? "")
  }
}
