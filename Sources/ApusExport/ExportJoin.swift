// The threads of an export. Each takes a chunk of sorted labels, sweeps the runs of every view of its role, and puts the cells where they wait for the
// spine's order. A chunk's cells depend on the chunk alone, so it does not matter who takes which.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem

final class ExportJoin: Sendable {
  private let plan: ExportPlan
  private let options: ExportOptions
  private let snapshot: Snapshot
  private let runs: [ViewVersionID: [RunReader]]
  private let ranges: SpoolRanges
  private let work: Monitor<Work>
  private let watch: @Sendable (ExportProgress) -> Bool

  private struct Work: Sendable {
    var streams: [LabelStream]
    var role = 0
    var spool: CellSpool
    var counts: [[CellCounts]]
    /// Of each chunk that was given out, in their order. Nil where keys are of several roles, or nothing is checked.
    var duplicates: [DuplicateCount]?
    var error: ExportError?
    var done = 0
    var total = 0
  }

  /// Labels that a thread answers.
  private struct Task {
    let role: Int
    /// Of the chunk among those whose duplicates are counted; below zero when they are not.
    let number: Int
    let claim: LabelClaim
  }

  init(
    _ plan: ExportPlan, _ options: ExportOptions, _ snapshot: Snapshot,
    _ runs: [ViewVersionID: [RunReader]], _ streams: [LabelStream], _ spool: CellSpool,
    _ watch: @escaping @Sendable (ExportProgress) -> Bool
  ) {
    self.plan = plan
    self.options = options
    self.snapshot = snapshot
    self.runs = runs
    self.watch = watch
    ranges = spool.ranges
    work = Monitor(
      Work(
        streams: streams, spool: spool,
        counts: plan.groups.map { group in group.features.map { _ in CellCounts() } },
        duplicates: plan.isChecked && streams.count == 1 ? [] : nil))
  }

  func run(
    rows: Int
  ) throws(ExportError) -> (cells: CellSpool, counts: [[CellCounts]], duplicates: Int?) {
    work.withLock { $0.total = rows * $0.streams.count }
    var threads: [SystemThread] = []
    for number in 1..<max(1, options.threads) {
      // Fewer threads do the same.
      if let thread = try? SystemThread.start(name: "apus-join-\(number)", { self.work(thread: number) }) {
        threads.append(thread)
      }
    }
    work(thread: 0)
    for thread in threads { thread.join() }
    let end = work.withLock { work in
      defer { work.streams = [] }
      return work
    }
    if let error = end.error { throw error }
    let duplicates = end.duplicates.map { chunks in
      var all = DuplicateCount()
      for chunk in chunks { all.append(chunk) }
      return all.count
    }
    return (end.spool, end.counts, duplicates)
  }

  private func work(thread: Int) {
    do throws(ExportError) {
      var roles: [Int: [GroupSweep]] = [:]
      while let task = try next() {
        let (role, chunk) = (task.role, task.claim.chunk)
        if task.number >= 0 {
          let own = DuplicateCount(of: chunk)
          work.withLock { $0.duplicates?[task.number] = own }
        }
        if roles[role] == nil {
          roles = [role: plan.groups.indices.filter { plan.groups[$0].role == role }.map(sweep)]
        }
        for sweep in roles[role] ?? [] { try answer(chunk, sweep) }
        try end(chunk.count)
      }
    } catch {
      work.withLock { work in if work.error == nil { work.error = error } }
    }
  }

  private func next() throws(ExportError) -> Task? {
    try work.withLock { (work) throws(ExportError) in
      guard work.error == nil else { return nil }
      while work.role < work.streams.count {
        if let claim = try work.streams[work.role].next(options.chunkLabels) {
          work.duplicates?.append(DuplicateCount())
          return Task(role: work.role, number: (work.duplicates?.count ?? 0) - 1, claim: claim)
        }
        work.role += 1
      }
      return nil
    }
  }

  private func end(_ labels: Int) throws(ExportError) {
    let progress = work.withLock { work in
      work.done += labels
      return ExportProgress(phase: .joining, done: work.done, total: work.total)
    }
    guard watch(progress) else { throw .cancelled }
  }

  // MARK: One group

  /// What one thread needs for one view in one role.
  private final class GroupSweep {
    let group: Int
    let cursors: [RunCursor]
    var sweep: Sweep
    let gather: CellGather

    init(_ group: Int, _ cursors: [RunCursor], _ sweep: Sweep, _ gather: CellGather) {
      self.group = group
      self.cursors = cursors
      self.sweep = sweep
      self.gather = gather
    }
  }

  private func sweep(_ place: Int) -> GroupSweep {
    let group = plan.groups[place]
    let features = group.features.map(\.index)
    let cursors = (runs[group.view] ?? []).map { RunCursor($0, features: features, group.rules.mode) }
    var erased: ((RawSpan) -> LSN?)?
    if !snapshot.erasures.isEmpty, let view = snapshot.catalog[group.view] {
      let erasures = snapshot.erasures
      erased = { erasures.erase(of: $0, in: view)?.floor }
    }
    return GroupSweep(
      place, cursors, Sweep(group.rules, cursors, featureCount: features.count, erased: erased),
      CellGather(group, cursors, options))
  }

  private func answer(_ chunk: LabelChunk, _ sweep: GroupSweep) throws(ExportError) {
    let winners = try sweep.sweep.run(chunk)
    let assumed = try sweep.gather.assumed(winners)
    var columns: [Column] = []
    var counts: [CellCounts] = []
    let group = plan.groups[sweep.group]
    let trail = group.trail == nil ? nil : try Trail(winners, sweep.gather, group.rules.mode)
    var statuses: [Column] = []
    for feature in group.features.indices {
      var cells = try sweep.gather.cells(chunk, winners, feature, assumed: assumed)
      if let trail, group.rules.mode == .happened {
        cells.counts.notKnownThen = trail.notKnownThen(chunk, feature, cells, options)
      }
      if let place = group.trail?.statuses[feature], place > group.trail?.moments ?? .max {
        statuses.append(try Self.column(.statuses, cells))
      }
      columns.append(cells.values)
      counts.append(cells.counts)
      for kind in ExportColumnKind.allCases where options.columns.contains(kind) {
        columns.append(try Self.column(kind, cells))
      }
    }
    if let trail { columns += [try trail.column(group.rules.mode)] + statuses }
    let parts = try ranges.cut(sweep.group, rows: chunk.rows, columns)
    try work.withLock { (work) throws(ExportError) in
      try work.spool.keep(parts)
      for place in counts.indices { work.counts[sweep.group][place].add(counts[place]) }
    }
  }

  private static func column(_ kind: ExportColumnKind, _ cells: CellColumn) throws(ExportError) -> Column {
    do throws(ColumnarError) {
      switch kind {
      case .statuses:
        var builder = ColumnBuilder(kind.type, named: "status", capacity: cells.statuses.count)
        for status in cells.statuses { builder.append(Int8(bitPattern: status)) }
        return try builder.finish()
      case .reasons:
        var builder = ColumnBuilder(kind.type, named: "reason", capacity: cells.reasons.count)
        for number in cells.reasons {
          if let reason = BlankReason(rawValue: number) {
            try builder.append(reason.spelling)
          } else {
            builder.appendNull()
          }
        }
        return try builder.finish()
      case .eventTimes, .lsns:
        return (kind == .lsns ? cells.lsns : cells.eventTimes) ?? .nulls(count: cells.statuses.count)
      }
    } catch {
      throw .columns(error)
    }
  }
}
