// The first reading of a spine: its digest, and its labels on their way to be sorted, one sorter for each role.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem

/// Used by one thread.
struct LabelReading: ~Copyable {
  private let plan: ExportPlan
  private let options: ExportOptions
  private let snapshot: Snapshot
  private let layout: SpineLayout
  private var labels: SpineLabels
  private var sorters: [LabelSorter]
  private(set) var digest = RowsDigest([])
  private(set) var rowCount = 0
  /// By group: the first row that lies before the horizon, and how many do.
  private var beyond: [(first: Int, count: Int)]
  private var lsns: Set<UInt64> = []
  private(set) var spilledByteCount: UInt64 = 0
  /// The keys of all roles together, where there are several and duplicates are asked for.
  private var combined: CombinedKeys?

  init(
    _ layout: SpineLayout, _ plan: ExportPlan, _ options: ExportOptions, _ snapshot: Snapshot,
    _ scratch: ScratchFiles
  ) {
    self.plan = plan
    self.options = options
    self.snapshot = snapshot
    self.layout = layout
    labels = SpineLabels(layout, options)
    let isCombined = plan.isChecked && layout.roles.count > 1
    let memory = options.memory / 4 / max(1, layout.roles.count + (isCombined ? 1 : 0))
    sorters = layout.roles.map { _ in LabelSorter(memory: memory, scratch) }
    if isCombined { combined = CombinedKeys(LabelSorter(memory: memory, scratch)) }
    beyond = plan.groups.map { _ in (0, 0) }
  }

  var assumedUTC: Int { labels.assumedUTC }
  var withoutKey: Int { labels.withoutKey }
  var withoutTime: Int { labels.withoutTime }

  mutating func run(
    _ reading: any SpineReading, _ watch: (ExportProgress) -> Bool
  ) throws(ExportError) {
    digest = RowsDigest(reading.schema.fields)
    while let batch = try reading.next() {
      digest.take(batch.columns)
      try take(batch)
      rowCount += batch.rowCount
      guard watch(ExportProgress(phase: .reading, done: rowCount, total: nil)) else { throw .cancelled }
    }
    try checkBeyond()
    try checkLSNs()
  }

  private mutating func take(_ batch: ColumnBatch) throws(ExportError) {
    try Self.take(batch, first: rowCount, &labels, &sorters, &combined, &beyond, &lsns, plan, snapshot.lsn)
  }

  private static func take(
    _ batch: ColumnBatch, first: Int, _ labels: inout SpineLabels, _ sorters: inout [LabelSorter],
    _ combined: inout CombinedKeys?, _ beyond: inout [(first: Int, count: Int)], _ lsns: inout Set<UInt64>,
    _ plan: ExportPlan, _ last: LSN
  ) throws(ExportError) {
    let horizons = plan.groups.enumerated().compactMap { place, group in
      group.rules.horizon.map { (place, group.role, $0, group.rules.isGone) }
    }
    try labels.take(batch, first: first) { (role, key, label) throws(ExportError) in
      try sorters[role].add(key, label)
      try combined?.take(key, label, role: role, of: sorters.count)
      if let lsn = label.lsn {
        guard LSN(lsn) <= last else { throw .lsnAhead(LSN(lsn), row: label.row, snapshot: last) }
        lsns.insert(lsn)
      }
      if key.isEmpty { return }
      for (place, own, horizon, isGone) in horizons where own == role && (isGone || label.limit < horizon) {
        if beyond[place].count == 0 { beyond[place].first = label.row }
        beyond[place].count += 1
      }
    }
  }

  private func checkBeyond() throws(ExportError) {
    guard options.beyondHistory == .error else { return }
    for (place, group) in plan.groups.enumerated() where beyond[place].count > 0 {
      guard let horizon = snapshot.horizon(of: group.view) else { continue }
      if group.rules.isGone {
        throw .store(.historyGone(snapshot.lsn, view: group.spelling, from: horizon.through))
      }
      let since =
        group.rules.mode == .all
        ? "LSN \(horizon.through)" : TimestampSpelling.text(horizon.moment.nanoseconds)
      throw .beyondHistory(
        view: group.spelling, row: beyond[place].first, count: beyond[place].count, since: since)
    }
  }

  /// That a record has each LSN: what nobody was ever served cannot be repeated.
  private func checkLSNs() throws(ExportError) {
    guard !lsns.isEmpty else { return }
    do throws(StoreError) {
      if let (lsn, range) = try snapshot.firstLost(among: lsns.map { LSN($0) }.sorted()) {
        throw .lsnLost(lsn, range)
      }
    } catch {
      throw .store(error)
    }
  }

  /// Rows whose keys of all roles, and time, an earlier row has; nil where that was not asked for, or the one role tells.
  mutating func combinedDuplicates() throws(ExportError) -> Int? {
    guard var keys = combined else { return nil }
    combined = nil
    return try keys.duplicates(options.chunkLabels)
  }

  /// The labels of each role in their order.
  mutating func finish() throws(ExportError) -> [LabelStream] {
    var streams: [LabelStream] = []
    for role in sorters.indices {
      streams.append(try sorters[role].finish())
      spilledByteCount += sorters[role].spilledByteCount
    }
    sorters = []
    return streams
  }
}
