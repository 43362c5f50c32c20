// Where the pages of a run lie and what they must be. Made only of a tail whose digest is the one in the manifest, and only when they fill
// all of the file between its first four bytes and its tail: so every byte of a run is under a checksum that knows its place.

import ApusBytes
import ApusColumnar

struct RunPages: Sendable {
  /// The pages of one column of one row group.
  struct Chunk: Sendable {
    let codec: ParquetCodec
    let dictionary: ParquetPagePlace?
    let pages: [ParquetPagePlace]
  }

  struct RowGroup: Sendable {
    /// One for each column.
    let chunks: [Chunk]
    /// For each block a lower and an upper bound of its keys: ascending, as the keys do.
    let least: [[UInt8]]
    let greatest: [[UInt8]]

    var blockCount: Int { least.count }
  }

  let rowGroups: [RowGroup]
  let blockCount: Int

  /// The checksums of the pages, in the order of the metadata `apus.pages`: a dictionary before the pages of its column.
  static func crcs(of groups: [ParquetSummary.RowGroup]) -> [UInt32] {
    groups.flatMap(\.columns).flatMap { column in
      (column.dictionary.map { [$0.crc] } ?? []) + column.pages.map(\.crc)
    }
  }

  /// Judges what a tail says. `tail` begins at `tailAt`.
  init(
    _ footer: ParquetFooter, _ crcs: [UInt32], columns: Int, tail: RawSpan, at tailAt: UInt64, path: String
  ) throws(HistoryError) {
    var reader = RunPagesReader(tail: tail, at: tailAt, path: path, crcs)
    var groups: [RowGroup] = []
    var blocks = 0
    for group in footer.rowGroups {
      let one = try reader.rowGroup(group, columns: columns)
      // Each block takes bytes of the tail.
      blocks &+= one.blockCount
      groups.append(one)
    }
    try reader.finish()
    rowGroups = groups
    blockCount = blocks
  }
}

/// Goes over the row groups in their order, and over the file with them: each page begins where the one before ended.
private struct RunPagesReader: ~Escapable {
  private let tail: RawSpan
  private let tailAt: UInt64
  private let path: String
  private let crcs: [UInt32]
  private var nextCRC = 0
  private var end = UInt64(RunFormat.magicByteCount)

  @_lifetime(copy tail)
  init(tail: RawSpan, at tailAt: UInt64, path: String, _ crcs: [UInt32]) {
    self.tail = tail
    self.tailAt = tailAt
    self.path = path
    self.crcs = crcs
  }

  @_lifetime(self: copy self)
  mutating func rowGroup(_ group: ParquetRowGroup, columns: Int) throws(HistoryError) -> RunPages.RowGroup {
    guard group.columns.count == columns, group.rowCount > 0 else { throw fault("a row group's columns") }
    var chunks: [RunPages.Chunk] = []
    var rows: [Int]?
    for column in group.columns {
      let chunk = try chunk(column, rowCount: group.rowCount)
      let own = chunk.pages.map(\.rowCount)
      guard rows == nil || rows == own else { throw fault("pages of two columns that have other rows") }
      rows = own
      chunks.append(chunk)
    }
    guard let keys = group.columns.first, let rows else { throw fault("a row group without columns") }
    let index: ParquetColumnIndex = try thrift(keys.columnIndexOffset, keys.columnIndexByteCount) {
      r throws(ThriftError) in try ParquetColumnIndex(from: &r)
    }
    guard index.min.count == rows.count, index.max.count == rows.count else { throw fault("bounds of keys") }
    for place in index.min.indices.dropFirst() {
      let (before, here) = (index.min[place - 1], index.min[place])
      guard !here.lexicographicallyPrecedes(before),
        !index.max[place].lexicographicallyPrecedes(index.max[place - 1])
      else { throw fault("keys that do not ascend") }
    }
    return RunPages.RowGroup(chunks: chunks, least: index.min, greatest: index.max)
  }

  @_lifetime(self: copy self)
  private mutating func chunk(
    _ column: ParquetColumnChunk, rowCount: Int64
  ) throws(HistoryError) -> RunPages.Chunk {
    guard let metadata = column.metadata, column.filePath == nil, !column.isEncrypted else {
      throw fault("a column that lies elsewhere")
    }
    let index: ParquetOffsetIndex = try thrift(column.offsetIndexOffset, column.offsetIndexByteCount) {
      r throws(ThriftError) in try ParquetOffsetIndex(from: &r)
    }
    guard let first = index.pages.first, let firstAt = UInt64(exactly: first.offset), firstAt >= end else {
      throw fault("a page that is not in its place")
    }
    // What stands before the first page is the dictionary.
    var dictionary: ParquetPagePlace?
    if firstAt > end { dictionary = try page(firstAt &- end, rowCount: 0) }
    var pages: [ParquetPagePlace] = []
    for (place, location) in index.pages.enumerated() {
      let next = place + 1 < index.pages.count ? index.pages[place + 1].firstRow : rowCount
      let (rows, isFar) = next.subtractingReportingOverflow(location.firstRow)
      guard !isFar, rows > 0, place > 0 || location.firstRow == 0, location.offset == Int64(clamping: end),
        let count = Int(exactly: rows), count <= RunFormat.blockRowsLimit,
        let byteCount = UInt64(exactly: location.byteCount)
      else { throw fault("a page that is not in its place") }
      pages.append(try page(byteCount, rowCount: count))
    }
    return RunPages.Chunk(codec: metadata.codec, dictionary: dictionary, pages: pages)
  }

  /// The page that begins where the one before ended.
  @_lifetime(self: copy self)
  private mutating func page(_ byteCount: UInt64, rowCount: Int) throws(HistoryError) -> ParquetPagePlace {
    guard byteCount > 0, end <= tailAt, byteCount <= tailAt &- end, let count = Int(exactly: byteCount) else {
      throw fault("a page that reaches into the tail")
    }
    guard nextCRC < crcs.count else { throw fault("a page without a checksum") }
    let place = ParquetPagePlace(offset: end, byteCount: count, crc32c: crcs[nextCRC], rowCount: rowCount)
    nextCRC &+= 1
    end &+= byteCount
    return place
  }

  private func thrift<T>(
    _ offset: Int64?, _ byteCount: Int32?, _ read: (inout ThriftReader) throws(ThriftError) -> T
  ) throws(HistoryError) -> T {
    guard let offset, let start = UInt64(exactly: offset), start >= tailAt,
      let from = Int(exactly: start &- tailAt), from <= tail.byteCount,
      let byteCount, let count = Int(exactly: byteCount), count >= 0, count <= tail.byteCount &- from
    else { throw fault("an index that is not in the tail") }
    var reader = ThriftReader(tail.extracting(from..<(from &+ count)))
    do throws(ThriftError) { return try read(&reader) } catch { throw fault("an index: \(error)") }
  }

  func finish() throws(HistoryError) {
    guard end == tailAt else { throw fault("bytes between pages and tail") }
    guard nextCRC == crcs.count else { throw fault("checksums of no page") }
  }

  private func fault(_ what: String) -> HistoryError {
    .damaged(path: path, at: tailAt, "its tail tells of \(what)")
  }
}
