import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport

/// Bytes as a source that gives a few of them at a time, as pipes do.
final class ByteList: ByteSource {
  let name = "rows"
  private var rest: ArraySlice<UInt8>
  private let step: Int

  init(_ bytes: [UInt8], step: Int = .max) {
    rest = bytes[...]
    self.step = step
  }

  convenience init(_ text: String, step: Int = .max) { self.init(Array(text.utf8), step: step) }

  func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    let part = rest.prefix(min(step, buffer.byteCount))
    rest = rest.dropFirst(part.count)
    for (at, byte) in part.enumerated() { buffer.storeBytes(of: byte, toByteOffset: at, as: UInt8.self) }
    return part.count
  }
}

/// Keeps what it is given, and takes all of it.
final class RowList: RowSink {
  private(set) var blocks: [RowBlock] = []
  var rows: [FileRow] { blocks.flatMap(\.rows) }

  func submit(_ block: RowBlock) throws(SystemError) -> RowOutcome {
    blocks.append(block)
    var outcome = RowOutcome()
    outcome.accepted = block.rows.count
    return outcome
  }
}

/// One load of a text, without a store.
struct Loading {
  static let target = LoadTarget(
    spelling: "activity@1", keys: [KeyDefinition(name: "card", type: .string)],
    features: [
      LoadTarget.Feature("count", .int64), LoadTarget.Feature("mean", .float64),
      LoadTarget.Feature("small", .int32), LoadTarget.Feature("ratio", .float32),
      LoadTarget.Feature("flag", .bool), LoadTarget.Feature("word", .string),
      LoadTarget.Feature("raw", .bytes), LoadTarget.Feature("opened", .timestamp),
      LoadTarget.Feature("words", .list(of: .string)), LoadTarget.Feature("times", .list(of: .timestamp)),
      LoadTarget.Feature("spot", FeatureType.vector(of: .float32, count: 3) ?? .float32),
    ])

  var rows: [FileRow] = []
  var columns: [String] = []
  var report = LoadReport()
  var blocks: [RowBlock] = []

  init(
    _ bytes: [UInt8], _ target: LoadTarget = Loading.target, step: Int = .max,
    stored: LoadOffset? = nil, keepsOffset: Bool = false, file: [UInt8]? = nil,
    _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws {
    var options = LoadOptions()
    change(&options)
    let list = RowList()
    var load = try FileLoad(
      ByteList(bytes, step: step), target, options, stored: stored, keepsOffset: keepsOffset
    ) { () throws(SystemError) in file.map { BytesFile($0) } }
    try load.run(into: list, choice: .now)
    rows = list.rows
    columns = list.blocks.first?.columns ?? []
    report = load.report
    blocks = list.blocks
  }

  init(_ text: String, step: Int = .max, _ change: (inout LoadOptions) -> Void = { _ in }) throws {
    try self.init(Array(text.utf8), step: step, change)
  }

  static func csv(_ text: String, _ change: (inout LoadOptions) -> Void = { _ in }) throws -> Loading {
    try Loading(text, change)
  }

  static func jsonl(_ text: String, _ change: (inout LoadOptions) -> Void = { _ in }) throws -> Loading {
    try Loading(text) { options in
      options.format = .jsonl
      change(&options)
    }
  }

  /// What the only row says of a feature.
  func input(_ column: String, row: Int = 0) -> FeatureInput? {
    guard rows.indices.contains(row), let place = columns.firstIndex(of: column) else { return nil }
    return rows[row].inputs[place]
  }

  /// Lines that are accounted for: the header's, blank, unreadable, and rows of one line each.
  var unreadableLines: Int { report.unreadable.reduce(0) { $0 + $1.lines.count } }
}

func refusal(_ body: () throws -> Void) -> LoadRefusal? {
  do {
    try body()
    return nil
  } catch ReadError.refused(let refusal) {
    return refusal
  } catch LoadStop<SystemError>.refused(let refusal) {
    return refusal
  } catch {
    return nil
  }
}
