// A run, as a sweep goes over it: the keys and times of one block at a time, and what its events speak of. Blocks that hold no wanted key are
// not read. Keys and event times ascend; what does not is damage, since everything that is found rests on it.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusStore

/// Owned by one thread.
final class RunCursor {
  let run: RunReader
  private let table: RunBlockTable
  private var columns: RunColumns
  /// Which features are asked for, by their index in the view.
  private let features: [Int]
  private let mode: Sight.Line
  /// Words of a mask.
  let maskWords: Int

  private(set) var block = -1
  private(set) var rowCount = 0
  private var keys: Column?
  private(set) var eventTimes: [UInt8] = []
  /// Known at, event time or LSN: what limits are compared with.
  private(set) var entries: [UInt8] = []
  /// A bitmap; empty when no event of the block is a delete.
  private(set) var deleted: [UInt8] = []
  /// Of each row; empty when each event of the block speaks of everything that is asked for.
  private(set) var masks: [UInt64] = []
  private var ownLSNs: [UInt8]?
  private var ownCreatedAts: [UInt8]?
  /// The next event.
  var row = 0
  /// Where the events of the key that was sought end in this block.
  private(set) var end = 0

  init(_ run: RunReader, features: [Int], _ mode: Sight.Line) {
    self.run = run
    table = run.blockTable
    columns = run.columns()
    self.features = features
    self.mode = mode
    maskWords = (features.count + 63) / 64
  }

  // MARK: Keys

  /// Goes to the first event of a key; false when there is none.
  func seek(_ key: RawSpan) throws(ExportError) -> Bool {
    if block >= 0, let keys, rowCount > 0 {
      let last = keys.bytes(rowCount - 1).compare(to: key)
      if last < 0 {
        guard try load(table.first(reaching: key, from: block + 1)) else { return false }
      } else if keys.bytes(0).compare(to: key) >= 0 {
        // It may have begun in a block before.
        guard try load(table.first(reaching: key)) else { return false }
      } else if row > 0, keys.bytes(row - 1).compare(to: key) >= 0 {
        // Or before where the last labels left off.
        row = 0
      }
    } else {
      guard try load(table.first(reaching: key)) else { return false }
    }
    row = firstRow(from: row, key) { $0 < 0 }
    // The block's bounds say that the key may be here, and not that it is.
    guard row < rowCount, let keys, keys.bytes(row).compare(to: key) == 0 else { return false }
    end = firstRow(from: row, key) { $0 == 0 }
    return true
  }

  /// Behind the last event of the key in this block: whether it goes on in the next.
  func goesOn(_ key: RawSpan) throws(ExportError) -> Bool {
    guard end == rowCount, block + 1 < table.count,
      unsafe table.least(block + 1).span.bytes.compare(to: key) <= 0
    else { return false }
    guard try load(block + 1), let keys, keys.bytes(0).compare(to: key) == 0 else { return false }
    end = firstRow(from: 0, key) { $0 == 0 }
    return true
  }

  /// The first row from `start` on for which `isBefore` ends to hold of its key's order: by steps that double, since it is mostly near.
  private func firstRow(from start: Int, _ key: RawSpan, _ isBefore: (Int) -> Bool) -> Int {
    guard let keys else { return rowCount }
    var low = start
    var high = start
    var step = 1
    while high < rowCount, isBefore(keys.bytes(high).compare(to: key)) {
      low = high + 1
      high = min(rowCount, high + step)
      step *= 2
    }
    while low < high {
      let middle = (low + high) / 2
      if isBefore(keys.bytes(middle).compare(to: key)) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Blocks

  private func load(_ wanted: Int) throws(ExportError) -> Bool {
    row = 0
    end = 0
    guard wanted < table.count else {
      block = -1
      rowCount = 0
      keys = nil
      return false
    }
    if wanted == block { return true }
    block = wanted
    let keys = try column(.key)
    self.keys = keys
    rowCount = keys.count
    eventTimes = try column(.eventTime).values
    ownLSNs = nil
    ownCreatedAts = nil
    switch mode {
    case .known: entries = try column(.knownAt).values
    case .happened: entries = eventTimes
    case .all: entries = try lsns()
    }
    let deletes = try column(.isDeleted)
    deleted = deletes.values.allSatisfy { $0 == 0 } ? [] : deletes.values
    try readMasks()
    try checkOrder()
    return true
  }

  /// A column that every run has.
  private func column(_ wanted: RunColumn) throws(ExportError) -> Column {
    guard let column = try read(wanted, block: block) else {
      throw .store(.history(damage("a column is missing")))
    }
    guard wanted == .key || column.count == rowCount else {
      throw .store(.history(damage("columns of a block have other rows")))
    }
    return column
  }

  /// Nil for a feature that the run does not have.
  func read(_ wanted: RunColumn, block: Int) throws(ExportError) -> Column? {
    do throws(HistoryError) { return try columns.read(wanted, block: block) } catch {
      throw .store(.history(error))
    }
  }

  private func damage(_ what: String) -> HistoryError { .damaged(path: run.path, at: 0, what) }

  /// Of the block, 8 bytes each, read when they are first asked for.
  func lsns() throws(ExportError) -> [UInt8] {
    if let ownLSNs { return ownLSNs }
    let read = try column(.lsn).values
    ownLSNs = read
    return read
  }

  func createdAts() throws(ExportError) -> [UInt8] {
    if let ownCreatedAts { return ownCreatedAts }
    let read = try column(.createdAt).values
    ownCreatedAts = read
    return read
  }

  private func checkOrder() throws(ExportError) {
    let times = eventTimes
    guard let keys else { return }
    for row in 1..<max(1, rowCount)
    where Self.number(times, row) < Self.number(times, row - 1)
      && keys.bytes(row).compare(to: keys.bytes(row - 1)) <= 0
    { throw .store(.history(damage("its events do not ascend"))) }
  }

  /// An element of 8 bytes; the column was checked to have as many rows as the block.
  @inline(__always)
  static func number(_ values: [UInt8], _ row: Int) -> Int64 {
    Int64(
      littleEndian: unsafe values.span.bytes.unsafeLoadUnaligned(fromByteOffset: row &* 8, as: Int64.self))
  }

  // MARK: What events speak of

  private func readMasks() throws(ExportError) {
    masks.removeAll(keepingCapacity: true)
    var saids: [[UInt8]?] = []
    var isComplete = true
    let byteCount = Bitmap.byteCount(bits: rowCount)
    for feature in features {
      let said = try read(.said(feature), block: block)
      if let said, said.count != rowCount {
        throw .store(.history(damage("columns of a block have other rows")))
      }
      saids.append(said?.values)
      if isComplete { isComplete = Self.speaks(said?.values, deleted, byteCount, rowCount) }
    }
    if isComplete { return }
    masks = [UInt64](repeating: 0, count: rowCount * maskWords)
    for (place, said) in saids.enumerated() {
      let bit: UInt64 = 1 << UInt64(place & 63)
      for row in 0..<rowCount
      where said.map({ Bitmap.isSet($0, row) }) ?? false || !deleted.isEmpty && Bitmap.isSet(deleted, row) {
        masks[row * maskWords + place >> 6] |= bit
      }
    }
  }

  /// Whether every event of the block speaks of a feature, or is a delete, which speaks of all.
  private static func speaks(_ said: [UInt8]?, _ deleted: [UInt8], _ byteCount: Int, _ rowCount: Int) -> Bool
  {
    for byte in 0..<byteCount {
      let all = (said?[byte] ?? 0) | (deleted.isEmpty ? 0 : deleted[byte])
      let wanted: UInt8 = byte < rowCount / 8 ? 0xff : (1 << UInt8(truncatingIfNeeded: rowCount % 8)) &- 1
      if all & wanted != wanted { return false }
    }
    return true
  }
}
