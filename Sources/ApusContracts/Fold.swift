// The fold: the one rule by which all that was said of an entity becomes its row. `RowFormat.md` says why it is
// commutative, associative and idempotent, and why equal states have equal bytes. Overlay, checkpoint, rebuild,
// compaction and exporter call this one.

package import ApusBytes

package enum FoldOutcome: Equatable, Sendable {
  /// The result is the first row, byte for byte; nothing was written.
  case unchanged
  /// The result stands at the end of the writer.
  case written
}

package enum Fold {
  /// Folds what is known in `event`, which may be any row too, into `row`. `layout` is that of a revision as new as both.
  ///
  /// It cannot fail: both were checked. It allocates only when the writer grows, or, past a kilobyte of scratch, when a
  /// row of hundreds of features has many stamps.
  package static func fold(
    _ row: RowView, _ event: RowView, layout: borrowing RowLayout, into writer: inout ByteWriter
  ) -> FoldOutcome {
    if row.covers(event) { return .unchanged }
    let deleted = greater(row.deleted, event.deleted)
    if event.replaces(row) {
      event.write(deleted: deleted, into: &writer)
      return .written
    }
    return merge(row, event, deleted: deleted, layout: layout, into: &writer)
  }

  /// The winner of a feature among two parts of what is known, without folding all of it.
  package static func winner(_ row: RowView, _ event: RowView, _ index: Int) -> Cell {
    let (known, new) = (row.cell(index), event.cell(index))
    return new.wins(over: known) ? new : known
  }

  static func greater(_ a: Stamp?, _ b: Stamp?) -> Stamp? {
    guard let a else { return b }
    guard let b else { return a }
    return max(a, b)
  }
}

extension RowView {
  /// Writes this row, as it is or with a delete that clears none of its features.
  package func write(deleted: Stamp?, into writer: inout ByteWriter) {
    writer.reserve(
      RowFormat.cellsAt(stamps: stampCount, hasDelete: deleted != nil) + max(8, cells.bytes.byteCount)
        + places.byteCount)
    writer.writeRowHeader(stamps: stampCount, hasDelete: deleted != nil)
    if stampCount == 1 {
      writer.write(base)
    } else {
      writer.write(stamps)
    }
    if let deleted { writer.write(deleted) }
    if cells.count == 0 {
      // No features: n and no states, zeroes to 8.
      writer.write(0 as UInt64)
    } else {
      writer.write(cells.bytes)
    }
    writer.write(places)
  }

  /// Writes this row as it is.
  package func write(into writer: inout ByteWriter) { write(deleted: deleted, into: &writer) }

  /// Whether it is plain, without a look at any feature, that `other` changes nothing here.
  fileprivate func covers(_ other: RowView) -> Bool {
    if let theirs = other.deleted {
      guard let deleted, deleted >= theirs else { return false }
    }
    if other.stampCount == 0 { return true }
    if let deleted, other.base < deleted { return true }
    return other.base <= oldest && other.cells.count <= cells.count && cells.isComplete
  }

  /// Whether it is plain that every feature of `row` is cleared or overtaken here, and none of these is cleared there.
  fileprivate func replaces(_ row: RowView) -> Bool {
    if let theirs = row.deleted, stampCount > 0, oldest < theirs { return false }
    if row.stampCount == 0 { return true }
    if let deleted, row.base < deleted { return true }
    return row.base < oldest && row.cells.count <= cells.count && cells.isComplete
  }
}
