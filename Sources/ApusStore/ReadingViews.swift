// What reading asks of a view version, lent for each row. A reference to a `CatalogView` would be counted, up and down, for each row that is looked at:
// in all threads at one place in memory, and on one thread as dear as the row's checksum.

import ApusContracts

/// Of one view version; `CatalogView` says what is what.
struct ReadingView: ~Copyable {
  let layout: RowLayout
  let ttlNanoseconds: Int64?
  let removed: [UInt64]

  init(_ view: CatalogView) {
    layout = view.layout
    ttlNanoseconds = view.ttlNanoseconds
    removed = view.removed
  }
}

/// Of all view versions of a catalog, in its order. What `start` points to is immutable.
@safe
final class ReadingViews: @unchecked Sendable {
  private let start: UnsafeMutablePointer<ReadingView>
  private let count: Int

  init(_ views: [CatalogView]) {
    count = views.count
    unsafe start = .allocate(capacity: views.count)
    for (place, view) in views.enumerated() { unsafe (start + place).initialize(to: ReadingView(view)) }
  }

  deinit {
    unsafe start.deinitialize(count: count)
    unsafe start.deallocate()
  }

  /// A trap when there is none at `place`.
  @inline(__always)
  func lend(_ place: Int, _ body: (borrowing ReadingView) -> Void) {
    precondition(place >= 0 && place < count, "a catalog has so many view versions")
    // Initialised until `deinit`, which cannot be before this call ends.
    unsafe body(start[place])
    withExtendedLifetime(self) {}
  }
}
