// One block of a run after another, as events: the same page of every column. What comes out ascends by (key, stamp) and has the LSNs of the
// run's range; it is judged here, once, for cursors and single keys alike.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusSystem

/// Used by one thread.
struct RunBlocks: ~Copyable {
  private let file: any DiskFile
  private let tail: RunTail
  private let path: String
  private let attributes: RunAttributes
  private let lsns: LSNRange
  private var rows: ColumnEvents
  /// The columns of the row group that was read last, those that were asked for.
  private var columns: [PageColumn?] = []
  private var group = -1
  private var room = ParquetPageRoom()
  /// Also the columns that only people read.
  private let readsAll: Bool

  /// An array holds no pages' readers, which cannot be copied; it holds boxes of them.
  private final class PageColumn {
    var pages: ParquetPages
    init(_ pages: consuming ParquetPages) { self.pages = pages }
  }

  init(
    _ file: any DiskFile, _ tail: RunTail, path: String, _ attributes: RunAttributes, _ lsns: LSNRange,
    readsAll: Bool = false
  ) {
    self.readsAll = readsAll
    self.file = file
    self.tail = tail
    self.path = path
    self.attributes = attributes
    self.lsns = lsns
    rows = ColumnEvents(tail.schema, path: path)
  }

  var rowGroupCount: Int { tail.pages.rowGroups.count }
  func blockCount(of group: Int) -> Int { tail.pages.rowGroups[group].blockCount }

  /// All events of a block. The batch must be empty, or end in what comes before.
  mutating func read(_ group: Int, _ block: Int, into batch: inout EventBatch) throws(HistoryError) {
    var read: [Column?] = []
    for place in tail.schema.fields.indices {
      read.append(isForPeople(place) && !readsAll ? nil : try column(place, group, block))
    }
    if let keys = read[0] { try checkBounds(keys, group, block) }
    try append(read, rowCount: rowCount(group, block), group, block, to: &batch)
  }

  /// The events of a block that have this key.
  mutating func read(
    _ group: Int, _ block: Int, rowsOf key: [UInt8], into batch: inout EventBatch
  ) throws(HistoryError) {
    let keys = try column(0, group, block)
    try checkBounds(keys, group, block)
    let wanted = Self.rows(of: unsafe key.span.bytes, in: keys)
    if wanted.isEmpty { return }
    var read: [Column?] = []
    for place in tail.schema.fields.indices {
      if place == 0 {
        read.append(keys.slice(wanted))
      } else {
        read.append(isForPeople(place) ? nil : try column(place, group, block).slice(wanted))
      }
    }
    try append(read, rowCount: wanted.count, group, block, to: &batch)
  }

  /// The parts of the key; the key as Apus reads it is the first column.
  private func isForPeople(_ place: Int) -> Bool { place > 0 && place <= tail.schema.keys.count }

  private mutating func append(
    _ columns: [Column?], rowCount: Int, _ group: Int, _ block: Int, to batch: inout EventBatch
  ) throws(HistoryError) {
    let before = batch.count
    try rows.append(columns, rowCount: rowCount, at: at(group, block), to: &batch)
    for place in before..<batch.count {
      let head = batch.head(place)
      guard lsns.contains(head.lsn) else { throw .foreign(path: path, head.viewVersion, head.lsn) }
      guard place > 0 else { continue }
      try Self.checkOrder(batch, place - 1, place)
    }
  }

  /// That one event comes before another of the same batch. Not by places, which would share the batch for each event.
  private static func checkOrder(_ batch: EventBatch, _ first: Int, _ second: Int) throws(HistoryError) {
    let byKey = batch.key(first).compare(to: batch.key(second))
    if byKey < 0 { return }
    let head = batch.head(second)
    let stamp = batch.head(first).stamp
    guard byKey == 0, stamp < head.stamp else {
      throw byKey == 0 && stamp == head.stamp
        ? .twice(head.viewVersion, head.lsn) : .order(head.viewVersion, head.lsn)
    }
  }

  /// That one event comes before another.
  static func checkOrder(
    _ a: EventBatch, _ first: Int, _ b: EventBatch, _ second: Int
  ) throws(HistoryError) {
    let order = EventOrder.compare(EventPlace(a, first), EventPlace(b, second))
    guard order < 0 else {
      let head = b.head(second)
      throw order == 0 ? .twice(head.viewVersion, head.lsn) : .order(head.viewVersion, head.lsn)
    }
  }

  /// That the keys of a block lie in its bounds, by which keys are looked for: else a key that is there would not be found.
  private func checkBounds(_ keys: Column, _ group: Int, _ block: Int) throws(HistoryError) {
    guard keys.type.element == .bytes, keys.type.shape == .scalar, keys.nullCount == 0 else {
      throw .damaged(path: path, at: at(group, block), "its keys are not bytes")
    }
    guard keys.count > 0 else { return }
    let bounds = tail.pages.rowGroups[group]
    let (least, greatest) = (bounds.least[block], bounds.greatest[block])
    guard keys.bytes(0).compare(to: unsafe least.span.bytes) >= 0,
      keys.bytes(keys.count - 1).compare(to: unsafe greatest.span.bytes) <= 0
    else { throw .damaged(path: path, at: at(group, block), "its keys are not in their bounds") }
  }

  /// Where a key stands among keys that ascend.
  private static func rows(of key: RawSpan, in keys: Column) -> Range<Int> {
    func first(_ isBehind: (Int) -> Bool) -> Int {
      var low = 0
      var high = keys.count
      while low < high {
        let middle = (low + high) / 2
        if isBehind(keys.bytes(middle).compare(to: key)) { high = middle } else { low = middle + 1 }
      }
      return low
    }
    return first { $0 >= 0 }..<first { $0 > 0 }
  }

  /// What is held of the row group that was read last.
  var heldByteCount: Int { columns.reduce(0) { $0 + ($1?.pages.heldByteCount ?? 0) } }

  // MARK: Pages

  func rowCount(_ group: Int, _ block: Int) -> Int {
    tail.pages.rowGroups[group].chunks[0].pages[block].rowCount
  }

  /// Between them lie the keys of a block.
  func bounds(_ group: Int, _ block: Int) -> (least: [UInt8], greatest: [UInt8]) {
    (tail.pages.rowGroups[group].least[block], tail.pages.rowGroups[group].greatest[block])
  }

  private func at(_ group: Int, _ block: Int) -> UInt64 {
    tail.pages.rowGroups[group].chunks[0].pages[block].offset
  }

  private mutating func column(_ place: Int, _ group: Int, _ block: Int) throws(HistoryError) -> Column {
    if group != self.group {
      columns = [PageColumn?](repeating: nil, count: tail.schema.fields.count)
      self.group = group
    }
    let chunk = tail.pages.rowGroups[group].chunks[place]
    do throws(ColumnarError) {
      let box: PageColumn
      if let open = columns[place] {
        box = open
      } else {
        box = PageColumn(
          try ParquetPages.of(
            .file(file), size: attributes.tailAt, tail.forms[place], codec: chunk.codec,
            dictionary: chunk.dictionary))
        columns[place] = box
        // Whoever looks at everything also looks at a dictionary that no page uses.
        if readsAll { try box.pages.readDictionary(in: &room) }
      }
      return try box.pages.read(chunk.pages[block], in: &room)
    } catch {
      throw .columns(path: path, error)
    }
  }
}

/// All events of a run, block by block.
final class RunCursor: EventCursor {
  private var state: State
  private var batch = EventBatch()
  private var at = -1
  private var group = 0
  private var block = 0

  /// A class cannot lend what it holds and change it; a struct can.
  private struct State: ~Copyable { var blocks: RunBlocks }

  init(_ blocks: consuming RunBlocks, from start: (group: Int, block: Int) = (0, 0)) {
    state = State(blocks: blocks)
    (group, block) = start
  }

  var current: EventPlace { EventPlace(batch, at) }

  func advance() throws(HistoryError) -> Bool {
    if at + 1 < batch.count {
      at += 1
      return true
    }
    while group < state.blocks.rowGroupCount {
      if block == state.blocks.blockCount(of: group) {
        group += 1
        block = 0
        continue
      }
      var next = EventBatch()
      try state.blocks.read(group, block, into: &next)
      if !batch.isEmpty, !next.isEmpty { try RunBlocks.checkOrder(batch, batch.count - 1, next, 0) }
      block += 1
      guard !next.isEmpty else { continue }
      batch = next
      at = 0
      return true
    }
    at = batch.count
    return false
  }
}
