// Which rows may matter to somebody who asks for a range of values: decided by bounds in the footer and the page index,
// without a look at a value. A bound that is missing, or whose order nobody states, excludes nothing.

/// A closed range that a value must lie in. Nulls lie in none.
package enum ParquetRange: Equatable, Sendable {
  /// For integers, timestamps, dates and bools (0 and 1).
  case integers(ClosedRange<Int64>)
  /// For strings and bytes, in the order of bytes; nil is no bound.
  case bytes(from: [UInt8]?, through: [UInt8]?)
}

package struct ParquetPredicate: Equatable, Sendable {
  package let column: String
  package let bounds: ParquetRange

  package init(_ column: String, in bounds: ParquetRange) {
    self.column = column
    self.bounds = bounds
  }
}

/// A page, by the rows that it holds and where it is.
struct ParquetPageRows {
  let rows: Range<Int>
  let bytes: Range<UInt64>
}

extension ParquetReader {
  /// The rows of a row group in which all predicates may hold: in order, not touching; none when none can. Lists and
  /// floats exclude nothing.
  package func rows(
    inRowGroup rowGroup: Int, where predicates: [ParquetPredicate]
  ) throws(ColumnarError) -> [Range<Int>] {
    guard footer.rowGroups.indices.contains(rowGroup) else {
      throw .damaged("there is no such row group", at: ColumnarPlace(rowGroup: rowGroup))
    }
    let count = rowCount(ofRowGroup: rowGroup)
    var held = count == 0 ? [] : [0..<count]
    for predicate in predicates {
      for (leaf, ordinal) in try leaves([predicate.column]) where !leaf.isList {
        let place = ColumnarPlace(column: leaf.field.name, rowGroup: rowGroup)
        guard let metadata = footer.rowGroups[rowGroup].columns[ordinal].metadata else { continue }
        let order = ParquetOrder(leaf, isStated: orderIsStated(ordinal))
        if let statistics = metadata.statistics {
          let isAllNull = statistics.nullCount == metadata.valueCount && count > 0
          let old = order.trustsOldBounds
          let (low, high) = (
            statistics.min ?? (old ? statistics.legacyMin : nil),
            statistics.max ?? (old ? statistics.legacyMax : nil)
          )
          if isAllNull || order.excludes(predicate.bounds, min: low, max: high) { return [] }
        }
        held = try narrow(held, predicate.bounds, order, ordinal, rowGroup, place)
      }
    }
    return held
  }

  private func orderIsStated(_ ordinal: Int) -> Bool {
    guard let orders = footer.columnOrders, orders.indices.contains(ordinal) else { return false }
    return orders[ordinal] == .byType
  }

  private func narrow(
    _ held: [Range<Int>], _ bounds: ParquetRange, _ order: ParquetOrder, _ ordinal: Int, _ rowGroup: Int,
    _ place: ColumnarPlace
  ) throws(ColumnarError) -> [Range<Int>] {
    guard !held.isEmpty, let index = try columnIndex(ordinal, rowGroup, place),
      let pages = try offsetIndex(ordinal, rowGroup, place)
    else { return held }
    guard index.isNullPage.count == pages.count, index.min.count == pages.count,
      index.max.count == pages.count
    else {
      throw .damaged("bounds of \(index.min.count) pages where there are \(pages.count)", at: place)
    }
    var kept: [Range<Int>] = []
    for (page, place) in pages.enumerated() {
      if index.isNullPage[page] || order.excludes(bounds, min: index.min[page], max: index.max[page]) {
        continue
      }
      for range in held where range.overlaps(place.rows) {
        let part = range.clamped(to: place.rows)
        if let last = kept.last, last.upperBound == part.lowerBound {
          kept[kept.count - 1] = last.lowerBound..<part.upperBound
        } else {
          kept.append(part)
        }
      }
    }
    return kept
  }
}

// MARK: - Bounds

/// How a column's bounds are read and compared.
struct ParquetOrder {
  let leaf: ParquetLayout
  /// Whether the footer says that bounds order as the type does; without that they mean nothing.
  let isStated: Bool

  init(_ leaf: ParquetLayout, isStated: Bool) {
    self.leaf = leaf
    self.isStated = isStated
  }

  /// The oldest bounds compared all as signed, which is right for signed numbers only.
  var trustsOldBounds: Bool {
    switch leaf.field.type.element {
    case .int8, .int16, .int32, .int64, .date, .timestamp: leaf.storage != .int96
    default: false
    }
  }

  /// Whether no value from `min` to `max` lies within the bounds; false when in doubt.
  func excludes(_ bounds: ParquetRange, min: [UInt8]?, max: [UInt8]?) -> Bool {
    guard isStated || trustsOldBounds else { return false }
    switch bounds {
    case .integers(let range):
      if let low = min.flatMap(integer), low > Wide(range.upperBound) { return true }
      if let high = max.flatMap(integer), high < Wide(range.lowerBound) { return true }
      return false
    case .bytes(let from, let through):
      guard leaf.field.type.element.isVariable else { return false }
      if let min, let through, through.lexicographicallyPrecedes(min) { return true }
      if let max, let from, max.lexicographicallyPrecedes(from) { return true }
      return false
    }
  }

  /// Holds every Int64 and every UInt64.
  private typealias Wide = Int128

  private func integer(_ bound: [UInt8]) -> Wide? {
    let bytes = unsafe bound.span.bytes
    switch (leaf.storage, leaf.field.type.element) {
    case (.bool, _): return bound.count == 1 ? Wide(bound[0]) : nil
    case (_, .float32), (_, .float64), (_, .null): return nil
    case (.int32, .uint8), (.int32, .uint16), (.int32, .uint32):
      return bound.count == 4 ? Wide(bytes.unsafeInteger(0, as: UInt32.self)) : nil
    case (.int32, _): return bound.count == 4 ? Wide(bytes.unsafeInteger(0, as: Int32.self)) : nil
    case (.int64, .uint64): return bound.count == 8 ? Wide(bytes.unsafeInteger(0, as: UInt64.self)) : nil
    case (.int64, _): return bound.count == 8 ? Wide(bytes.unsafeInteger(0, as: Int64.self)) : nil
    default: return nil
    }
  }
}

// MARK: - The page index

extension ParquetReader {
  /// Where the pages of a chunk are and which rows they hold, or nil when the file does not say.
  func offsetIndex(
    _ ordinal: Int, _ rowGroup: Int, _ place: ColumnarPlace
  ) throws(ColumnarError) -> [ParquetPageRows]? {
    let chunk = footer.rowGroups[rowGroup].columns[ordinal]
    guard let bytes = try indexBytes(chunk.offsetIndexOffset, chunk.offsetIndexByteCount, place) else {
      return nil
    }
    let index: ParquetOffsetIndex
    do throws(ThriftError) {
      var reader = ThriftReader(unsafe bytes.span.bytes)
      index = try ParquetOffsetIndex(from: &reader)
    } catch {
      throw .damaged("the offset index: \(error)", at: place)
    }
    var pages: [ParquetPageRows] = []
    let count = Int64(truncatingIfNeeded: rowCount(ofRowGroup: rowGroup))
    for (number, page) in index.pages.enumerated() {
      let next = number + 1 < index.pages.count ? index.pages[number + 1].firstRow : count
      guard page.offset >= 0, page.byteCount > 0, page.firstRow >= 0, page.firstRow <= next, next <= count,
        number > 0 || page.firstRow == 0, UInt64(page.offset) <= size
      else { throw .damaged("the offset index: page \(number) cannot be there", at: place) }
      let start = UInt64(page.offset)
      pages.append(
        ParquetPageRows(
          rows: Int(truncatingIfNeeded: page.firstRow)..<Int(truncatingIfNeeded: next),
          bytes: start..<(start + UInt64(page.byteCount))))
    }
    return pages.isEmpty ? nil : pages
  }

  private func columnIndex(
    _ ordinal: Int, _ rowGroup: Int, _ place: ColumnarPlace
  ) throws(ColumnarError) -> ParquetColumnIndex? {
    let chunk = footer.rowGroups[rowGroup].columns[ordinal]
    guard let bytes = try indexBytes(chunk.columnIndexOffset, chunk.columnIndexByteCount, place) else {
      return nil
    }
    do throws(ThriftError) {
      var reader = ThriftReader(unsafe bytes.span.bytes)
      return try ParquetColumnIndex(from: &reader)
    } catch {
      throw .damaged("the column index: \(error)", at: place)
    }
  }

  private func indexBytes(
    _ offset: Int64?, _ count: Int32?, _ place: ColumnarPlace
  ) throws(ColumnarError) -> [UInt8]? {
    guard let offset, let count, offset > 0, count > 0 else { return nil }
    guard count <= limits.footerBytesMax else {
      throw .tooLarge("a page index", claimed: UInt64(count), limit: UInt64(limits.footerBytesMax), at: place)
    }
    let start = UInt64(offset)
    return try source.read(start..<(start + UInt64(count)), of: size, at: place)
  }
}
