// The rows of one read, between renew and reset of the index's snapshot: row by row, role by role, view by view.
//
// The keys of all rows and roles are sought together, as many at a time as the index takes. A role with one view is one search in the index; one with
// several is one search and a walk, because the rows of an entity's key lie side by side in the order of view versions, as the role's groups do.

import ApusBytes
import ApusContracts
import ApusIndex

struct RowReader: ~Copyable {
  private var folder = RowFolder()
  private var key = IndexKey()
  private var sought = SoughtKeys()
  private var hasher: ErasureHasher?
  private var scratch = ByteWriter(capacity: 512)

  mutating func takeOver(_ erasures: Erasures) {
    hasher = erasures.isEmpty ? nil : ErasureHasher(salt: erasures.salt)
  }

  mutating func read(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, at time: ReadTime,
    _ overlay: borrowing OverlayView, _ index: inout IndexReader, _ catalog: Catalog,
    _ body: (_ row: Int, _ group: Int, _ found: FoundRow) -> Void
  ) throws(IndexError) {
    var next = 0
    while next < keys.count {
      let first = next
      next = min(keys.count, first + max(1, SoughtKeys.countMax / vector.roles.count))
      var role = 0
      // Nearly every vector has fewer roles than are sought at a time.
      while role < vector.roles.count {
        let end = min(vector.roles.count, role + SoughtKeys.countMax)
        try seek(first..<next, role..<end, vector, keys, overlay, &index)
        var place = 0
        for row in first..<next {
          for role in role..<end {
            try lend(row, role, place, vector, keys, at: time, overlay, &index, catalog, body)
            place += 1
          }
        }
        role = end
      }
    }
  }

  /// Seeks the keys of some roles in some rows.
  private mutating func seek(
    _ rows: Range<Int>, _ roles: Range<Int>, _ vector: PreparedVector, _ keys: borrowing RequestKeys,
    _ overlay: borrowing OverlayView, _ index: inout IndexReader
  ) throws(IndexError) {
    sought.removeAll()
    for row in rows {
      for role in roles {
        let groups = vector.roles[role].groups
        sought.append(
          project: vector.roles[role].project.rawValue, entity: vector.roles[role].entity.rawValue,
          key: keys.key(row: row, role: role), view: vector.groups[groups.lowerBound].view.rawValue,
          rows: groups.count)
      }
    }
    try index.seek(&sought)
  }

  /// Lends what the key of a role in a row has, which was sought as the one at `place`.
  @inline(__always)
  private mutating func lend(
    _ row: Int, _ role: Int, _ place: Int, _ vector: PreparedVector, _ keys: borrowing RequestKeys,
    at time: ReadTime, _ overlay: borrowing OverlayView, _ index: inout IndexReader, _ catalog: Catalog,
    _ body: (_ row: Int, _ group: Int, _ found: FoundRow) -> Void
  ) throws(IndexError) {
    let groups = vector.roles[role].groups
    let first = vector.groups[groups.lowerBound].view
    let erased = erasedThrough(keys.key(row: row, role: role), first, catalog)
    let context = Context(time: time, erasedThrough: erased)
    if groups.count == 1 {
      try Self.get(context, catalog, first, &sought, place, overlay, &index, &folder) {
        body(row, groups.lowerBound, $0)
      }
    } else {
      Self.set(&key, sought, place)
      try Self.walk(context, catalog, groups, vector, &key, &sought, place, overlay, &index, &folder) {
        body(row, $0, $1)
      }
    }
  }

  private static func set(_ key: inout IndexKey, _ sought: borrowing SoughtKeys, _ place: Int) {
    key.set(whole: sought.key(at: place))
  }

  /// The LSN up to which events of a key are not there.
  private mutating func erasedThrough(_ key: RawSpan, _ view: ViewVersionID, _ catalog: Catalog) -> LSN? {
    guard let hasher, let view = catalog[view] else { return nil }
    return catalog.erasures.erase(of: key, in: view, hasher, &scratch)?.floor
  }
}

// These borrow from one part of the reader while another changes, so each part is a parameter of its own.
extension RowReader {
  /// What a key's rows are lent with.
  private struct Context {
    let time: ReadTime
    let erasedThrough: LSN?
  }

  @inline(__always)
  private static func get(
    _ context: Context, _ catalog: Catalog, _ view: ViewVersionID, _ sought: inout SoughtKeys,
    _ place: Int, _ overlay: borrowing OverlayView, _ index: inout IndexReader, _ folder: inout RowFolder,
    _ body: (FoundRow) -> Void
  ) throws(IndexError) {
    if let found = try index.row(of: &sought, at: place) {
      try lend(found.bytes, of: view, context, catalog, sought.key(at: place), overlay, &folder, body)
    } else {
      try lend(nil, of: view, context, catalog, sought.key(at: place), overlay, &folder, body)
    }
  }

  private static func walk(
    _ context: Context, _ catalog: Catalog, _ groups: Range<Int>, _ vector: PreparedVector,
    _ key: inout IndexKey,
    _ sought: inout SoughtKeys, _ place: Int, _ overlay: borrowing OverlayView, _ index: inout IndexReader,
    _ folder: inout RowFolder, _ body: (_ group: Int, FoundRow) -> Void
  ) throws(IndexError) {
    for group in groups {
      let view = vector.groups[group].view
      key.set(view: view.rawValue)
      if let row = try index.row(of: &sought, at: place, view: view.rawValue) {
        try lend(row.bytes, of: view, context, catalog, key.bytes, overlay, &folder) { body(group, $0) }
      } else {
        try lend(nil, of: view, context, catalog, key.bytes, overlay, &folder) { body(group, $0) }
      }
    }
  }

  /// Lends what `key` has, given what the index has of it.
  @inline(__always)
  private static func lend(
    _ indexed: RawSpan?, of view: ViewVersionID, _ context: Context, _ catalog: Catalog, _ key: RawSpan,
    _ overlay: borrowing OverlayView, _ folder: inout RowFolder, _ body: (FoundRow) -> Void
  ) throws(IndexError) {
    var isRow = true
    // The reader has seen that the catalog knows every view of the vector.
    catalog.lend(view) { view in
      let (time, ttl, erasedThrough) = (context.time, view.ttlNanoseconds, context.erasedThrough)
      do throws(RowError) {
        try folder.lend(indexed, of: key, in: overlay, view.layout) { row in
          if view.removed.isEmpty {
            body(FoundRow(row, without: Span(), at: time, ttlNanoseconds: ttl, erasedThrough: erasedThrough))
          } else {
            let removed = view.removed
            body(
              FoundRow(
                row, without: removed.span, at: time, ttlNanoseconds: ttl, erasedThrough: erasedThrough))
          }
        }
      } catch {
        isRow = false
      }
    }
    if !isRow { throw .damaged(.row(key: key.copied())) }
  }
}
