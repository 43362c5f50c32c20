// Where the cells of a chunk's labels came from: for each label the greatest moment, or LSN, of the events that won for a view; known-ats and LSNs are read from
// the events, at the places that values are read from. It goes the way of the cells and is compared with the row's own time when the row is
// written, so whoever picked the winners does not vouch for itself.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory

struct Trail {
  private let winners: Winners
  /// By place: known-ats, or LSNs.
  private let entries: Column

  init(_ winners: Winners, _ gather: CellGather, _ mode: Sight.Line) throws(ExportError) {
    self.winners = winners
    // *As happened* known-ats decide nothing, and are counted.
    entries = try gather.numbers(mode == .all ? .lsn : .knownAt, winners)
  }

  /// The type of its column.
  static func type(_ mode: Sight.Line) -> ColumnType {
    mode == .all ? ColumnType(.int64) : ExportColumnKind.momentType
  }

  /// What must not be behind a label: event times, *as known* also known-ats, or LSNs. Null where nothing was seen.
  func column(_ mode: Sight.Line) throws(ExportError) -> Column {
    // Mostly each label has one place, which is null where nothing was seen, and nothing was known before it was so.
    let isPlain = winners.places.count == winners.firsts.count
    if mode == .all ? isPlain : mode == .known && isPlain && isNowhereLate { return entries }
    var builder = ColumnBuilder(Self.type(mode), named: "the trail", capacity: winners.firsts.count)
    for label in winners.firsts.indices {
      let first = winners.firsts[label]
      var most: Int64?
      for place in first..<(first + (winners.isSplit[label] ? winners.featureCount : 1))
      where !winners.places[place].isNone {
        if mode != .happened { most = max(most ?? .min, entries.load(place, as: Int64.self)) }
        if mode != .all { most = max(most ?? .min, winners.times[place]) }
      }
      if let most { builder.append(most) } else { builder.appendNull() }
    }
    do throws(ColumnarError) { return try builder.finish() } catch { throw .columns(error) }
  }

  /// Whether no event time lies behind its known-at.
  private var isNowhereLate: Bool {
    let bytes = entries.valueBytes
    for place in winners.times.indices {
      // There is a number of 8 bytes for each place.
      let known = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place &* 8, as: Int64.self)
      if winners.times[place] > Int64(littleEndian: known), !winners.places[place].isNone { return false }
    }
    return true
  }

  /// Cells of a feature that were filled from an event that was not known by what the label sees.
  func notKnownThen(
    _ chunk: borrowing LabelChunk, _ feature: Int, _ cells: CellColumn, _ options: ExportOptions
  ) -> Int {
    var found = 0
    for label in cells.statuses.indices {
      let status = cells.statuses[label]
      let isFilled =
        status == CellStatus.present.rawValue || status == CellStatus.nullValue.rawValue
        || options.staleOK && status == CellStatus.outsideMaxAge.rawValue
      guard isFilled else { continue }
      if entries.load(winners.at(label, feature), as: Int64.self) > chunk.limits[label] { found += 1 }
    }
    return found
  }
}
