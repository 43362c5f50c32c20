// A store that is told things and exported from, and the oracle that was told the same.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

struct ExportFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

final class ExportFixture {
  let folder: TemporaryFolder
  let clock = SimulatedClock()
  let disk = HookedDisk(RealDisk())
  var options = StoreOptions()
  private(set) var store: Store
  private var random: SplitMix64
  var told = ToldHistory()
  static let project = "p"

  /// `blocks`: rows of a page and of a row group of a run.
  init(seed: UInt64 = 7, blocks: (Int, Int)? = nil, change: (inout StoreOptions) -> Void = { _ in }) throws {
    random = SplitMix64(seed: seed)
    folder = try TemporaryFolder("apus-export", inMemory: true)
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.log.segmentByteCount = 1 << 15
    options.mergeRunsMin = 2
    if let blocks {
      var limits = RunLimits()
      limits.pageRowsMax = blocks.0
      limits.rowGroupRowsMax = blocks.1
      options.runs = ParquetRuns(limits)
    }
    change(&options)
    store = try Store.open(
      folder.path("store"), on: disk, clock: clock, random: &random, options: options, onStop: { _ in })
  }

  deinit { store.abandon() }

  var path: String { folder.path("store") }
  var now: Int64 { clock.wall().nanoseconds }

  func reopen(killing: Bool = false) throws {
    if killing { store.abandon() } else { try store.close() }
    store = try Store.open(
      folder.path("store"), on: disk, clock: clock, random: &random, options: options, onStop: { _ in })
  }

  /// Applies definitions, and notes the ttl of each view.
  func apply(_ text: String, ttls: [String: Int64?], keys: [String: [String]] = [:]) throws {
    let definition = try DefinitionReader.read([DefinitionFile(name: "p.yaml", bytes: Array(text.utf8))])
    guard let frame = try store.apply(definition, accepting: [.producers, .readers]).frame else { return }
    for (view, ttl) in ttls {
      told.definitions.append(ToldDefinition(lsn: frame.lsns.last.rawValue, view: view, ttl: ttl))
    }
    told.keyNames.merge(keys) { $1 }
  }

  struct Row {
    var key: [Value]
    var eventTime: Int64
    var createdAt: Int64?
    var knownAt: Int64?
    /// By feature; nil for a delete.
    var said: [String: Value?]?
  }

  /// Pushes rows in one frame, and notes what the oracle must know of them.
  @discardableResult
  func push(_ view: String, _ rows: [Row], _ choice: KnownAtChoice = .live) throws -> LSNRange? {
    var batch = store.batch(choice, .setAside)
    let name = try #require(VersionedName(spelling: view))
    try batch.turn(to: try #require(store.catalog.view(name, in: Self.project)))
    let now = self.now
    for row in rows {
      let times = GivenTimes(
        eventTime: EventTime(nanoseconds: row.eventTime),
        createdAt: row.createdAt.map { CreatedAt(nanoseconds: $0) },
        knownAt: row.knownAt.map { KnownAt(nanoseconds: $0) })
      if let said = row.said {
        let features = said.map { name, value in
          DeadLetter.Feature(name, value.map { .value($0) } ?? .null)
        }
        batch.upsert(row: RowInput(key: row.key, times: times, features: features))
      } else {
        batch.delete(key: row.key, times)
      }
    }
    let answer = try store.append(batch.admitted())
    guard answer.counts.setAside == 0 else { throw ExportFailure("rows were set aside: \(answer.refused)") }
    let appended = answer.frame.time.nanoseconds
    var lsn = answer.frame.lsns.first.rawValue
    var erased = 0
    for row in rows {
      let eventTime = min(row.eventTime, now)
      if let until = told.erasedUntil(view, row.key), eventTime <= until {
        erased += 1
        continue
      }
      let known: Int64
      switch choice {
      case .live, .now: known = appended
      case .eventTime: known = eventTime
      case .eventTimePlus(let delay): known = eventTime + delay > now ? appended : eventTime + delay
      case .column: known = row.knownAt ?? appended
      }
      told.events.append(
        ToldEvent(
          lsn: lsn, view: view, key: row.key, eventTime: eventTime,
          createdAt: row.createdAt.map { min($0, now) } ?? appended, knownAt: known,
          isAssumed: choice.isAssumption, said: row.said))
      lsn += 1
    }
    guard answer.counts.erased == erased else {
      throw ExportFailure("\(answer.counts.erased) rows of erased keys, expected \(erased)")
    }
    return answer.frame.lsns
  }

  func erase(_ name: String, _ value: Value) throws {
    let frame = try store.erase([ErasedKey(name: name, value: value)], in: Self.project)
    told.erases.append(
      ToldErase(
        lsn: frame.lsns.last.rawValue, time: frame.time.nanoseconds, name: name, value: value))
  }

  // MARK: Exporting

  func scratch() -> ScratchFiles { ScratchFiles(disk, in: folder.path, prefix: "scratch-") }

  func export(
    _ snapshot: Snapshot, _ vector: PreparedVector, _ spine: any SpineSource, _ options: ExportOptions,
    _ choices: SpineChoices = SpineChoices(), checks: SetChecks? = .standard
  ) throws -> (set: HeldSet, report: ExportReport) {
    let set = HeldSet()
    let export = Export(snapshot, vector, options, choices, checks: checks, scratch: scratch())
    let report = try export.run(spine, to: set)
    return (set, report)
  }
}

/// A spine of columns that are built row by row.
struct SpineBuilder {
  var fields: [ColumnField]
  var rows: [[Value?]] = []

  func spine(cutAt size: Int = 1_000) throws -> HeldSpine {
    var batches: [ColumnBatch] = []
    var start = 0
    while start < rows.count {
      let end = min(rows.count, start + size)
      var columns: [Column] = []
      for (place, field) in fields.enumerated() {
        var builder = ColumnBuilder(field.type, named: field.name)
        for row in rows[start..<end] {
          switch row[place] {
          case nil: builder.appendNull()
          case .bool(let bit): builder.append(bit)
          case .int32(let number): builder.append(number)
          case .int64(let number), .timestamp(let number): builder.append(number)
          case .float64(let number): builder.append(number)
          case .string(let text): try builder.append(text)
          case .bytes(let content): try builder.append(unsafe content.span.bytes)
          default: throw ExportFailure("no such spine value")
          }
        }
        columns.append(try builder.finish())
      }
      batches.append(try ColumnBatch(ColumnSchema(fields), columns, rowCount: end - start))
      start = end
    }
    return HeldSpine(ColumnSchema(fields), batches)
  }
}

extension HeldSet {
  /// A cell of the set as a value of a type; nil for a null.
  func value(_ name: String, _ row: Int, _ type: FeatureType) throws -> Value? {
    try cell(name, row) { $0.value($1, type) }
  }

  func cell<T>(_ name: String, _ row: Int, _ body: (Column, Int) -> T) throws -> T {
    var row = row
    for batch in batches {
      guard row >= batch.rowCount else {
        guard let column = batch.column(name) else { throw ExportFailure("no column \(name)") }
        return body(column, row)
      }
      row -= batch.rowCount
    }
    throw ExportFailure("no row \(row)")
  }

  var rowCount: Int { batches.reduce(0) { $0 + $1.rowCount } }
}

extension Column {
  func value(_ row: Int, _ type: FeatureType) -> Value? {
    if isNull(row) { return nil }
    let elements = elements(of: row)
    if type.shape == .scalar {
      switch type.element {
      case .bool: return .bool(bool(row))
      case .int32: return .int32(load(row, as: Int32.self))
      case .int64: return .int64(load(row, as: Int64.self))
      case .float32: return .float32(float32(row))
      case .float64: return .float64(float64(row))
      case .string: return .string(string(row))
      case .bytes: return .bytes(bytes(row).copied())
      case .timestamp: return .timestamp(nanoseconds: load(row, as: Int64.self))
      }
    }
    let many: Value.Elements =
      switch type.element {
      case .bool: .bool(elements.map { bool($0) })
      case .int32: .int32(elements.map { load($0, as: Int32.self) })
      case .int64: .int64(elements.map { load($0, as: Int64.self) })
      case .float32: .float32(elements.map { float32($0) })
      case .float64: .float64(elements.map { float64($0) })
      case .string: .string(elements.map { string($0) })
      case .bytes: .bytes(elements.map { bytes($0).copied() })
      case .timestamp: .timestamp(nanoseconds: elements.map { load($0, as: Int64.self) })
      }
    return type.shape == .list ? .list(many) : .vector(many)
  }
}
