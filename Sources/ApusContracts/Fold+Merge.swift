// The general fold: feature by feature. Both rows name their stamps from the greatest to the least; merged, the stamps
// get ranks, 0 for the greatest, the same rank for the same stamp. So two features are compared by small numbers.

import ApusBytes

extension Fold {
  static func merge(
    _ a: RowView, _ b: RowView, deleted: Stamp?, layout: borrowing RowLayout, into writer: inout ByteWriter
  ) -> FoldOutcome {
    let count = max(a.cells.count, b.cells.count)
    let ranks = a.stampCount + b.stampCount
    // Both buffers live until the closures end, and are initialised before anything reads them.
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { rawPicks in
      unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 2 * ranks) { rawNumbers in
        unsafe rawPicks.initialize(repeating: 0)
        unsafe rawNumbers.initialize(repeating: 0)
        var merge = unsafe RowMerge(
          a, b, deleted: deleted, picks: rawPicks.mutableSpan, numbers: rawNumbers.mutableSpan)
        merge.pick()
        if merge.isFirst { return .unchanged }
        merge.write(layout, into: &writer)
        return .written
      }
    }
  }
}

/// One fold of two rows, in two passes: who wins which feature, then the row of the winners.
private struct RowMerge: ~Copyable, ~Escapable {
  let a: RowView
  let b: RowView
  let deleted: Stamp?
  /// Stamps before this place are not cleared by the delete.
  let aliveInA: Int
  let aliveInB: Int
  /// Per feature the winner's state, with `ofB` when it is b's; 0 is absent.
  var picks: MutableSpan<UInt8>
  /// First the ranks of a's stamps, then of b's; then for each rank the place in the result plus one, 0 if it has none.
  var numbers: MutableSpan<UInt16>
  let placesAt: Int

  var count = 0
  var hasB = false

  static let ofB: UInt8 = 4

  @_lifetime(copy a, copy b, copy picks, copy numbers)
  init(
    _ a: RowView, _ b: RowView, deleted: Stamp?, picks: consuming MutableSpan<UInt8>,
    numbers: consuming MutableSpan<UInt16>
  ) {
    self.a = a
    self.b = b
    self.deleted = deleted
    aliveInA = a.stampsAlive(after: deleted)
    aliveInB = b.stampsAlive(after: deleted)
    self.picks = picks
    self.numbers = numbers
    placesAt = a.stampCount + b.stampCount
  }

  /// The result is a: nothing of b's won, and the delete, if it is not a's own, is no greater.
  var isFirst: Bool { !hasB && deleted == a.deleted }

  // MARK: Who wins

  @_lifetime(self: copy self)
  mutating func pick() {
    rank()
    var spoken = 0
    var winsOfB = 0
    for index in 0..<max(a.cells.count, b.cells.count) {
      let placeA = a.place(of: index)
      let placeB = b.place(of: index)
      let isInA = placeA < aliveInA
      let isInB = placeB < aliveInB
      if !isInA && !isInB { continue }
      let rankA = isInA ? numbers[placeA] : .max
      let rankB = isInB ? numbers[a.stampCount &+ placeB] : .max
      // Ranks are at most twice the features of a view, far below the greatest number.
      if rankA <= rankB {
        picks[index] = a.cells.state(index).rawValue
      } else {
        picks[index] = b.cells.state(index).rawValue | Self.ofB
        winsOfB &+= 1
      }
      // Used; which place it gets is known when all winners are.
      numbers[placesAt &+ Int(min(rankA, rankB))] = 1
      spoken = index &+ 1
    }
    count = spoken
    hasB = winsOfB > 0
  }

  /// Gives the stamps of both their ranks.
  @_lifetime(self: copy self)
  private mutating func rank() {
    var (placeA, placeB) = (0, 0)
    var rank: UInt16 = 0
    while placeA < a.stampCount || placeB < b.stampCount {
      let stampA = placeA < a.stampCount ? a.stamp(place: placeA) : nil
      let stampB = placeB < b.stampCount ? b.stamp(place: placeB) : nil
      let isA = stampB.map { other in stampA.map { $0 >= other } ?? false } ?? true
      let isB = stampA.map { other in stampB.map { $0 >= other } ?? false } ?? true
      if isA {
        numbers[placeA] = rank
        placeA += 1
      }
      if isB {
        numbers[a.stampCount + placeB] = rank
        placeB += 1
      }
      rank += 1
    }
  }

  // MARK: The row of the winners

  @_lifetime(self: copy self)
  mutating func write(_ layout: borrowing RowLayout, into writer: inout ByteWriter) {
    let stampCount = number()
    writer.writeRowHeader(stamps: stampCount, hasDelete: deleted != nil)
    writeStamps(into: &writer)
    if let deleted { writer.write(deleted) }
    writeCells(layout, into: &writer)
    let placeByteCount = RowFormat.placeByteCount(stamps: stampCount)
    if placeByteCount > 0 { writePlaces(placeByteCount, into: &writer) }
  }

  /// Numbers the stamps that won something, in order; says how many there are.
  @_lifetime(self: copy self)
  private mutating func number() -> Int {
    var stampCount: UInt16 = 0
    for rank in placesAt..<numbers.count where numbers[rank] != 0 {
      stampCount += 1
      numbers[rank] = stampCount
    }
    return Int(stampCount)
  }

  private func writeStamps(into writer: inout ByteWriter) {
    var (placeA, placeB) = (0, 0)
    for rank in 0..<(numbers.count - placesAt) {
      let inA = placeA < a.stampCount && Int(numbers[placeA]) == rank
      let inB = placeB < b.stampCount && Int(numbers[a.stampCount + placeB]) == rank
      if numbers[placesAt + rank] != 0 {
        writer.write(inA ? a.stamp(place: placeA) : b.stamp(place: placeB))
      }
      if inA { placeA += 1 }
      if inB { placeB += 1 }
    }
  }

  private func writePlaces(_ byteCount: Int, into writer: inout ByteWriter) {
    for index in 0..<count {
      let place = picks[index] == 0 ? 0 : numbers[placesAt + rank(of: index)] - 1
      if byteCount == 1 {
        writer.write(UInt8(truncatingIfNeeded: place))
      } else {
        writer.write(place)
      }
    }
  }

  /// Of the winner of a feature that has one.
  private func rank(of index: Int) -> Int {
    let number =
      picks[index] & Self.ofB == 0 ? numbers[a.place(index)] : numbers[a.stampCount + b.place(index)]
    return Int(number)
  }

  private func writeCells(_ layout: borrowing RowLayout, into writer: inout ByteWriter) {
    let start = writer.count
    let slotsAt = start + RowFormat.slotsAt(count: count)
    var endsAt = slotsAt
    var variableAt = slotsAt
    if count > 0 {
      let last = layout.slots[count - 1]
      endsAt += last.slotsByteCount
      variableAt = endsAt + last.variableCount * RowFormat.endByteCount
    }
    // All that is not a value stays zero; the variable values follow one by one.
    writer.writeZeroes(variableAt - start)
    writer.overwrite(UInt16(truncatingIfNeeded: count), at: start)
    var four: UInt8 = 0
    for index in 0..<count {
      let pick = picks[index]
      let inFour = index % RowFormat.statesPerByte
      four |= (pick & 3) << UInt8(truncatingIfNeeded: inFour * 2)
      if inFour == RowFormat.statesPerByte - 1 || index == count - 1 {
        writer.overwrite(four, at: start + RowFormat.statesAt + index / RowFormat.statesPerByte)
        four = 0
      }
      if pick & 3 == CellState.value.rawValue {
        if pick & Self.ofB == 0 {
          Self.copy(layout.slots[index], from: a.cells, slotsAt, to: &writer)
        } else {
          Self.copy(layout.slots[index], from: b.cells, slotsAt, to: &writer)
        }
      }
      if layout.slots[index].isVariable {
        let endAt = endsAt + layout.slots[index].at * RowFormat.endByteCount
        writer.overwrite(UInt32(truncatingIfNeeded: writer.count - variableAt), at: endAt)
      }
    }
  }

  @inline(__always)
  private static func copy(
    _ slot: FeatureSlot, from cells: RowCells, _ slotsAt: Int, to writer: inout ByteWriter
  ) {
    switch slot.width {
    case 0: writer.write(cells.variable(slot))
    case 8: writer.overwrite(cells.load(slot, as: UInt64.self), at: slotsAt + slot.at)
    case 4: writer.overwrite(cells.load(slot, as: UInt32.self), at: slotsAt + slot.at)
    default: writer.overwrite(cells.load(slot, as: UInt8.self), at: slotsAt + slot.at)
    }
  }
}

extension RowView {
  /// The place of a feature's stamp; beyond all stamps if nothing is said of it.
  @inline(__always)
  fileprivate func place(of index: Int) -> Int {
    cells.state(index) == .absent ? .max : place(index)
  }

  /// How many of the stamps, the greatest first, are not less than a delete.
  fileprivate func stampsAlive(after deleted: Stamp?) -> Int {
    guard let deleted else { return stampCount }
    var alive = stampCount
    while alive > 0, stamp(place: alive - 1) < deleted { alive -= 1 }
    return alive
  }
}
