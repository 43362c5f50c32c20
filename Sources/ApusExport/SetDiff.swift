// Two sets held against each other: which rows, which cells, and for each cell that differs why. The sets are read from beginning to end and never
// held; what differs is gathered in blocks, and a block is asked for its causes at once.

import ApusBytes
package import ApusColumnar
package import ApusSystem

/// Says why cells differ.
package protocol DiffCauses: AnyObject {
  /// For each row of the block and each feature the cause; nil where the cells are the same.
  func causes(of block: DiffBlock) throws(DiffError) -> [[(DiffCause, DiffEvent?)?]]
}

/// Pairs of rows of which some cell differs.
package struct DiffBlock: Sendable {
  /// All columns of either set.
  package var a: [Column]
  package var b: [Column]
  /// Of each row which features differ.
  package var differs: [[Bool]]
  package var count: Int { differs.count }
}

package struct SetDiff {
  private let a: DiffSide
  private let b: DiffSide
  private let limit: Int
  private let memory: Int
  private let scratch: ScratchFiles
  /// Features that both have, with their places in A and B: the value's, and of each kind that both have.
  private let shared: [Shared]
  private let others: [(name: String, a: Int, b: Int)]
  private var report: DiffReport

  struct Shared: Sendable {
    var name: String
    var a: [Int]
    var b: [Int]
  }

  /// `limit`: examples that are kept of each feature, and of rows that only one set has.
  package init(_ a: DiffSide, _ b: DiffSide, limit: Int, memory: Int, scratch: ScratchFiles) {
    (self.a, self.b, self.limit, self.memory, self.scratch) = (a, b, limit, memory, scratch)
    report = DiffReport(
      isOneSpine: a.spineDigest == b.spineDigest, onlyA: DiffLoners(limit: limit),
      onlyB: DiffLoners(limit: limit))
    let found = Self.shared(a, b)
    shared = found.shared
    report.features = shared.map { DiffReport.Feature($0.name) }
    report.retyped = found.retyped
    report.featuresOnlyA = a.plainFeatures.filter { !b.plainFeatures.contains($0) }
    report.featuresOnlyB = b.plainFeatures.filter { !a.plainFeatures.contains($0) }
    let own = Set(found.shared.flatMap { $0.a.map { a.fields[$0].name } } + a.features)
    // A spine that is the same says the same; what is made of it may not be.
    others = a.fields.indices.compactMap { place in
      let field = a.fields[place]
      guard !own.contains(field.name), let other = b.place(field.name), b.fields[other].type == field.type,
        !b.features.contains(field.name),
        a.spineDigest != b.spineDigest || field.name == ExportSplit.field.name
      else { return nil }
      return (field.name, place, other)
    }
    report.others = others.map { ($0.name, 0) }
  }

  /// Kinds that both sets have, in their order.
  static func kinds(_ a: DiffSide, _ b: DiffSide) -> [ExportColumnKind] {
    ExportColumnKind.allCases.filter { a.kinds.contains($0) && b.kinds.contains($0) }
  }

  static func shared(_ a: DiffSide, _ b: DiffSide) -> (shared: [Shared], retyped: [String]) {
    let kinds = kinds(a, b)
    var shared: [Shared] = []
    var retyped: [String] = []
    for (plain, name) in zip(a.plainFeatures, a.features) {
      guard let at = b.plainFeatures.firstIndex(of: plain), let place = a.place(name),
        let other = b.place(b.features[at])
      else { continue }
      let own = kinds.compactMap { a.place("\(name)__\($0.suffix)") }
      let theirs = kinds.compactMap { b.place("\(b.features[at])__\($0.suffix)") }
      let (allOwn, allTheirs) = ([place] + own, [other] + theirs)
      // A manifest may say anything.
      guard own.count == kinds.count, theirs.count == kinds.count,
        zip(allOwn, allTheirs).allSatisfy({ a.fields[$0].type == b.fields[$1].type })
      else {
        retyped.append(plain)
        continue
      }
      shared.append(Shared(name: plain, a: allOwn, b: allTheirs))
    }
    return (shared, retyped)
  }

  package mutating func run(
    _ sourceA: any SpineSource, _ sourceB: any SpineSource, _ causes: (any DiffCauses)?
  ) throws(DiffError) -> DiffReport {
    var matching = DiffMatching(a, sourceA, b, sourceB, limit: limit, memory: memory, scratch: scratch)
    report.rowsA = a.rows
    report.rowsB = b.rows
    var pending = Pending(a, b)
    let rowsMax = max(64, min(100_000, memory / 8 / max(1, 32 * (a.fields.count + b.fields.count))))
    var found = report
    try matching.run { (pairs) throws(DiffError) in
      try take(pairs, &pending, &found)
      if pending.count >= rowsMax { try explain(&pending, causes, &found) }
    }
    try explain(&pending, causes, &found)
    found.onlyA = matching.onlyA
    found.onlyB = matching.onlyB
    return found
  }

  // MARK: Cells

  private func take(
    _ pairs: DiffPairs, _ pending: inout Pending, _ report: inout DiffReport
  ) throws(DiffError) {
    report.paired += pairs.count
    for (place, other) in others.enumerated() {
      let (own, theirs) = (pairs.a[other.a], pairs.b[other.b])
      for row in 0..<pairs.count where !own.says(row, theSameAs: theirs, row) {
        report.others[place].differing += 1
      }
    }
    var picks: [ColumnPick] = []
    for row in 0..<pairs.count {
      var differs: [Bool] = []
      for (place, feature) in shared.enumerated() {
        let isSame = zip(feature.a, feature.b).allSatisfy {
          pairs.a[$0].says(row, theSameAs: pairs.b[$1], row)
        }
        if isSame { continue }
        if differs.isEmpty { differs = Array(repeating: false, count: shared.count) }
        differs[place] = true
        report.features[place].differing += 1
      }
      if differs.isEmpty { continue }
      picks.append(ColumnPick(0, Int32(truncatingIfNeeded: row)))
      pending.differs.append(differs)
    }
    guard !picks.isEmpty else { return }
    do throws(ExportError) { try pending.add(picks, pairs, a, b) } catch { throw .set(a.name, error) }
  }

  /// Rows that wait until there are enough of them.
  private struct Pending {
    var differs: [[Bool]] = []
    private var partsA: [[Column]]
    private var partsB: [[Column]]

    init(_ a: DiffSide, _ b: DiffSide) {
      partsA = a.fields.map { _ in [] }
      partsB = b.fields.map { _ in [] }
    }

    var count: Int { differs.count }

    mutating func add(
      _ picks: [ColumnPick], _ pairs: DiffPairs, _ a: DiffSide, _ b: DiffSide
    ) throws(ExportError) {
      for (place, field) in a.fields.enumerated() {
        partsA[place].append(try SpoolRanges.gather(picks.span, [pairs.a[place]], field))
      }
      for (place, field) in b.fields.enumerated() {
        partsB[place].append(try SpoolRanges.gather(picks.span, [pairs.b[place]], field))
      }
    }

    /// All of them as one block; nothing waits any more.
    mutating func take(_ a: DiffSide, _ b: DiffSide) throws(ExportError) -> DiffBlock {
      let block = DiffBlock(
        a: try Self.whole(&partsA, a.fields), b: try Self.whole(&partsB, b.fields), differs: differs)
      differs = []
      return block
    }

    private static func whole(
      _ parts: inout [[Column]], _ fields: [ColumnField]
    ) throws(ExportError) -> [Column] {
      var columns: [Column] = []
      for (place, field) in fields.enumerated() {
        var builder = ColumnBuilder(field.type, named: field.name)
        do throws(ColumnarError) {
          for part in parts[place] { try builder.append(all: part) }
          columns.append(try builder.finish())
        } catch {
          throw .columns(error)
        }
        parts[place] = []
      }
      return columns
    }
  }

  // MARK: Causes

  private func explain(
    _ pending: inout Pending, _ causes: (any DiffCauses)?, _ report: inout DiffReport
  ) throws(DiffError) {
    guard pending.count > 0 else { return }
    let block: DiffBlock
    do throws(ExportError) { block = try pending.take(a, b) } catch { throw .set(a.name, error) }
    let found = try causes?.causes(of: block)
    let name = DiffRowName(a)
    let kinds = Self.kinds(a, b)
    for row in 0..<block.count {
      for (place, feature) in shared.enumerated() where block.differs[row][place] {
        let cause = found.map { $0[row][place] ?? (.unexplained, nil) }
        if let cause { report.features[place].causes[cause.0, default: 0] += 1 }
        guard report.features[place].examples.count < limit || cause?.0 == .unexplained else { continue }
        guard report.features[place].examples.count < 2 * limit else { continue }
        let (own, theirs) = (block.a[feature.a[0]], block.b[feature.b[0]])
        report.features[place].examples.append(
          DiffCell(
            row: DiffRow(name, block.a, row), a: own.isNull(row) ? nil : DiffText.spelling(own, row),
            b: theirs.isNull(row) ? nil : DiffText.spelling(theirs, row),
            kinds: kinds.indices.filter { kind in
              !block.a[feature.a[kind + 1]].says(row, theSameAs: block.b[feature.b[kind + 1]], row)
            }.map { kinds[$0] }, cause: cause?.0, event: cause?.1))
      }
    }
  }
}
