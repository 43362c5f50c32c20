// Rows by their keys, many at a time. The way to a row goes over the mapped pages themselves (TreeSearch.swift) and not through LMDB, which can
// only wait for one after the other; what is found is judged as everything is: `IndexFormat.md` says when a value is good.

import ApusBytes
import ApusSystem

extension IndexReader {
  /// Seeks all keys in this snapshot.
  package mutating func seek(_ sought: inout SoughtKeys) throws(IndexError) {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    try tree.seek(&sought)
  }

  /// The row of a key that was sought in this snapshot, or nil when there is none.
  @_lifetime(&self)
  package mutating func row(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> IndexRow? {
    guard sought.searches[place].isFound else { return nil }
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    guard let node = try tree.node(place, &sought) else { return nil }
    return try verified(node.value, of: sought.key(at: place))
  }

  /// Of which view version the row is that is at or after a key that was sought, or where `nextView` went from there; nil when it is
  /// not of the same entity's key.
  @inline(__always)
  package mutating func view(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> UInt32? {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    guard let node = try tree.node(place, &sought) else { return nil }
    let prefix = sought.prefix(at: place)
    guard node.key.starts(with: prefix) else { return nil }
    guard node.key.byteCount == prefix.byteCount + IndexFormat.viewByteCount, let view = node.key.viewOfKey
    else { throw .damaged(.key(node.key.copied())) }
    return view
  }

  /// Goes to the row after the one of which `view` was the last to tell, and tells of that.
  @inline(__always)
  package mutating func nextView(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> UInt32? {
    sought.goOn(place)
    return try view(of: &sought, at: place)
  }

  /// The row of which `view` or `nextView` was the last to tell. Only rows that are asked for are checked.
  @inline(__always) @_lifetime(&self)
  package mutating func viewRow(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> IndexRow {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    guard let node = try tree.node(place, &sought) else { throw .damaged(.key([])) }
    return try verified(node.value, of: node.key)
  }
}
