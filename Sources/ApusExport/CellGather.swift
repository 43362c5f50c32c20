// From who won to what stands in the set: for one view in one role, column by column. Only blocks with a winner are read, each once for a column, and a
// bounded number of them is in hand. The winner is judged by its age here, after it was picked, and nothing older takes its place.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusStore

/// What the definitions say of a group's features from an LSN on.
struct GroupEpoch: Sendable {
  var since: LSN
  /// False: there was no such view version yet.
  var isThere: Bool
  /// Nil: never out of age.
  var ttlNanoseconds: Int64?
  /// For each feature, whether the view had it no more.
  var removed: [Bool]
}

/// How often what came out, of one feature.
package struct CellCounts: Equatable, Sendable {
  /// By the number of the status.
  package var statuses = [Int](repeating: 0, count: 5)
  /// By the number of the reason; 0 counts nothing.
  package var reasons = [Int](repeating: 0, count: 6)
  /// Cells that were filled from an event, and of these those whose known-at is an assumption.
  package var filled = 0
  package var assumed = 0
  package var leaks = 0
  /// Blank cells that a service's default stands in for.
  package var defaults = 0
  /// In a checked set *as happened*: cells filled from an event that was not known yet.
  package var notKnownThen = 0

  package init() {}

  mutating func add(_ other: CellCounts) {
    for place in statuses.indices { statuses[place] += other.statuses[place] }
    for place in reasons.indices { reasons[place] += other.reasons[place] }
    filled += other.filled
    assumed += other.assumed
    leaks += other.leaks
    defaults += other.defaults
    notKnownThen += other.notKnownThen
  }
}

/// One feature's cells for the labels of a chunk.
struct CellColumn {
  var values: Column
  var statuses: [UInt8]
  var reasons: [UInt8]
  var eventTimes: Column?
  var lsns: Column?
  var counts: CellCounts
}

/// Used by one thread.
struct CellGather {
  private let group: ExportGroup
  private let cursors: [RunCursor]
  private let options: ExportOptions

  init(_ group: ExportGroup, _ cursors: [RunCursor], _ options: ExportOptions) {
    self.group = group
    self.cursors = cursors
    self.options = options
  }

  func cells(
    _ chunk: borrowing LabelChunk, _ winners: Winners, _ feature: Int, assumed: [Bool]
  ) throws(ExportError) -> CellColumn {
    let judged = try judge(chunk, winners, feature)
    var statuses = judged.statuses
    let plan = group.features[feature]
    var values = Picking(plan.columnType, named: plan.name, .value(plan.index), cursors)
    if let filling = plan.filling { values.fill(with: filling) }
    for label in 0..<chunk.count {
      let place = winners.places[winners.at(label, feature)]
      let status = statuses[label]
      let isStale = options.staleOK && status == CellStatus.outsideMaxAge.rawValue
      if status == CellStatus.present.rawValue || isStale {
        if try values.pick(place, label: label) { try values.flush(&statuses) }
      } else {
        values.pickBlank(isFilled: CellStatus(rawValue: status)?.isBlank ?? false)
      }
    }
    var cells = CellColumn(
      values: try values.finish(&statuses), statuses: statuses, reasons: judged.reasons, counts: CellCounts())
    cells.counts = count(cells, winners, feature, assumed, filled: plan.filling != nil)
    if options.columns.contains(.eventTimes) { cells.eventTimes = try eventTimes(chunk, winners, feature) }
    if options.columns.contains(.lsns) { cells.lsns = try lsns(chunk, winners, feature) }
    return cells
  }

  // MARK: Judging

  /// *Present* here means that there is something: whether it is a null is seen with the values.
  private func judge(
    _ chunk: borrowing LabelChunk, _ winners: Winners, _ feature: Int
  ) throws(ExportError) -> (statuses: [UInt8], reasons: [UInt8]) {
    var statuses = [UInt8](repeating: CellStatus.present.rawValue, count: chunk.count)
    var reasons = [UInt8](repeating: 0, count: chunk.count)
    // One for all labels, unless each has its own LSN.
    var isRemoved = false
    var ttl: Int64?
    for label in 0..<chunk.count {
      if label == 0 || !chunk.lsns.isEmpty {
        let epoch = try epoch(chunk, label)
        (isRemoved, ttl) = (epoch.removed[feature], epoch.ttlNanoseconds)
      }
      let at = winners.at(label, feature)
      let place = winners.places[at]
      var reason: BlankReason?
      if winners.isBeyond[label] {
        reason = .beyondHistory
      } else if isRemoved || place.isDelete {
        reason = .deleted
      } else if place.isNone {
        let key = winners.keys[Int(winners.keyOf[label])]
        reason =
          group.rules.mode != .all && key.speaks(feature) ? .notYetKnown : key.isErased ? .erased : .neverSeen
      }
      if let reason {
        statuses[label] = CellStatus.notFound.rawValue
        reasons[label] = reason.rawValue
      } else if let ttl,
        winners.times[at] < ReadTime(nanoseconds: chunk.times[label]).oldestNanoseconds(ttlNanoseconds: ttl)
      {
        statuses[label] = CellStatus.outsideMaxAge.rawValue
      }
    }
    return (statuses, reasons)
  }

  private func epoch(_ chunk: borrowing LabelChunk, _ label: Int) throws(ExportError) -> GroupEpoch {
    guard !chunk.lsns.isEmpty else { return group.epochs[group.epochs.count - 1] }
    let lsn = LSN(chunk.lsns[label])
    let found = group.epochs.last { $0.since <= lsn }
    guard let found, found.isThere else {
      throw .viewNotThere(group.spelling, lsn, row: chunk.rows[label])
    }
    return found
  }

  private func count(
    _ cells: CellColumn, _ winners: Winners, _ feature: Int, _ assumed: [Bool], filled: Bool
  ) -> CellCounts {
    var counts = CellCounts()
    for label in cells.statuses.indices {
      let status = cells.statuses[label]
      counts.statuses[Int(status)] += 1
      counts.reasons[Int(cells.reasons[label])] += 1
      if status == CellStatus.notFound.rawValue {
        if filled { counts.defaults += 1 }
        continue
      }
      if status == CellStatus.outsideMaxAge.rawValue {
        if !options.staleOK {
          if filled { counts.defaults += 1 }
          continue
        }
      }
      counts.filled += 1
      if assumed[winners.at(label, feature)] { counts.assumed += 1 }
    }
    counts.reasons[0] = 0
    counts.leaks = winners.leaks[feature]
    return counts
  }

  // MARK: Provenance

  /// For each place whether the event's known-at was assumed.
  func assumed(_ winners: Winners) throws(ExportError) -> [Bool] {
    var picking = Picking(ColumnType(.bool), named: "_known_at_assumed", .isKnownAtAssumed, cursors)
    var nothing: [UInt8] = []
    for place in winners.places {
      if place.isNone {
        picking.pickBlank(isFilled: false)
      } else if try picking.pick(place, label: -1) {
        try picking.flush(&nothing)
      }
    }
    let column = try picking.finish(&nothing)
    return (0..<column.count).map { !column.isNull($0) && column.bool($0) }
  }

  /// For each place what a column of whole numbers has there; 0 where there is no event.
  func numbers(_ wanted: RunColumn, _ winners: Winners) throws(ExportError) -> Column {
    let type = wanted == .lsn ? ColumnType(.int64) : ExportColumnKind.momentType
    var picking = Picking(type, named: "the trail", wanted, cursors)
    var nothing: [UInt8] = []
    for place in winners.places {
      if place.isNone {
        picking.pickBlank(isFilled: false)
      } else if try picking.pick(place, label: -1) {
        try picking.flush(&nothing)
      }
    }
    return try picking.finish(&nothing)
  }

  private func eventTimes(
    _ chunk: borrowing LabelChunk, _ winners: Winners, _ feature: Int
  ) throws(ExportError) -> Column {
    var builder = ColumnBuilder(
      ExportColumnKind.momentType, named: "event time", capacity: chunk.count)
    for label in 0..<chunk.count {
      let at = winners.at(label, feature)
      if winners.places[at].isNone { builder.appendNull() } else { builder.append(winners.times[at]) }
    }
    do throws(ColumnarError) { return try builder.finish() } catch { throw .columns(error) }
  }

  private func lsns(
    _ chunk: borrowing LabelChunk, _ winners: Winners, _ feature: Int
  ) throws(ExportError) -> Column {
    var picking = Picking(ColumnType(.int64), named: "_lsn", .lsn, cursors)
    var nothing: [UInt8] = []
    for label in 0..<chunk.count {
      let place = winners.places[winners.at(label, feature)]
      if place.isNone {
        picking.pickBlank(isFilled: false)
      } else if try picking.pick(place, label: -1) {
        try picking.flush(&nothing)
      }
    }
    return try picking.finish(&nothing)
  }
}

/// One column's values on their way from blocks into a chunk's column.
private struct Picking: ~Copyable {
  private let wanted: RunColumn
  private let cursors: [RunCursor]
  private var builder: ColumnBuilder
  private var picks: [ColumnPick] = []
  /// The label of each pick whose status depends on whether its value is null; below zero: none does.
  private var labels: [Int32] = []
  private var columns: [Column] = []
  private var slots: [UInt64: Int32] = [:]
  private var lastBlock: UInt64 = .max
  private var lastSlot: Int32 = 0
  private var lastCount = 0
  /// Of each column, so that nobody who asks needs to take it in hand.
  private var counts: [Int] = []
  private var haveNulls: [Bool] = []
  /// One row, what stands in a blank.
  private var filling: Column?
  private let fillingSlots: Int

  init(_ type: ColumnType, named name: String, _ wanted: RunColumn, _ cursors: [RunCursor]) {
    self.wanted = wanted
    self.cursors = cursors
    builder = ColumnBuilder(type, named: name)
    fillingSlots = 1
  }

  mutating func fill(with column: Column) { filling = column }

  mutating func pickBlank(isFilled: Bool) {
    if isFilled, filling != nil {
      // The first slot is the filling's.
      if columns.isEmpty { beginWindow() }
      picks.append(ColumnPick(0, 0))
    } else {
      picks.append(.null)
    }
    labels.append(-1)
  }

  private mutating func beginWindow() {
    slots.removeAll(keepingCapacity: true)
    lastBlock = .max
    append(filling ?? .nulls(count: 1))
  }

  private mutating func append(_ column: Column) {
    columns.append(column)
    counts.append(column.count)
    haveNulls.append(column.nullCount > 0)
  }

  /// True when so much is in hand that `flush` is due.
  mutating func pick(_ place: EventPlaceCode, label: Int) throws(ExportError) -> Bool {
    if columns.isEmpty { beginWindow() }
    let block = UInt64(truncatingIfNeeded: place.run) << 40 | UInt64(truncatingIfNeeded: place.block)
    if block != lastBlock {
      lastBlock = block
      if let known = slots[block] {
        lastSlot = known
      } else {
        lastSlot = Int32(truncatingIfNeeded: columns.count)
        slots[block] = lastSlot
        let read = try cursors[place.run].read(wanted, block: place.block)
        append(read ?? .nulls(count: EventPlaceCode.rowCountMax))
      }
      lastCount = counts[Int(lastSlot)]
    }
    let pick = ColumnPick(lastSlot, Int32(truncatingIfNeeded: place.row))
    guard place.row < lastCount else {
      throw .store(
        .history(.damaged(path: cursors[place.run].run.path, at: 0, "columns of a block have other rows")))
    }
    picks.append(pick)
    labels.append(Int32(truncatingIfNeeded: label))
    return columns.count > Self.blocksMax
  }

  /// Moves what was picked into the column, and notes which of it is null.
  mutating func flush(_ statuses: inout [UInt8]) throws(ExportError) {
    if !statuses.isEmpty {
      for (place, label) in labels.enumerated() where label >= 0 {
        let pick = picks[place]
        if haveNulls[Int(pick.column)], columns[Int(pick.column)].isNull(Int(pick.row)),
          statuses[Int(label)] == CellStatus.present.rawValue
        {
          statuses[Int(label)] = CellStatus.nullValue.rawValue
        }
      }
    }
    let (picked, from) = (picks, columns)
    do throws(ColumnarError) { try builder.append(picked.span, of: from) } catch { throw .columns(error) }
    picks.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    columns.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
    haveNulls.removeAll(keepingCapacity: true)
  }

  mutating func finish(_ statuses: inout [UInt8]) throws(ExportError) -> Column {
    try flush(&statuses)
    do throws(ColumnarError) { return try builder.finish() } catch { throw .columns(error) }
  }

  private static let blocksMax = 512
}
