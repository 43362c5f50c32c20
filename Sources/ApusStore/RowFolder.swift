// What a read knows of one key: the fold of its index row and of one version per generation. The fold is commutative, so
// the order in which they are met means nothing.
//
// Mostly there is one of them, or the others add nothing to it: then its bytes are lent where they lie.

import ApusBytes
import ApusContracts

/// Two writers that take turns; kept, they stop allocating.
struct RowFolder: ~Copyable {
  private var result = ByteWriter(capacity: 4_096)
  private var scratch = ByteWriter(capacity: 4_096)

  /// Lends the row of a whole key as a read sees it; an empty one when nothing is known. Throws when `indexed`, the index's
  /// row, is none.
  @inline(__always)
  mutating func lend(
    _ indexed: RawSpan?, of key: RawSpan, in overlay: borrowing OverlayView, _ layout: borrowing RowLayout,
    _ body: (RowView) -> Void
  ) throws(RowError) {
    if overlay.hasKeys { return try lendFolded(indexed, of: key, in: overlay, layout, body) }
    if let indexed { body(try RowView(indexed, layout: layout)) } else { body(RowView()) }
  }

  @inline(never)
  private mutating func lendFolded(
    _ indexed: RawSpan?, of key: RawSpan, in overlay: borrowing OverlayView, _ layout: borrowing RowLayout,
    _ body: (RowView) -> Void
  ) throws(RowError) {
    let hash = overlay.hash(of: key)
    if let indexed {
      lend(try RowView(indexed, layout: layout), of: key, hash, after: 0, in: overlay, layout, body)
      return
    }
    for place in 0..<overlay.generationCount {
      guard let version = overlay.version(of: key, hash: hash, at: place) else { continue }
      let row = Self.row(version, layout: layout)
      lend(row, of: key, hash, after: place + 1, in: overlay, layout, body)
      return
    }
    body(RowView())
  }

  private mutating func lend(
    _ row: RowView, of key: RawSpan, _ hash: UInt64, after place: Int, in overlay: borrowing OverlayView,
    _ layout: borrowing RowLayout, _ body: (RowView) -> Void
  ) {
    var isFolded = false
    for place in place..<overlay.generationCount {
      guard let version = overlay.version(of: key, hash: hash, at: place) else { continue }
      isFolded = Self.fold(
        row, isFolded: isFolded, Self.row(version, layout: layout), layout: layout, &result,
        &scratch)
    }
    if isFolded {
      body(Self.row(result.bytes, layout: layout))
    } else {
      body(row)
    }
  }

  /// Folds a version into the row or, if something was folded into that already, into `result`; says whether `result`
  /// is now what counts.
  @inline(never)
  private static func fold(
    _ row: RowView, isFolded: Bool, _ version: RowView, layout: borrowing RowLayout,
    _ result: inout ByteWriter, _ scratch: inout ByteWriter
  ) -> Bool {
    scratch.removeAll()
    let outcome: FoldOutcome
    if isFolded {
      outcome = Fold.fold(self.row(result.bytes, layout: layout), version, layout: layout, into: &scratch)
    } else {
      outcome = Fold.fold(row, version, layout: layout, into: &scratch)
    }
    guard outcome == .written else { return isFolded }
    swap(&result, &scratch)
    return true
  }

  /// A row that this process made itself.
  @_lifetime(copy bytes)
  private static func row(_ bytes: RawSpan, layout: borrowing RowLayout) -> RowView {
    do throws(RowError) {
      return try RowView(bytes, layout: layout)
    } catch {
      preconditionFailure("what a fold made is a row: \(error)")
    }
  }
}
