// Single columns of single blocks of a run, for whoever does not want whole events: a join looks at keys and times of many events and takes
// values of few. What a page's checksum does not say is judged here: types, bounds of keys, and that nothing is null which must be there.

import ApusBytes
package import ApusColumnar
import ApusSystem

/// A column of a run, by what it means.
package enum RunColumn: Hashable, Sendable {
  case key
  case eventTime, createdAt, knownAt, lsn, isKnownAtAssumed, isDeleted
  /// The value of a feature, and whether anything is said of it, by the feature's index.
  case value(Int)
  case said(Int)
}

extension RunReader {
  /// Where blocks lie, counted through all row groups.
  package var blockTable: RunBlockTable { RunBlockTable(tail.pages) }

  /// A reader of columns, for one thread.
  package func columns() -> RunColumns { RunColumns(file, tail, path: path, attributes) }
}

/// The blocks of a run, counted through its row groups.
package struct RunBlockTable: Sendable {
  private let pages: RunPages
  /// The number of each row group's first block.
  private let starts: [Int]
  package let count: Int

  init(_ pages: RunPages) {
    self.pages = pages
    var starts: [Int] = []
    var next = 0
    for group in pages.rowGroups {
      starts.append(next)
      next += group.blockCount
    }
    self.starts = starts
    count = next
  }

  func place(_ block: Int) -> (group: Int, block: Int) {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= block { low = middle + 1 } else { high = middle }
    }
    return (low - 1, block - starts[low - 1])
  }

  package func rowCount(_ block: Int) -> Int {
    let (group, own) = place(block)
    return pages.rowGroups[group].chunks[0].pages[own].rowCount
  }

  /// Bounds of a block's keys.
  package func least(_ block: Int) -> [UInt8] {
    let (group, own) = place(block)
    return pages.rowGroups[group].least[own]
  }

  package func greatest(_ block: Int) -> [UInt8] {
    let (group, own) = place(block)
    return pages.rowGroups[group].greatest[own]
  }

  /// The first block that may hold a key or one behind it, from `start` on; `count` when none does.
  package func first(reaching key: RawSpan, from start: Int = 0) -> Int {
    func isBefore(_ block: Int) -> Bool {
      let (group, own) = place(block)
      let greatest = pages.rowGroups[group].greatest[own]
      return unsafe greatest.span.bytes.compare(to: key) < 0
    }
    // Mostly it is near.
    var low = start
    var high = start
    var step = 1
    while high < count, isBefore(high) {
      low = high + 1
      high = min(count, high + step)
      step *= 2
    }
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Used by one thread.
package struct RunColumns: ~Copyable {
  private let file: any DiskFile
  private let tail: RunTail
  private let path: String
  private let attributes: RunAttributes
  private let table: RunBlockTable
  /// Of the row group that was read last, those that were asked for.
  private var open: [PageColumn?] = []
  private var group = -1
  private var room = ParquetPageRoom()

  /// An array holds no pages' readers, which cannot be copied; it holds boxes of them.
  private final class PageColumn {
    var pages: ParquetPages
    init(_ pages: consuming ParquetPages) { self.pages = pages }
  }

  init(_ file: any DiskFile, _ tail: RunTail, path: String, _ attributes: RunAttributes) {
    self.file = file
    self.tail = tail
    self.path = path
    self.attributes = attributes
    table = RunBlockTable(tail.pages)
  }

  /// A column of a block. Nil for a feature that the run does not have, since it is younger.
  package mutating func read(_ wanted: RunColumn, block: Int) throws(HistoryError) -> Column? {
    guard let place = place(of: wanted) else { return nil }
    let (group, own) = table.place(block)
    let column = try page(place, group, own)
    let field = tail.schema.fields[place]
    let isScalar = column.type.shape == .scalar
    guard column.type.element == field.type.element, isScalar == (field.type.shape == .scalar),
      field.isNullable || column.nullCount == 0
    else { throw fault(group, own, "the column \(field.name) is not what it should be") }
    if case .key = wanted { try checkBounds(column, group, own) }
    return column
  }

  private func place(of wanted: RunColumn) -> Int? {
    let schema = tail.schema
    return switch wanted {
    case .key: 0
    case .eventTime: schema.place(of: .eventTime)
    case .createdAt: schema.place(of: .createdAt)
    case .knownAt: schema.place(of: .knownAt)
    case .lsn: schema.place(of: .lsn)
    case .isKnownAtAssumed: schema.place(of: .isKnownAtAssumed)
    case .isDeleted: schema.place(of: .isDeleted)
    case .value(let index): index < schema.features.count ? schema.place(ofFeature: index) : nil
    case .said(let index): index < schema.features.count ? schema.place(ofSaid: index) : nil
    }
  }

  private func fault(_ group: Int, _ block: Int, _ what: String) -> HistoryError {
    .damaged(path: path, at: tail.pages.rowGroups[group].chunks[0].pages[block].offset, what)
  }

  private func checkBounds(_ keys: Column, _ group: Int, _ block: Int) throws(HistoryError) {
    guard keys.count > 0 else { return }
    let bounds = tail.pages.rowGroups[group]
    let (least, greatest) = (bounds.least[block], bounds.greatest[block])
    guard keys.bytes(0).compare(to: unsafe least.span.bytes) >= 0,
      keys.bytes(keys.count - 1).compare(to: unsafe greatest.span.bytes) <= 0
    else { throw fault(group, block, "its keys are not in their bounds") }
  }

  private mutating func page(_ place: Int, _ group: Int, _ block: Int) throws(HistoryError) -> Column {
    if group != self.group {
      open = [PageColumn?](repeating: nil, count: tail.schema.fields.count)
      self.group = group
    }
    let chunk = tail.pages.rowGroups[group].chunks[place]
    do throws(ColumnarError) {
      let box: PageColumn
      if let known = open[place] {
        box = known
      } else {
        box = PageColumn(
          try ParquetPages.of(
            .file(file), size: attributes.tailAt, tail.forms[place], codec: chunk.codec,
            dictionary: chunk.dictionary))
        open[place] = box
      }
      return try box.pages.read(chunk.pages[block], in: &room)
    } catch {
      throw .columns(path: path, error)
    }
  }
}
