// What a walk will come to next is asked of memory at once. Rows of an entity's key follow each other on a page in the order of its places, but lie
// anywhere on it, as they were written: met one by one, each would be waited for.
//
// A hint and nothing else. All that is read here lies inside of the file, and none of it is believed: whatever is wrong with a page, only the
// wrong bytes are asked for.

import CLMDB

struct NodesAhead {
  private let pageByteCount: UInt
  /// Rows that the walk still wants; nothing is asked for once it is low.
  private var rows = 0
  /// The page whose nodes were asked for last.
  private var page: UInt = 0

  // The head of a page as in PageHeads.swift: number, padding, flags, and where the places end; then two bytes for each place.
  private static let placesEndAt: UInt = 12
  private static let placesAt: UInt = 16
  private static let nodeHeadByteCount: UInt = 8
  private static let lineByteCount: UInt = 64
  /// Of one row; the processor notices by itself that somebody goes on.
  private static let linesPerRowMax: UInt = 8

  init(pageByteCount: UInt) { self.pageByteCount = pageByteCount }

  /// A walk begins that wants about so many rows.
  mutating func begin(rows: Int) {
    self.rows = rows
    page = 0
  }

  /// The walk came to a row. The caller is inside of the region, and both places are inside of the file or not looked at.
  @inline(__always)
  mutating func pass(_ key: Place, _ value: Place, _ bounds: FileBounds) {
    rows &-= 1
    if rows > 0, key.start & ~(pageByteCount &- 1) != page { ask(key, value, bounds) }
  }

  /// Asks for the nodes that follow on a page where the walk has just arrived.
  @inline(never)
  private mutating func ask(_ key: Place, _ value: Place, _ bounds: FileBounds) {
    page = key.start & ~(pageByteCount &- 1)
    guard bounds.holds(Place(start: page, byteCount: Int(pageByteCount))) else { return }
    let end = min(UInt(load(Self.placesEndAt)), pageByteCount)
    let here = key.start &- page &- Self.nodeHeadByteCount
    var place = Self.placesAt
    while place &+ 2 <= end, UInt(load(place)) != here { place &+= 2 }
    // As long as the one that was met.
    let known = Self.nodeHeadByteCount &+ UInt(bitPattern: key.byteCount &+ value.byteCount)
    let lines = min(known / Self.lineByteCount &+ 1, Self.linesPerRowMax)
    var left = rows
    place &+= 2
    while left > 0, place &+ 2 <= end {
      let node = page &+ UInt(load(place))
      for line in 0...lines { apus_prefetch(node &+ line &* Self.lineByteCount) }
      place &+= 2
      left &-= 1
    }
  }

  /// Two bytes of the page, which lies inside of the file.
  private func load(_ offset: UInt) -> UInt16 {
    guard let start = unsafe UnsafeRawPointer(bitPattern: page &+ offset) else { return 0 }
    return unsafe start.loadUnaligned(as: UInt16.self)
  }
}
