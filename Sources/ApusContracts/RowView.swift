// A row, read in place. A `RowView` exists only over bytes whose structure was checked, or over one event and its
// stamp; so every access is in bounds, and nothing is allocated.

package import ApusBytes

/// What is known of one entity in one view version. An event is a row with one stamp.
@usableFromInline
package struct RowView: ~Escapable {
  @usableFromInline package let cells: RowCells
  /// 24 bytes each, the greatest first; empty for an event, whose only stamp is `base`.
  @usableFromInline let stamps: RawSpan
  /// One for each feature, if there is more than one stamp.
  @usableFromInline let places: RawSpan
  @usableFromInline let placeByteCount: Int
  /// How many different stamps the features have.
  @usableFromInline let stampCount: Int
  /// The greatest stamp of a feature; *least* if nothing is said of any.
  @usableFromInline package let base: Stamp
  /// The smallest stamp of a feature; the same if nothing is said of any.
  let oldest: Stamp
  /// The greatest delete.
  @usableFromInline package let deleted: Stamp?
  /// The greatest LSN among the winners and the delete; *none* if there are none.
  package let greatestLSN: LSN

  /// Checks the structure of a row that takes all of `bytes`. `checkContent` checks the rest.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, layout: borrowing RowLayout) throws(RowError) {
    // Nearly all rows are those of one event that spoke of everything.
    if bytes.byteCount >= RowFormat.cellsAtOfOneEvent + RowFormat.statesAt,
      bytes.loadHeader() == RowFormat.headerOfOneEvent
    {
      try self.init(ofOneEvent: bytes, layout: layout)
    } else {
      try self.init(ofAny: bytes, layout: layout)
    }
  }

  /// What `init(ofAny:)` comes to for a row with one stamp and no delete. Its header and the number of its features are there.
  @inline(__always) @_lifetime(copy bytes)
  private init(ofOneEvent bytes: RawSpan, layout: borrowing RowLayout) throws(RowError) {
    // The caller has compared the row's length with where the cells begin.
    stamps = unsafe bytes.extracting(
      unchecked: RowFormat.headerByteCount..<RowFormat.cellsAtOfOneEvent)
    cells = try RowCells(
      unsafe bytes.extracting(unchecked: RowFormat.cellsAtOfOneEvent..<bytes.byteCount), layout: layout)
    guard cells.count > 0 else { throw .stampCount(stamps: 1, features: 0) }
    places = RawSpan()
    placeByteCount = 0
    stampCount = 1
    deleted = nil
    let stamp = stamps.loadStamp(at: 0)
    base = stamp
    oldest = stamp
    greatestLSN = LSN(stamp.sequence)
  }

  @_lifetime(copy bytes)
  private init(ofAny bytes: RawSpan, layout: borrowing RowLayout) throws(RowError) {
    let header = try RowCells.load(bytes, at: 0, as: UInt64.self)
    let flags = UInt8(truncatingIfNeeded: header)
    guard flags & ~RowFormat.deleteFlag == 0 else { throw .unknownFlags(flags) }
    let notZero = header & 0xffff_ffff_0000_ff00
    guard notZero == 0 else { throw .notZero(at: notZero.trailingZeroBitCount / 8) }
    let stampCount = Int(header >> 16 & 0xffff)
    let hasDelete = flags & RowFormat.deleteFlag != 0
    let stampsEnd = RowFormat.cellsAt(stamps: stampCount, hasDelete: false)
    let cellsAt = RowFormat.cellsAt(stamps: stampCount, hasDelete: hasDelete)
    let count = Int(try RowCells.load(bytes, at: cellsAt, as: UInt16.self))

    let placeByteCount = RowFormat.placeByteCount(stamps: stampCount)
    let cellsEnd = bytes.byteCount - count * placeByteCount
    guard cellsEnd >= cellsAt else {
      throw .truncated(needed: cellsAt + count * placeByteCount, available: bytes.byteCount)
    }
    stamps = bytes.extracting(RowFormat.headerByteCount..<stampsEnd)
    cells = try RowCells(bytes.extracting(cellsAt..<cellsEnd), layout: layout)
    places = bytes.extracting(cellsEnd...)
    self.placeByteCount = placeByteCount
    self.stampCount = stampCount
    guard stampCount <= count, (stampCount == 0) == (count == 0) else {
      throw .stampCount(stamps: stampCount, features: count)
    }
    let deleted = hasDelete ? bytes.loadStamp(at: stampsEnd) : nil
    self.deleted = deleted

    // From the greatest to the least, and none below the delete.
    var greatest = deleted?.sequence ?? 0
    var base = Stamp.least
    var oldest = Stamp.least
    for place in 0..<stampCount {
      let stamp = stamps.loadStamp(at: place * RowFormat.stampByteCount)
      if place == 0 { base = stamp } else if stamp >= oldest { throw .stampOrder(place: place) }
      oldest = stamp
      greatest = max(greatest, stamp.sequence)
    }
    if let deleted, stampCount > 0, oldest < deleted { throw .stampBeforeDelete }
    self.base = base
    self.oldest = oldest
    greatestLSN = LSN(greatest)
    if stampCount > 1 { try checkPlaces() }
  }

  private func checkPlaces() throws(RowError) {
    for index in 0..<cells.count {
      let place = place(index)
      guard place < stampCount, place == 0 || cells.state(index) != .absent else {
        throw .badPlace(feature: index)
      }
    }
  }

  /// An event that speaks of features: `cells` at one stamp.
  @_lifetime(copy cells)
  package init(_ cells: RowCells, at stamp: Stamp) {
    self.init(cells, base: cells.count > 0 ? stamp : nil, deleted: nil)
  }

  /// A delete.
  @_lifetime(immortal)
  package init(deletedAt stamp: Stamp) {
    self.init(RowCells(), base: nil, deleted: stamp)
  }

  /// The row of an entity that nothing was ever said of.
  @_lifetime(immortal)
  package init() {
    self.init(RowCells(), base: nil, deleted: nil)
  }

  @_lifetime(copy cells)
  private init(_ cells: RowCells, base: Stamp?, deleted: Stamp?) {
    self.cells = cells
    stamps = RawSpan()
    places = RawSpan()
    placeByteCount = 0
    stampCount = base == nil ? 0 : 1
    self.base = base ?? .least
    oldest = base ?? .least
    self.deleted = deleted
    greatestLSN = LSN(max(base?.sequence ?? 0, deleted?.sequence ?? 0))
  }

  /// That the row is in its one form and every value is of its type.
  package func checkContent(_ layout: borrowing RowLayout) throws(RowError) {
    try cells.checkContent(layout)
    guard stampCount > 1 else { return }
    // Every stamp has a feature. A bit for each; there are no more stamps than features.
    var used = InlineArray<32, UInt64>(repeating: 0)
    for index in 0..<cells.count where cells.state(index) != .absent {
      let place = place(index)
      used[place >> 6] |= 1 << UInt64(place & 63)
    }
    for place in 0..<stampCount where used[place >> 6] >> UInt64(place & 63) & 1 == 0 {
      throw .stampUnused(place: place)
    }
  }
}

extension RowView {
  @inlinable @inline(__always)
  package func state(_ index: Int) -> CellState { cells.state(index) }

  /// Whether all that is said was said by one event, so that one look at its age serves every feature.
  @inlinable package var hasOneStamp: Bool { stampCount == 1 }

  /// Which of the stamps a feature below `cells.count` has.
  @inlinable @inline(__always)
  internal func place(_ index: Int) -> Int {
    // The places are as many as the cells; these loads check their bounds.
    if placeByteCount == 0 { return 0 }
    if placeByteCount == 1 {
      // widens UInt8
      return Int(unsafe places.unsafeLoad(fromByteOffset: index, as: UInt8.self))
    }
    let place = unsafe places.unsafeLoadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
    // widens UInt16
    return Int(UInt16(littleEndian: place))
  }

  /// The stamp at a place below `stampCount`. Inlined code cannot name `RowFormat.stampByteCount`, which is 24.
  @inlinable
  internal func stamp(place: Int) -> Stamp {
    place == 0 ? base : stamps.loadStamp(at: place &* 24)
  }

  /// The stamp of the winner of a feature: of what is said of it, else of the delete, if there is one.
  @inlinable
  package func stamp(_ index: Int) -> Stamp? {
    state(index) == .absent ? deleted : stamp(place: place(index))
  }

  /// The winner of a feature, with all that its status follows from.
  @inlinable
  package func cell(_ index: Int) -> Cell {
    switch state(index) {
    case .value: Cell(content: .value, stamp: stamp(place: place(index)))
    case .null: Cell(content: .null, stamp: stamp(place: place(index)))
    case .absent: deleted.map { Cell(content: .deleted, stamp: $0) } ?? Cell(content: .unseen, stamp: .least)
    }
  }
}

extension RawSpan {
  /// The first eight bytes, which the caller knows to be there.
  @inline(__always)
  fileprivate func loadHeader() -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
  }

  /// The stamp at an offset that the caller knows to be good; the loads check it nevertheless.
  @inlinable
  internal func loadStamp(at offset: Int) -> Stamp {
    Stamp(
      eventNanoseconds: Int64(
        littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Int64.self)),
      createdNanoseconds: Int64(
        littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset &+ 8, as: Int64.self)),
      sequence: UInt64(
        littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset &+ 16, as: UInt64.self)))
  }
}
