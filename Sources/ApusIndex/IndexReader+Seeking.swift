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
    try seekInside(&sought)
  }

  /// The row of a key that was sought in this snapshot, or nil when there is none.
  @_lifetime(&self)
  package mutating func row(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> IndexRow? {
    let search = sought.searches[place]
    guard search.isFound else { return nil }
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    return try verified(tree.row(search).value, of: sought.key(at: place))
  }

  /// The row of a view version of the entity's key that was sought, or nil when there is none. Who asks for several goes from row to row, so they
  /// are asked for in their order, none before the one that was sought. Only rows that are asked for are checked.
  @_lifetime(&self)
  package mutating func row(
    of sought: inout SoughtKeys, at place: Int, view: UInt32
  ) throws(IndexError) -> IndexRow? {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    let tree = tree
    try sought.lend(place) { (prefix, search) throws(IndexError) in
      try tree.walk(&search, to: view, prefix: prefix)
    }
    let search = sought.searches[place]
    guard search.walk == .atRow, search.view == view else { return nil }
    let node = try self.tree.row(search)
    return try verified(node.value, of: node.key)
  }

  /// The first view version that is not before `wanted` and of which the entity's key has a row; nil when there is none. As in `row`, order is kept.
  package mutating func view(
    of sought: inout SoughtKeys, at place: Int, from wanted: UInt32
  ) throws(IndexError) -> UInt32? {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    let tree = tree
    return try sought.lend(place) { (prefix, search) throws(IndexError) in
      try tree.walk(&search, to: wanted, prefix: prefix)
      return search.walk == .atRow ? search.view : nil
    }
  }
}
