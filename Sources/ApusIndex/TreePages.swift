// Pages of LMDB's tree as a search meets them. A search believes nothing: what a page says is held against the page's own bounds, and a page's
// number against the file, before anything is read there. PageHeads.swift has the form of pages and nodes.
//
// Positions are byte offsets in the file, which lies in memory as one span.

import ApusBytes
import CLMDB

/// What of a snapshot a search begins with.
struct TreeRoot {
  /// Nil: the tree is empty.
  var page: UInt64?
  /// Pages from the root to a leaf, both counted.
  var depth = 0

  init() {}

  init(page: UInt64, depth: UInt16) {
    self.depth = Int(depth)
    self.page = depth == 0 ? nil : page
  }
}

/// The pages of one snapshot, in memory. Every function that takes `at` needs what it says there.
struct TreePages: ~Escapable {
  let file: RawSpan
  let pageByteCount: Int

  static let headByteCount = 16
  private static let flagsAt = 10
  private static let placesEndAt = 12
  private static let nodeHeadByteCount = 8
  private static let nodeFlagsAt = 4
  private static let nodeKeyByteCountAt = 6
  private static let branch: UInt16 = 0x01
  private static let leaf: UInt16 = 0x02
  private static let hasOwnPages: UInt16 = 0x01
  private static let lineByteCount = 64
  /// Of one row; the processor notices by itself that somebody goes on.
  private static let linesPerRowMax = 8
  private static let linesPerRowCommon = 3

  @_lifetime(copy file)
  init(_ file: RawSpan, pageByteCount: Int) {
    self.file = file
    self.pageByteCount = pageByteCount
  }

  /// Where a page begins all of which is in the file; nil when there is none of this number.
  @inline(__always)
  func position(ofPage number: UInt64) -> Int? {
    let (at, isBeyond) = number.multipliedReportingOverflow(by: UInt64(pageByteCount))
    guard !isBeyond, at <= UInt64(file.byteCount), file.byteCount &- Int(at) >= pageByteCount else {
      return nil
    }
    return Int(at)
  }

  func number(ofPageAt at: Int) -> UInt64 { UInt64(at / pageByteCount) }

  /// Whether all of a page that begins there is in the file.
  @inline(__always)
  func holds(pageAt at: Int) -> Bool { at >= 0 && at <= file.byteCount &- pageByteCount }

  /// Whether the head of a node that begins there is in a page that begins there.
  @inline(__always)
  func holds(node: Int, onPageAt at: Int) -> Bool {
    holds(pageAt: at) && node >= at &+ Self.headByteCount
      && node <= at &+ pageByteCount &- Self.nodeHeadByteCount
  }

  /// How many nodes the page at a position has; nil when it is no leaf, or no branch.
  @inline(__always)
  func nodeCount(ofPageAt at: Int, isLeaf: Bool) -> Int? {
    let number = load(at, UInt64.self)
    let flags = load(at &+ Self.flagsAt, UInt16.self)
    let end = Int(load(at &+ Self.placesEndAt, UInt16.self))
    guard position(ofPage: number) == at, flags == (isLeaf ? Self.leaf : Self.branch),
      end >= Self.headByteCount, end <= pageByteCount, end % 2 == 0
    else { return nil }
    return (end &- Self.headByteCount) / 2
  }

  /// Where a node of the page at a position begins; nil when its head is not in the page. `index` is below the page's `nodeCount`.
  @inline(__always)
  func node(_ index: Int, ofPageAt at: Int) -> Int? {
    let place = Int(load(at &+ Self.headByteCount &+ 2 &* index, UInt16.self))
    guard place >= Self.headByteCount, place <= pageByteCount &- Self.nodeHeadByteCount else { return nil }
    return at &+ place
  }

  /// The key of a node that `node` gave; nil when not all of it is in the page.
  @inline(__always) @_lifetime(copy self)
  func key(ofNodeAt node: Int, pageAt at: Int) -> RawSpan? {
    let count = Int(load(node &+ Self.nodeKeyByteCountAt, UInt16.self))
    let start = node &+ Self.nodeHeadByteCount
    guard count <= at &+ pageByteCount &- start else { return nil }
    return unsafe file.extracting(unchecked: start..<(start &+ count))
  }

  /// The page that a node of a branch, which `node` gave, leads to.
  @inline(__always)
  func child(ofNodeAt node: Int) -> UInt64 {
    UInt64(load(node, UInt32.self)) | UInt64(load(node &+ Self.nodeFlagsAt, UInt16.self)) &<< 32
  }

  /// The value of a leaf's node with this key; nil when it is not in the page, or begins no page of its own in the file.
  @inline(__always)
  func value(ofNodeAt node: Int, key: RawSpan, pageAt at: Int) -> Range<Int>? {
    let count = Int(load(node, UInt32.self))
    let start = node &+ Self.nodeHeadByteCount &+ key.byteCount
    switch load(node &+ Self.nodeFlagsAt, UInt16.self) {
    case 0:
      guard count <= at &+ pageByteCount &- start else { return nil }
      return start..<(start &+ count)
    case Self.hasOwnPages:
      guard at &+ pageByteCount &- start >= 8, let page = position(ofPage: load(start, UInt64.self)) else {
        return nil
      }
      let first = page &+ Self.headByteCount
      guard count <= file.byteCount &- first else { return nil }
      return first..<(first &+ count)
    default: return nil
    }
  }

  // MARK: What will be looked at soon

  /// Asks memory for a page's head and its first places.
  @inline(__always)
  func askHead(ofPageAt at: Int) {
    ask(at)
    ask(at &+ Self.lineByteCount)
  }

  /// Asks for the head of a node, and the beginning of its key.
  @inline(__always)
  func askNode(_ index: Int, ofPageAt at: Int) {
    ask(at &+ Int(load(at &+ Self.headByteCount &+ 2 &* index, UInt16.self)))
  }

  /// Asks for a row of common length whose node begins there.
  @inline(__always)
  func askRow(ofNodeAt node: Int) {
    for line in 0..<Self.linesPerRowCommon { ask(node &+ line &* Self.lineByteCount) }
  }

  /// Asks for the nodes of some rows on a leaf. The first of them was looked at, and the others are taken to be as long.
  func askNodes(_ indices: Range<Int>, ofPageAt at: Int) {
    guard let first = indices.first, let node = node(first, ofPageAt: at),
      let key = key(ofNodeAt: node, pageAt: at),
      let value = value(ofNodeAt: node, key: key, pageAt: at)
    else { return }
    let length = Self.nodeHeadByteCount &+ key.byteCount &+ value.count
    let lines = min(length / Self.lineByteCount &+ 1, Self.linesPerRowMax)
    if value.lowerBound != node &+ Self.nodeHeadByteCount &+ key.byteCount { ask(value.lowerBound) }
    for index in indices {
      let start = at &+ Int(load(at &+ Self.headByteCount &+ 2 &* index, UInt16.self))
      for line in 0...lines { ask(start &+ line &* Self.lineByteCount) }
    }
  }

  /// A hint: nothing is read, wherever it is.
  @inline(__always)
  private func ask(_ at: Int) {
    unsafe file.withUnsafeBytes {
      apus_prefetch(UInt(bitPattern: $0.baseAddress) &+ UInt(bitPattern: at))
    }
  }

  /// Of bytes that the caller knows to be in a page of the file.
  @inline(__always)
  private func load<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, _ type: T.Type) -> T {
    T(littleEndian: unsafe file.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: type))
  }
}
