// Which row of one set is which row of the other. Of one spine it is the row at the same place; else rows of one name belong together, the first of a name
// in A with the first in B, the second with the second, and what is left over is only in one.
//
// Of a set no more is held than a bit for each row: names are sorted outside, and B's cells are put into A's order outside.

import ApusBytes
import ApusColumnar
import ApusSystem

/// Rows that belong together: the same number of each, in the order of A.
struct DiffPairs {
  var a: [Column]
  var b: [Column]
  var count: Int { a.first?.count ?? 0 }
}

/// Rows that only one set has, some of them shown.
package struct DiffLoners: Sendable {
  package private(set) var count = 0
  package private(set) var shown: [DiffRow] = []
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func take(_ name: DiffRowName, _ columns: [Column], _ row: Int) {
    count += 1
    if shown.count < limit { shown.append(DiffRow(name, columns, row)) }
  }
}

/// A row, as people know it.
package struct DiffRow: Equatable, Sendable {
  package struct Part: Equatable, Sendable {
    package var name: String
    package var value: String?
  }
  package var key: [Part]
  package var time: Int64?
  package var lsn: Int64?

  init(_ name: DiffRowName, _ columns: [Column], _ row: Int) {
    key = name.key(columns, row).map { Part(name: $0.name, value: $0.value) }
    time = name.time(columns, row)
    lsn = name.lsn(columns, row)
  }
}

/// Gives pairs, batch by batch.
struct DiffMatching {
  let a: DiffSide
  let b: DiffSide
  let sourceA: any SpineSource
  let sourceB: any SpineSource
  let memory: Int
  let scratch: ScratchFiles
  var onlyA: DiffLoners
  var onlyB: DiffLoners

  init(
    _ a: DiffSide, _ sourceA: any SpineSource, _ b: DiffSide, _ sourceB: any SpineSource, limit: Int,
    memory: Int, scratch: ScratchFiles
  ) {
    (self.a, self.b, self.sourceA, self.sourceB) = (a, b, sourceA, sourceB)
    self.memory = memory
    self.scratch = scratch
    onlyA = DiffLoners(limit: limit)
    onlyB = DiffLoners(limit: limit)
  }

  mutating func run(_ body: (DiffPairs) throws(DiffError) -> Void) throws(DiffError) {
    if a.spineDigest == b.spineDigest {
      try byPlace(body)
    } else {
      try byName(body)
    }
  }

  // MARK: By place

  private func byPlace(_ body: (DiffPairs) throws(DiffError) -> Void) throws(DiffError) {
    let readingA = try DiffReading(a, sourceA)
    let readingB = try DiffReading(b, sourceB)
    var (restA, restB): ([Column], [Column]) = ([], [])
    while true {
      if restA.first?.count ?? 0 == 0 { restA = try readingA.next() ?? [] }
      if restB.first?.count ?? 0 == 0 { restB = try readingB.next() ?? [] }
      guard let countA = restA.first?.count, let countB = restB.first?.count else { break }
      let count = min(countA, countB)
      try body(
        DiffPairs(
          a: restA.map { $0.slice(0..<count) }, b: restB.map { $0.slice(0..<count) }))
      restA = restA.map { $0.slice(count..<countA) }
      restB = restB.map { $0.slice(count..<countB) }
    }
    // Of one spine there are as many rows; a file that has others is not its manifest's, and says so at its end.
    while try readingA.next() != nil {}
    while try readingB.next() != nil {}
  }

  // MARK: By name

  private mutating func byName(_ body: (DiffPairs) throws(DiffError) -> Void) throws(DiffError) {
    let (namesA, namesB) = (a.roles.flatMap(\.columns), b.roles.flatMap(\.columns))
    guard namesA.count == namesB.count, a.roles.map(\.name) == b.roles.map(\.name),
      (a.lsn == nil) == (b.lsn == nil)
    else {
      throw .otherKeys(a: namesA + [a.lsn].compactMap { $0 }, b: namesB + [b.lsn].compactMap { $0 })
    }
    let labelsA = try sorted(a, sourceA)
    let labelsB = try sorted(b, sourceB)
    var pairs = LabelSorter(memory: memory / 4, scratch)
    var isPaired = Bits(count: a.rows)
    do throws(ExportError) {
      try Self.match(labelsA, labelsB) { (rowA, rowB) throws(ExportError) in
        isPaired.set(rowA)
        // In the order of B's rows.
        try pairs.add(RawSpan(), Label(row: rowA, time: 0, limit: Int64(rowB)))
      }
    } catch {
      throw .set(a.name, error)
    }
    isPaired.count()
    var spool = try putB(&pairs, isPaired)
    try giveA(&spool, isPaired, body)
  }

  /// The rows of a set by their names: a label's key is the digest of the name.
  private func sorted(_ side: DiffSide, _ source: any SpineSource) throws(DiffError) -> LabelStream {
    let reading = try DiffReading(side, source)
    let name = DiffRowName(side)
    var sorter = LabelSorter(memory: memory / 4, scratch)
    var row = 0
    while let columns = try reading.next() {
      do throws(ExportError) {
        for place in 0..<(columns.first?.count ?? 0) {
          let digest = name.digest(columns, place).bytes
          try sorter.add(unsafe digest.span.bytes, Label(row: row, time: 0, limit: 0))
          row += 1
        }
      } catch {
        throw .set(side.name, error)
      }
    }
    guard row == side.rows else {
      throw .notItsManifest(side.name, expected: "\(side.rows) rows", found: "\(row)")
    }
    do throws(ExportError) { return try sorter.finish() } catch { throw .set(side.name, error) }
  }

  /// One pass over both orders.
  private static func match(
    _ a: LabelStream, _ b: LabelStream,
    _ body: (_ rowA: Int, _ rowB: Int) throws(ExportError) -> Void
  ) throws(ExportError) {
    var (ownA, ownB) = (DiffLabels(a), DiffLabels(b))
    while let nameA = try ownA.name(), let nameB = try ownB.name() {
      if nameA == nameB {
        try body(ownA.row, ownB.row)
        ownA.advance()
        ownB.advance()
      } else if nameA.lexicographicallyPrecedes(nameB) {
        ownA.advance()
      } else {
        ownB.advance()
      }
    }
  }

  /// B's cells on their way into A's order; rows of B that nobody in A is are counted on the way.
  private mutating func putB(
    _ pairs: inout LabelSorter, _ isPaired: Bits
  ) throws(DiffError) -> CellSpool {
    let rowsMax = max(1_024, min(65_536, memory / 8 / max(1, 16 * b.fields.count)))
    let ranges = SpoolRanges(
      rowCount: isPaired.ones, rangeRows: rowsMax, schemas: [ColumnSchema(b.fields)])
    var spool = CellSpool(ranges, memory: memory / 4, scratch)
    let reading = try DiffReading(b, sourceB)
    let name = DiffRowName(b)
    let stream: LabelStream
    do throws(ExportError) { stream = try pairs.finish() } catch { throw .set(b.name, error) }
    var labels = DiffLabels(stream)
    var row = 0
    while let columns = try reading.next() {
      var picks: [ColumnPick] = []
      var places: [Int] = []
      do throws(ExportError) {
        for place in 0..<(columns.first?.count ?? 0) {
          if let limit = try labels.limit(), limit == row {
            picks.append(ColumnPick(0, Int32(truncatingIfNeeded: place)))
            places.append(isPaired.rank(labels.row))
            labels.advance()
          } else {
            onlyB.take(name, columns, place)
          }
          row += 1
        }
        guard !places.isEmpty else { continue }
        var own: [Column] = []
        for (column, field) in zip(columns, b.fields) {
          own.append(try SpoolRanges.gather(picks.span, [column], field))
        }
        try spool.keep(try ranges.cut(0, rows: places, own))
      } catch {
        throw .set(b.name, error)
      }
    }
    return spool
  }

  private mutating func giveA(
    _ spool: inout CellSpool, _ isPaired: Bits, _ body: (DiffPairs) throws(DiffError) -> Void
  ) throws(DiffError) {
    let reading = try DiffReading(a, sourceA)
    let crew = Crew(1, name: "apus-diff")
    let name = DiffRowName(a)
    var row = 0
    var pair = 0
    var range = -1
    var held: [Column] = []
    var rows = 0..<0
    while let columns = try reading.next() {
      var picks: [ColumnPick] = []
      for place in 0..<(columns.first?.count ?? 0) {
        if isPaired.isSet(row + place) {
          picks.append(ColumnPick(0, Int32(truncatingIfNeeded: place)))
        } else {
          onlyA.take(name, columns, place)
        }
      }
      row += columns.first?.count ?? 0
      guard !picks.isEmpty else { continue }
      var own: [Column] = []
      do throws(ExportError) {
        for (column, field) in zip(columns, a.fields) {
          own.append(try SpoolRanges.gather(picks.span, [column], field))
        }
      } catch {
        throw .set(a.name, error)
      }
      var at = 0
      while at < picks.count {
        if pair >= rows.upperBound {
          range += 1
          rows = spool.ranges.rows(of: range)
          do throws(ExportError) { held = try spool.take(range, 0, crew) } catch { throw .set(b.name, error) }
        }
        let count = min(picks.count - at, rows.upperBound - pair)
        let there = (pair - rows.lowerBound)..<(pair - rows.lowerBound + count)
        try body(
          DiffPairs(
            a: own.map { $0.slice(at..<(at + count)) }, b: held.map { $0.slice(there) }))
        at += count
        pair += count
      }
    }
  }
}

/// Sorted labels, one at a time. Used by one thread.
private struct DiffLabels {
  private var stream: LabelStream
  private var chunk = LabelChunk()
  private var key = 0
  private var at = 0

  init(_ stream: LabelStream) { self.stream = stream }

  private static let chunkLabels = 32_768

  private mutating func isThere() throws(ExportError) -> Bool {
    while at >= chunk.count {
      guard let next = try stream.next(Self.chunkLabels) else { return false }
      chunk = next.chunk
      key = 0
      at = 0
    }
    while at >= chunk.labels(ofKey: key).upperBound { key += 1 }
    return true
  }

  /// Nil behind the last.
  mutating func name() throws(ExportError) -> [UInt8]? { try isThere() ? chunk.key(key).copied() : nil }
  mutating func limit() throws(ExportError) -> Int? { try isThere() ? Int(chunk.limits[at]) : nil }
  /// Of the one that was asked for last.
  var row: Int { chunk.rows[at] }
  mutating func advance() { at += 1 }
}

/// A bit for each row, and how many are set before one.
private struct Bits {
  private var words: [UInt64]
  private var before: [Int] = []
  private(set) var ones = 0

  init(count: Int) { words = Array(repeating: 0, count: count / 64 + 1) }

  mutating func set(_ row: Int) { words[row >> 6] |= 1 << UInt64(row & 63) }
  func isSet(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 == 1 }

  /// Once, when all are set.
  mutating func count() {
    before.reserveCapacity(words.count)
    for word in words {
      before.append(ones)
      ones += word.nonzeroBitCount
    }
  }

  func rank(_ row: Int) -> Int {
    before[row >> 6] + (words[row >> 6] & (1 << UInt64(row & 63) - 1)).nonzeroBitCount
  }
}
