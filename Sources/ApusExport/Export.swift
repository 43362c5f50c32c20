// A training set: for each row of a spine what could be known at its moment, one row out for one row in, in their order. The spine is read, its
// labels are sorted by key, threads answer them chunk by chunk, and the answers go back into the order of the spine. Nothing of what comes
// out depends on threads, on memory, or on where the events happened to lie.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
package import ApusStore
package import ApusSystem

/// One export. Used by one thread, which starts others.
package final class Export {
  package let snapshot: Snapshot
  package let vector: PreparedVector
  package let options: ExportOptions
  let choices: SpineChoices
  let split: ExportSplit?
  /// Nil: nothing is checked.
  let checks: SetChecks?
  private let scratch: ScratchFiles
  /// Told how far it is; false cancels.
  private let watch: @Sendable (ExportProgress) -> Bool

  package init(
    _ snapshot: Snapshot, _ vector: PreparedVector, _ options: ExportOptions, _ choices: SpineChoices,
    split: ExportSplit? = nil, checks: SetChecks? = .standard, scratch: ScratchFiles,
    watch: @escaping @Sendable (ExportProgress) -> Bool = { _ in true }
  ) {
    self.snapshot = snapshot
    self.vector = vector
    self.options = options
    self.choices = choices
    self.split = split
    self.checks = checks
    self.scratch = scratch
    self.watch = watch
  }

  package func run(_ spine: any SpineSource, to sink: any ExportSink) throws(ExportError) -> ExportReport {
    let crew = Crew(options.threads, name: "apus-export")
    let reading = try SpineAhead(spine.open(), crew)
    let layout = try SpineLayout(reading.schema, vector, choices, isText: spine.isText)
    try checkOptions(layout)
    let mode: Sight.Line = layout.lsn != nil ? .all : options.mode == .known ? .known : .happened
    let plan = try ExportPlan(vector, snapshot, options, mode: mode, isChecked: checks != nil)
    try plan.checkNames(reading.schema, split: split != nil)
    let fields = reading.schema.fields + (split == nil ? [] : [ExportSplit.field]) + plan.outputs.map(\.field)
    var inspection = try checks.map { checks throws(ExportError) in
      try SetInspection(checks, layout, plan, options, vector.columns.map(\.name), fields)
    }

    var labels = LabelReading(layout, plan, options, snapshot, scratch, crew)
    try labels.run(reading, watch)
    let spineDigest = labels.digest.digest
    try checkScratch(plan, rows: labels.rowCount)
    let runs = try self.runs(plan)
    let ranges = SpoolRanges(
      rowCount: labels.rowCount, rangeRows: rangeRows(plan), schemas: plan.groups.map(\.schema))
    let spool = CellSpool(ranges, memory: options.memory / 4, scratch)
    let combined = try labels.combinedDuplicates()
    let join = ExportJoin(plan, options, snapshot, runs, try labels.finish(), spool, watch)
    var (cells, counts, duplicates) = try join.run(rows: labels.rowCount)

    var report = ExportReport(
      rows: labels.rowCount, spineDigest: spineDigest, contentDigest: spineDigest, identity: spineDigest,
      identityText: "")
    report.scratchByteCount = cells.spilledByteCount + labels.spilledByteCount
    report.withoutKey = labels.withoutKey
    report.withoutTime = labels.withoutTime
    report.assumedUTC = labels.assumedUTC
    report.timeColumn = layout.timeName
    report.lsnColumn = layout.lsn.map { reading.schema.fields[$0].name }
    report.features = features(plan, counts)
    try write(spine, layout, plan, &cells, fields, &inspection, to: sink, &report, crew)
    report.quality = try inspection?.quality(
      report.features.map(\.counts), duplicates: combined ?? duplicates ?? 0, reference(spine, layout))
    report.identityText = identityText(layout, spineDigest)
    report.identity = SHA256.digest(of: unsafe report.identityText.utf8.span.bytes)
    return report
  }

  private func checkOptions(_ layout: SpineLayout) throws(ExportError) {
    guard layout.lsn != nil else { return }
    if options.mode == .happened { throw .optionWithLSNs("--ignore-known-at") }
    if options.isStrict { throw .optionWithLSNs("--strict-before") }
    if options.delayNanoseconds != 0 { throw .optionWithLSNs("--delay") }
  }

  // MARK: Room

  /// Rows that are put in order together: few enough for their cells to be held at once.
  private func rangeRows(_ plan: ExportPlan) -> Int {
    let fit = options.memory / 8 / max(1, rowByteCount(plan))
    return max(1, min(options.rangeRows, max(1_024, fit)))
  }

  /// About what a row's cells take.
  private func rowByteCount(_ plan: ExportPlan) -> Int {
    plan.groups.reduce(0) { sum, group in
      sum
        + group.schema.fields.reduce(0) { own, field in
          let count: Int
          if case .vector(let size) = field.type.shape { count = size } else { count = 1 }
          return own + count * (field.type.element.fixedByteCount ?? 24) + 1
        }
    }
  }

  private func checkScratch(_ plan: ExportPlan, rows: Int) throws(ExportError) {
    let needed = rows * rowByteCount(plan)
    guard needed > options.memory / 4 else { return }
    let free: UInt64
    do throws(SystemError) { free = try scratch.freeBytes() } catch { throw .system(error) }
    guard UInt64(needed) <= free else {
      throw .scratchFull(needed: UInt64(needed), free: free, folder: scratch.folder)
    }
  }

  private func runs(_ plan: ExportPlan) throws(ExportError) -> [ViewVersionID: [RunReader]] {
    do throws(StoreError) {
      return try snapshot.runs(
        of: Array(Set(plan.groups.map(\.view))).sorted(), scratch: scratch, memory: options.memory / 4)
    } catch {
      throw .store(error)
    }
  }

  // MARK: The end

  private func features(_ plan: ExportPlan, _ counts: [[CellCounts]]) -> [ExportReport.Feature] {
    var found: [(Int, ExportReport.Feature)] = []
    for (group, own) in zip(plan.groups, counts) {
      for (feature, counts) in zip(group.features, own) {
        let column = vector.columns[feature.column]
        let name = snapshot.catalog.registry[group.view]?.features[feature.index].definition.name ?? ""
        found.append(
          (
            feature.column,
            ExportReport.Feature(name: feature.name, view: column.view, feature: name, counts: counts)
          ))
      }
    }
    return found.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// The spine again, with its answers beside it.
  private func write(
    _ spine: any SpineSource, _ layout: SpineLayout, _ plan: ExportPlan, _ cells: inout CellSpool,
    _ fields: [ColumnField], _ inspection: inout SetInspection?, to sink: any ExportSink,
    _ report: inout ExportReport, _ crew: Crew
  ) throws(ExportError) {
    let reading = try SpineAhead(spine.open(), crew)
    guard fields.starts(with: reading.schema.fields) else { throw .spineChanged }
    var labels = SpineLabels(layout, options)
    let schema = ColumnSchema(fields)
    try sink.begin(schema)
    var spineDigest = RowsDigest(reading.schema.fields)
    // Of what stands behind the spine's columns in the set.
    var digest = RowsDigest(Array(fields[reading.schema.fields.count...]))
    var range = -1
    var rows = 0..<0
    var columns: [[Column]] = []
    var row = 0
    while let batch = try reading.next() {
      spineDigest.take(batch.columns, crew)
      var own = batch.columns
      if let split { own.append(try split.column(batch, &labels)) }
      var at = 0
      while at < batch.rowCount {
        guard row < report.rows else { throw .spineChanged }
        if row >= rows.upperBound {
          range += 1
          rows = cells.ranges.rows(of: range)
          columns = []
          for group in plan.groups.indices { columns.append(try cells.take(range, group, crew)) }
        }
        let count = min(batch.rowCount - at, rows.upperBound - row)
        let place = (row - rows.lowerBound)..<(row - rows.lowerBound + count)
        let joined =
          own.map { $0.slice(at..<(at + count)) }
          + plan.outputs.map { columns[$0.group][$0.place].slice(place) }
        digest.take(Array(joined[batch.columns.count...]), crew)
        inspection?.take(joined, place, of: columns)
        let whole: ColumnBatch
        do throws(ColumnarError) { whole = try ColumnBatch(schema, joined, rowCount: count) } catch {
          throw .columns(error)
        }
        try sink.write(whole)
        at += count
        row += count
        guard watch(ExportProgress(phase: .writing, done: row, total: report.rows)) else { throw .cancelled }
      }
    }
    guard row == report.rows, spineDigest.digest == report.spineDigest else { throw .spineChanged }
    try sink.finish()
    report.fields = fields
    report.contentDigest = spineDigest.followed(by: digest).digest
  }

  /// What the set is compared with, if anything.
  private func reference(
    _ spine: any SpineSource, _ layout: SpineLayout
  ) throws(ExportError) -> SetReference? {
    switch checks?.against {
    case nil: return nil
    case .reference(let reference): return reference
    case .manifest(let path):
      throw .checksRefused("nobody has read \(path)", next: "read the manifest before the export")
    case .online: break
    }
    let moment: WallTime?
    do throws(StoreError) { moment = try snapshot.moment() } catch { throw .store(error) }
    var options = ExportOptions()
    options.beyondHistory = .null
    (options.threads, options.memory) = (self.options.threads, self.options.memory)
    (options.chunkLabels, options.rangeRows) = (self.options.chunkLabels, self.options.rangeRows)
    let newest = NewestSpine(spine, layout, at: moment?.nanoseconds ?? .min)
    let export = Export(
      snapshot, vector, options, NewestSpine.choices(vector, layout), checks: .standard, scratch: scratch,
      watch: watch)
    let report = try export.run(newest, to: NoRows())
    return SetReference(
      name: "the online rows at LSN \(snapshot.lsn)", report.quality?.profiles ?? [])
  }

  /// What makes a set this one and no other.
  private func identityText(_ layout: SpineLayout, _ spine: SHA256.Digest) -> String {
    let registry = snapshot.catalog.registry
    let project = vector.roles.first.flatMap { registry[$0.project]?.name } ?? ""
    let definitions = registry.fingerprint(of: project)
    var lines = [
      "semantics=\(ExportFormat.semantics)", "store=\(Self.hex(snapshot.storeID))",
      "timeline=\(Self.hex(snapshot.timeline))", "lsn=\(snapshot.lsn)",
      "definitions=\(definitions)",
      "erasures=\(snapshot.erasureEpoch)",
    ]
    for column in vector.columns { lines.append("feature=\(column.name) \(column.view):\(column.feature)") }
    if let service = vector.service { lines.append("service=\(service)") }
    lines.append("time=\(layout.timeName) \(layout.timeUnit)")
    if let zone = layout.zone { lines.append("timezone=\(zone.name)") }
    if layout.lsn != nil { lines.append("repeats-lsns=true") }
    for role in layout.roles {
      lines.append("keys=\(role.name) \(role.parts.map(\.name).joined(separator: " "))")
    }
    lines.append(options.identity)
    if let split { lines.append("split=\(split.spelling)") }
    lines.append("spine=\(spine)")
    return lines.joined(separator: "\n") + "\n"
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

package enum ExportFormat {
  /// Raised when a set of one identity could come out otherwise.
  package static let semantics: UInt32 = 1
}
