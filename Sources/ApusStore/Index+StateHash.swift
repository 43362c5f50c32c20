import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex

// What two stores are compared by: their state and every row, key by key, as a reader may ever see it. What was erased and what a horizon
// let go of counts for nothing, whether it still lies there or not.

extension Index {
  /// SHA-256 of the note and of every row in the order of keys.
  func stateHash() throws(IndexError) -> SHA256.Digest {
    var sum = SHA256()
    var reader = try reader()
    try reader.renew()
    defer { reader.reset() }
    var state: StoreState?
    _ = try reader.note { note in
      sum.update(note)
      state = try? StoreState(note: note)
    }
    let sight = state.flatMap { RowSight($0) }
    var head = ByteWriter(capacity: 16)
    var seen = ByteWriter(capacity: 4_096)
    try reader.forEachRow { (key, row) throws(IndexError) in
      seen.removeAll()
      guard sight?.write(row.bytes, of: key, into: &seen) != true else {
        if !seen.isEmpty { Self.add(key, seen.bytes, &head, to: &sum) }
        return
      }
      Self.add(key, row.bytes, &head, to: &sum)
    }
    return sum.digest
  }

  private static func add(_ key: RawSpan, _ row: RawSpan, _ head: inout ByteWriter, to sum: inout SHA256) {
    head.removeAll()
    head.write(UInt64(key.byteCount))
    head.write(UInt64(row.byteCount))
    sum.update(head.bytes)
    sum.update(key)
    sum.update(row)
  }
}

/// Which parts of rows are hidden for good.
private struct RowSight {
  private let erasures: Erasures
  private let horizons: Horizons
  private let catalog: Catalog

  /// Nil when nothing is hidden.
  init?(_ state: StoreState) {
    if state.erasures.isEmpty, state.horizons.isEmpty { return nil }
    erasures = state.erasures
    horizons = state.horizons
    catalog = Catalog(number: 0, registry: state.registry, erasures: state.erasures)
  }

  /// Writes what is left of a row of which something may be hidden, nothing if all is; false for any other row.
  func write(_ bytes: RawSpan, of key: RawSpan, into seen: inout ByteWriter) -> Bool {
    guard key.byteCount > 12, let view = catalog[key.viewVersionOfKey] else { return false }
    let encoded = key.extracting(8..<(key.byteCount - 4))
    let floor = erasures.erase(of: encoded, in: view)?.floor ?? .none
    let oldest = horizons[view.id]?.oldest
    guard floor > .none || oldest != nil, let row = try? RowView(bytes, layout: view.layout) else {
      return false
    }
    for slot in view.layout.slots where row.state(slot.index) != .absent {
      guard let stamp = row.stamp(slot.index), stamp.lsn > floor else { continue }
      seen.write(UInt64(slot.index))
      seen.write(UInt64(row.state(slot.index) == .null ? 1 : 2))
      seen.write(stamp)
      let raw = row.cells.raw(slot)
      seen.write(UInt64(raw.byteCount))
      seen.write(raw)
    }
    // A delete older than D goes, once nothing older than itself is left.
    if let deleted = row.deleted, deleted.lsn > floor, oldest.map({ deleted.eventTime >= $0 }) ?? true {
      seen.write(UInt64.max)
      seen.write(deleted)
    }
    return true
  }
}

extension ByteWriter {
  fileprivate mutating func write(_ stamp: Stamp) {
    write(stamp.eventTime.nanoseconds)
    write(stamp.createdAt.nanoseconds)
    write(stamp.lsn.rawValue)
  }
}
