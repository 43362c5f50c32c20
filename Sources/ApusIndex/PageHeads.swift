// Pages of LMDB's trees, as far as LMDB believes them when it writes: a page's number goes to the list of free pages when the page is copied, its bounds
// say where the next node goes.
//
// A page begins with its number (8 bytes), 2 bytes of padding, 2 of flags. A leaf or branch then has the end of its nodes' places and the begin of its
// nodes (2 bytes each), and the places (2 bytes each). Nodes fill the page from the begin to the end, without gaps. A page of a long
// value has the count of pages that it begins (4 bytes).

import ApusBytes

/// The pages of one snapshot.
struct Pages {
  let bounds: FileBounds
  let pageByteCount: UInt

  private static let headByteCount: UInt = 16
  /// What stands before a node's key.
  private static let nodeHeadByteCount: UInt = 8
  /// The flag of a node whose value has pages of its own.
  private static let hasOwnPages: UInt16 = 0x01
  private static let branch: UInt16 = 0x01
  private static let leaf: UInt16 = 0x02
  private static let large: UInt16 = 0x04

  var count: UInt64 { UInt64(bounds.byteCount / pageByteCount) }

  /// The page on which a place begins, which lies inside of the file.
  func number(of place: Place) -> UInt64 { UInt64((place.start - bounds.start) / pageByteCount) }

  /// How many pages a long value takes that begins behind a head.
  private func countOfLarge(_ byteCount: Int) -> UInt64 {
    UInt64((Pages.headByteCount - 1 + UInt(bitPattern: byteCount)) / pageByteCount) + 1
  }

  /// The pages that a value takes for itself; nil when it lies beside its key.
  func pages(of value: Place, besideKey key: Place?) -> Range<UInt64>? {
    let first = number(of: value)
    if let key, number(of: key) == first { return nil }
    guard (value.start - bounds.start) % pageByteCount == Pages.headByteCount else { return nil }
    return first..<first + countOfLarge(value.byteCount)
  }

  /// Whether a page of nodes is what a writer may believe.
  func isSound(_ number: UInt64) -> Bool {
    guard number < count else { return false }
    let page = Place(start: bounds.start + UInt(number) * pageByteCount, byteCount: Int(pageByteCount))
    return (try? isSound(page.span(in: bounds), number)) ?? false
  }

  private func isSound(_ page: RawSpan, _ number: UInt64) throws(BytesError) -> Bool {
    var reader = ByteReader(page)
    guard try reader.read(UInt64.self) == number else { return false }
    try reader.skip(2)
    let flags = try reader.read(UInt16.self)
    guard flags == Pages.leaf || flags == Pages.branch else { return false }
    let placesEnd = UInt(try reader.read(UInt16.self))
    let nodesStart = UInt(try reader.read(UInt16.self))
    guard placesEnd >= Pages.headByteCount, placesEnd % 2 == 0, placesEnd <= nodesStart,
      nodesStart <= pageByteCount
    else { return false }
    var first = pageByteCount
    var used: UInt = 0
    for _ in 0..<(placesEnd - Pages.headByteCount) / 2 {
      let place = UInt(try reader.read(UInt16.self))
      let size = try nodeByteCount(page, at: place, isLeaf: flags == Pages.leaf)
      guard place % 2 == 0, size <= pageByteCount, place <= pageByteCount - size else { return false }
      first = min(first, place)
      used += size
    }
    return first == nodesStart && used == pageByteCount - nodesStart
  }

  /// A node: 4 bytes of the value's length, 2 of flags, 2 of the key's length; the key; the value, or the page that it begins. In a
  /// branch, the first 6 bytes are a page instead, and there is no value. Nodes have an even number of bytes.
  private func nodeByteCount(_ page: RawSpan, at place: UInt, isLeaf: Bool) throws(BytesError) -> UInt {
    var node = ByteReader(page)
    try node.skip(Int(clamping: place))
    let low = try node.read(UInt16.self)
    let high = try node.read(UInt16.self)
    let flags = try node.read(UInt16.self)
    let key = UInt(try node.read(UInt16.self))
    var size = Pages.nodeHeadByteCount + key
    if isLeaf {
      guard flags <= Pages.hasOwnPages else { return .max }
      size += flags == Pages.hasOwnPages ? 8 : UInt(low) + UInt(high) << 16
    }
    return size + size % 2
  }

  /// Whether the head before a long value is what a writer may believe.
  func isSound(large pages: Range<UInt64>) -> Bool {
    let head = Place(
      start: bounds.start + UInt(pages.lowerBound) * pageByteCount, byteCount: Int(Pages.headByteCount))
    guard bounds.holds(head) else { return false }
    var reader = ByteReader(head.span(in: bounds))
    guard (try? reader.read(UInt64.self)) == pages.lowerBound, (try? reader.read(UInt16.self)) != nil,
      (try? reader.read(UInt16.self)) == Pages.large
    else { return false }
    return (try? reader.read(UInt32.self)).map { UInt64($0) } == pages.upperBound - pages.lowerBound
  }
}

/// Pages by their numbers, one bit each.
struct PageSet {
  private var words: [UInt64]
  private let count: UInt64

  init(_ count: UInt64) {
    self.count = count
    words = [UInt64](repeating: 0, count: Int(count / 64) + 1)
  }

  func contains(_ page: UInt64) -> Bool { page < count && words[Int(page / 64)] >> (page % 64) & 1 == 1 }

  /// Whether the page is one of the file and was not in the set before.
  @discardableResult
  mutating func insert(_ page: UInt64) -> Bool {
    guard page < count, !contains(page) else { return false }
    words[Int(page / 64)] |= 1 << (page % 64)
    return true
  }
}

/// LMDB's list of free pages: each value is a count and as many page numbers, descending, eight bytes each in the machine's order.
enum FreePages {
  static func count(_ place: Place, _ bounds: FileBounds) -> Int {
    var count = 0
    forEach(place, bounds) { _ in count += 1 }
    return count
  }

  /// Returns false when the list is no list.
  @discardableResult
  static func forEach(_ place: Place, _ bounds: FileBounds, _ body: (UInt64) -> Void) -> Bool {
    guard bounds.holds(place) else { return false }
    var reader = ByteReader(place.span(in: bounds))
    guard let count = try? reader.read(UInt64.self), count <= UInt64(reader.remaining / 8) else {
      return false
    }
    for _ in 0..<count {
      guard let page = try? reader.read(UInt64.self) else { return false }
      body(page)
    }
    return true
  }
}
