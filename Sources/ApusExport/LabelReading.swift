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
  private let crew: Crew
  private var sorters: [LabelSorter]
  private(set) var digest = RowsDigest([])
  private(set) var rowCount = 0
  /// By group: the first row that lies before the horizon, and how many do.
  private var beyond: [(first: Int, count: Int)]
  private var lsns: Set<UInt64> = []
  private(set) var spilledByteCount: UInt64 = 0
  /// The keys of all roles together, where there are several and duplicates are asked for.
  private var combined: LabelSorter?

  init(
    _ layout: SpineLayout, _ plan: ExportPlan, _ options: ExportOptions, _ snapshot: Snapshot,
    _ scratch: ScratchFiles, _ crew: Crew
  ) {
    self.plan = plan
    self.options = options
    self.snapshot = snapshot
    self.layout = layout
    self.crew = crew
    let isCombined = plan.isChecked && layout.roles.count > 1
    let memory = options.memory / 4 / max(1, layout.roles.count + (isCombined ? 1 : 0))
    sorters = layout.roles.map { _ in LabelSorter(memory: memory, scratch, crew) }
    if isCombined { combined = LabelSorter(memory: memory, scratch, crew) }
    beyond = plan.groups.map { _ in (0, 0) }
  }

  private(set) var assumedUTC = 0
  private(set) var withoutKey = 0
  private(set) var withoutTime = 0

  mutating func run(
    _ reading: any SpineReading, _ watch: (ExportProgress) -> Bool
  ) throws(ExportError) {
    digest = RowsDigest(reading.schema.fields)
    while let batch = try reading.next() {
      digest.take(batch.columns, crew)
      try take(batch)
      rowCount += batch.rowCount
      guard watch(ExportProgress(phase: .reading, done: rowCount, total: nil)) else { throw .cancelled }
    }
    try checkBeyond()
    try checkLSNs()
  }

  /// Some rows at a time, in their order.
  private mutating func take(_ batch: ColumnBatch) throws(ExportError) {
    let pieceRows = pieceRows
    let count = (batch.rowCount + pieceRows - 1) / pieceRows
    let (layout, plan, options, first, last) = (layout, plan, options, rowCount, snapshot.lsn)
    let isCombined = combined != nil
    let pieces = try crew.map(count) { (piece) throws(ExportError) in
      let start = piece * pieceRows
      return try LabelFindings(
        batch, start..<min(batch.rowCount, start + pieceRows), first: first, layout, plan, options, last,
        isCombined: isCombined)
    }
    for piece in pieces {
      for role in sorters.indices { try sorters[role].add(piece.labels[role]) }
      if let labels = piece.combined { try combined?.add(labels) }
      for (group, own) in piece.beyond.enumerated() where own.count > 0 {
        if beyond[group].count == 0 { beyond[group].first = own.first }
        beyond[group].count += own.count
      }
      lsns.formUnion(piece.lsns)
      assumedUTC += piece.assumedUTC
      withoutKey += piece.withoutKey
      withoutTime += piece.withoutTime
    }
  }

  /// Enough for a thread to be worth its call; fewer where there is room for few.
  private var pieceRows: Int { max(16, min(16_384, options.memory / 1_024)) }

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
    guard var sorter = combined else { return nil }
    combined = nil
    var stream = try sorter.finish()
    var count = DuplicateCount()
    while let claim = try stream.next(options.chunkLabels) { count.take(claim.chunk) }
    return count.count
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

/// What some rows of a spine come to.
private struct LabelFindings: Sendable {
  /// By role.
  private(set) var labels: [LabelPiece]
  /// Where duplicates are asked for by the keys of several roles.
  private(set) var combined: LabelPiece?
  /// By group, as `LabelReading` has it.
  private(set) var beyond: [(first: Int, count: Int)]
  private(set) var lsns: Set<UInt64> = []
  let assumedUTC: Int
  let withoutKey: Int
  let withoutTime: Int

  init(
    _ batch: ColumnBatch, _ rows: Range<Int>, first: Int, _ layout: SpineLayout, _ plan: ExportPlan,
    _ options: ExportOptions, _ last: LSN, isCombined: Bool
  ) throws(ExportError) {
    var labels = layout.roles.map { _ in LabelPiece(capacity: rows.count) }
    var combined = isCombined ? CombinedKeys() : nil
    var beyond = plan.groups.map { _ in (first: 0, count: 0) }
    var lsns: Set<UInt64> = []
    let horizons = plan.groups.enumerated().compactMap { place, group in
      group.rules.horizon.map { (place, group.role, $0, group.rules.isGone) }
    }
    var spine = SpineLabels(layout, options)
    try spine.take(batch, rows, first: first) { (role, key, label) throws(ExportError) in
      labels[role].add(key, label)
      combined?.take(key, label, role: role, of: layout.roles.count)
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
    (self.labels, self.beyond, self.lsns) = (labels, beyond, lsns)
    self.combined = combined?.labels
    (assumedUTC, withoutKey, withoutTime) = (spine.assumedUTC, spine.withoutKey, spine.withoutTime)
  }
}
