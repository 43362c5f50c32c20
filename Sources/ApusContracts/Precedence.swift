// The comparison that all of SEMANTICS rests on: of two visible events that speak of a feature, the one with the greater stamp wins, deletes
// included. It is asked by the fold that explains cells and by the sweep that makes training sets; a test holds both against the fold of rows.

package enum Precedence {
  /// Whether an event wins over what is known of a feature. Whoever has events in the order of their stamps may give their places in it
  /// instead of the stamps: equal ones are the same event.
  @inlinable @inline(__always)
  package static func wins<Rank: Comparable>(_ new: Rank, over known: Rank) -> Bool { new > known }
}
