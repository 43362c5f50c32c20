// The rows of one read, between renew and reset of the index's snapshot: row by row, role by role, view by view.
//
// A role with one view is one search in the index; one with several is one search and a walk, because the rows of an
// entity's key lie side by side in the order of view versions, as the role's groups do.

import ApusBytes
import ApusContracts
import ApusIndex

struct RowReader: ~Copyable {
  private var folder = RowFolder()
  private var key = IndexKey()
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
    for row in 0..<keys.count {
      for role in vector.roles.indices {
        let groups = vector.roles[role].groups
        let first = vector.groups[groups.lowerBound].view
        key.set(
          project: vector.roles[role].project.rawValue, entity: vector.roles[role].entity.rawValue,
          key: keys.key(row: row, role: role), view: first.rawValue)
        let erased = erasedThrough(keys.key(row: row, role: role), first, catalog)
        let context = Context(catalog: catalog, time: time, erasedThrough: erased)
        if groups.count == 1 {
          try Self.get(context, first, key, overlay, &index, &folder) { body(row, groups.lowerBound, $0) }
        } else {
          try Self.walk(context, groups, vector, &key, overlay, &index, &folder) { body(row, $0, $1) }
        }
      }
    }
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
    let catalog: Catalog
    let time: ReadTime
    let erasedThrough: LSN?
  }

  private static func get(
    _ context: Context, _ view: ViewVersionID, _ key: borrowing IndexKey, _ overlay: borrowing OverlayView,
    _ index: inout IndexReader, _ folder: inout RowFolder, _ body: (FoundRow) -> Void
  ) throws(IndexError) {
    if let found = try index.get(key.bytes) {
      try lend(found.bytes, of: view, context, key, overlay, &folder, body)
    } else {
      try lend(nil, of: view, context, key, overlay, &folder, body)
    }
  }

  private static func walk(
    _ context: Context, _ groups: Range<Int>, _ vector: PreparedVector, _ key: inout IndexKey,
    _ overlay: borrowing OverlayView, _ index: inout IndexReader, _ folder: inout RowFolder,
    _ body: (_ group: Int, FoundRow) -> Void
  ) throws(IndexError) {
    var view = try index.firstView(of: key.entityPrefix, from: key.bytes, rows: groups.count)
    for group in groups {
      let wanted = vector.groups[group].view
      while let found = view, found < wanted.rawValue {
        view = try index.nextView(of: key.entityPrefix)
      }
      key.set(view: wanted.rawValue)
      if view == wanted.rawValue {
        try lend(try index.viewRow().bytes, of: wanted, context, key, overlay, &folder) { body(group, $0) }
      } else {
        try lend(nil, of: wanted, context, key, overlay, &folder) { body(group, $0) }
      }
    }
  }

  /// Lends what `key` has, given what the index has of it.
  private static func lend(
    _ indexed: RawSpan?, of view: ViewVersionID, _ context: Context, _ key: borrowing IndexKey,
    _ overlay: borrowing OverlayView, _ folder: inout RowFolder, _ body: (FoundRow) -> Void
  ) throws(IndexError) {
    var isRow = true
    // The reader has seen that the catalog knows every view of the vector.
    context.catalog.lend(view) { view in
      let (time, ttl, erasedThrough) = (context.time, view.ttlNanoseconds, context.erasedThrough)
      do throws(RowError) {
        try folder.lend(indexed, of: key.bytes, in: overlay, view) { row in
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
    if !isRow { throw .damaged(.row(key: key.bytes.copied())) }
  }
}
