// The entities of a view, page by page, in the order of their encoded keys. A page is of one LSN; from page to page the LSN
// rises, so an entity that is there all the time is met once, and one that comes or goes meanwhile at most once.
//
// Keys of the index come in order. Those of the overlay do not, so all of them are looked at for every page and the least
// are kept: a page costs as much as the overlay has keys, which is why it is no work for a loop.

import ApusBytes
package import ApusContracts
import ApusIndex
import ApusSystem

/// Where a page begins.
package enum ScanStart: Equatable, Sendable {
  case beginning
  /// Behind an encoded key.
  case after([UInt8])
  /// With the keys that begin with these bytes, and there are no others.
  case within([UInt8])
  /// The same, behind an encoded key.
  case withinAfter([UInt8], key: [UInt8])
}

package struct ScanPage: Equatable, Sendable {
  package let moment: ReadMoment
  /// The encoded key behind which the next page begins; nil when this was the last.
  package let next: [UInt8]?
}

extension Catalog {
  /// All features of a view that were not removed, in the order of its contract.
  package func vector(of view: CatalogView, in project: String) throws(StoreError) -> PreparedVector {
    try pastVector(of: view, in: project).served()
  }

  /// The same of a retired view, too.
  package func pastVector(of view: CatalogView, in project: String) throws(StoreError) -> PreparedVector {
    try pastVector(features: view.contract.features.map { "\(view.spelling):\($0.name)" }, in: project)
  }
}

extension StoreReader {
  /// Lends what is known of a page of entities: at most `rowsMax`, and only those of which anything may be seen. The
  /// vector is of one view, as `Catalog.vector(of:in:)` makes it. A page may have fewer rows, even none, and not be the last.
  package mutating func scan(
    _ vector: PreparedVector, _ start: ScanStart = .beginning, rowsMax: Int, at time: ReadTime? = nil,
    _ body: (_ key: RawSpan, _ found: FoundRow) -> Void
  ) throws(StoreError) -> ScanPage {
    precondition(vector.groups.count == 1, "a scan is of one view")
    precondition(rowsMax >= 1, "a page has room for a row")
    let time = time ?? ReadTime(nanoseconds: shared.clock.wall().nanoseconds)
    for _ in 0..<StoreLimits.readTriesMax {
      if let page = try Self.scan(vector, start, rowsMax, time, shared, &overlay, &state, body) {
        return page
      }
    }
    throw .notYet(state.touched, visible: state.visible)
  }

  private static func scan(
    _ vector: PreparedVector, _ start: ScanStart, _ rowsMax: Int, _ time: ReadTime, _ shared: StoreShared,
    _ overlay: inout OverlayReader, _ state: inout ReaderState,
    _ body: (_ key: RawSpan, _ found: FoundRow) -> Void
  ) throws(StoreError) -> ScanPage? {
    let view = overlay.enter()
    var next: [UInt8]?
    let features = vector.groups[0].features
    let moment = try state.attempt(vector, minimum: .none, at: time, view, shared) {
      (rows, snapshot, catalog, shadows) throws(IndexError) in
      var search = ScanSearch(vector, start, rowsMax: rowsMax)
      try search.look(into: &snapshot)
      search.look(into: view)
      let keys = try search.keys(for: vector)
      next = search.next
      try rows.read(vector, keys, at: time, view, &snapshot, catalog) { row, _, found in
        if found.hasAny(of: features) { body(keys.key(row: row, role: 0), found) }
      }
      // An entity may be missing that only lost records told of.
      return shadows.contains { $0.mayConcern(vector.groups[0].view) }
    }
    return moment.map { ScanPage(moment: $0, next: next) }
  }
}

/// The least whole keys of a view after a bound. `found` holds each key at least once, and after `trim` at most `rowsMax` of
/// them, ascending; no key at or below `end` is missing.
private struct ScanSearch {
  private let prefix: [UInt8]
  private let bound: [UInt8]
  private let view: [UInt8]
  private let rowsMax: Int
  private var found: [[UInt8]] = []
  /// Greater keys were not all looked at; nil: there is no such limit.
  private var end: [UInt8]?
  /// The entity's key behind which the next page begins.
  private(set) var next: [UInt8]?

  private static let headByteCount = 8
  private static let viewByteCount = 4

  init(_ vector: PreparedVector, _ start: ScanStart, rowsMax: Int) {
    let role = vector.roles[0]
    let head = Self.bigEndian(role.project.rawValue) + Self.bigEndian(role.entity.rawValue)
    view = Self.bigEndian(vector.groups[0].view.rawValue)
    let last = [UInt8](repeating: 0xff, count: Self.viewByteCount)
    switch start {
    case .beginning: (prefix, bound) = (head, head)
    case .after(let key): (prefix, bound) = (head, head + key + last)
    case .within(let bytes): (prefix, bound) = (head + bytes, head + bytes)
    case .withinAfter(let bytes, let key): (prefix, bound) = (head + bytes, head + key + last)
    }
    self.rowsMax = rowsMax
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  /// The first `rowsMax` keys of the index, or fewer when many of other views lie between them.
  mutating func look(into index: inout IndexReader) throws(IndexError) {
    var left = StoreLimits.scanKeysMax
    var found: [[UInt8]] = []
    var end: [UInt8]?
    /// The last key, but with the greatest of view versions.
    var last: [UInt8] = []
    try index.forEachKey(of: unsafe prefix.span.bytes, after: unsafe bound.span.bytes) { key in
      left -= 1
      // All of an entity's views are looked at, or none.
      let isSame = last.count == key.byteCount && Self.isSameEntity(key, unsafe last.span.bytes)
      if left < 0, !isSame {
        end = last
        return false
      }
      if isOfView(key) { found.append(key.copied()) }
      // One more than fits, to know whether there is a next page.
      if found.count > rowsMax {
        end = key.copied()
        return false
      }
      if !isSame {
        last = key.copied()
        for place in 0..<Self.viewByteCount { last[last.count - 1 - place] = 0xff }
      }
      return true
    }
    self.found = found
    self.end = end
  }

  mutating func look(into overlay: borrowing OverlayView) {
    var found = found
    overlay.forEachKey { key in
      guard isOfView(key), key.byteCount >= prefix.count,
        key.extracting(..<prefix.count).isEqual(to: unsafe prefix.span.bytes),
        key.compare(to: unsafe bound.span.bytes) > 0
      else { return }
      if let end, key.compare(to: unsafe end.span.bytes) > 0 { return }
      found.append(key.copied())
      if found.count > 4 * (rowsMax + 1) { Self.trim(&found, to: rowsMax + 1) }
    }
    Self.trim(&found, to: rowsMax + 1)
    self.found = found
  }

  /// The keys of the page, as a request's.
  mutating func keys(for vector: PreparedVector) throws(IndexError) -> RequestKeys {
    if found.count > rowsMax {
      found.removeLast(found.count - rowsMax)
      next = found.last.map { Self.entityKey(of: $0) }
    } else if let end {
      next = Self.entityKey(of: end)
    }
    var keys = RequestKeys(for: vector)
    for key in found {
      let entityKey = Self.entityKey(of: key)
      do throws(StoreError) { try keys.append(encoded: unsafe entityKey.span.bytes) } catch {
        // Every key in there was checked when its row was written.
        throw .damaged(.key(key))
      }
    }
    return keys
  }

  private func isOfView(_ key: RawSpan) -> Bool {
    key.byteCount > Self.headByteCount + Self.viewByteCount
      && key.extracting(last: Self.viewByteCount).isEqual(to: unsafe view.span.bytes)
  }

  private static func isSameEntity(_ a: RawSpan, _ b: RawSpan) -> Bool {
    a.extracting(droppingLast: viewByteCount).isEqual(to: b.extracting(droppingLast: viewByteCount))
  }

  private static func entityKey(of key: [UInt8]) -> [UInt8] {
    Array(key.dropFirst(headByteCount).dropLast(viewByteCount))
  }

  /// The least of them, ascending, each once.
  private static func trim(_ keys: inout [[UInt8]], to count: Int) {
    keys.sort { $0.lexicographicallyPrecedes($1) }
    var last: [UInt8]?
    keys.removeAll { key in
      defer { last = key }
      return key == last
    }
    if keys.count > count { keys.removeLast(keys.count - count) }
  }
}
