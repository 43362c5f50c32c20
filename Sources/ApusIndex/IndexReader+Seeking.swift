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

  /// Of which view version the row is that is at or after a key that was sought, or where `nextView` went from there; nil when it is
  /// not of the same entity's key.
  package mutating func view(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> UInt32? {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    let tree = tree
    return try sought.lend(place) { (prefix, search) throws(IndexError) in
      try tree.view(&search, prefix: prefix)
    }
  }

  /// Goes to the row after the one of which `view` was the last to tell, and tells of that.
  package mutating func nextView(
    of sought: inout SoughtKeys, at place: Int, after view: UInt32
  ) throws(IndexError) -> UInt32? {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    let tree = tree
    let next = try sought.lend(place) { (prefix, search) throws(IndexError) in
      search.low &+= 1
      search.rows &-= 1
      return try tree.view(&search, prefix: prefix)
    }
    // Views ascend, whatever pages say: so a walk ends.
    if let next, next <= view { throw tree.damage(sought.searches[place].page) }
    return next
  }

  /// The row of which `view` or `nextView` was the last to tell. Only rows that are asked for are checked.
  @_lifetime(&self)
  package mutating func viewRow(of sought: inout SoughtKeys, at place: Int) throws(IndexError) -> IndexRow {
    transaction.checkIsLive()
    let before = region.enter()
    defer { region.leave(before) }
    let node = try tree.row(sought.searches[place])
    return try verified(node.value, of: node.key)
  }
}
