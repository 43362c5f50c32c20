// One thread's right to read. Every read is of one LSN, takes no lock unless something was published, asks for no memory
// once its buffers have grown, and gives back what it holds of overlay and index before it returns, however it ends.
//
// The order of steps is Store.md's: enter the overlay (which fixes L), take over what was published, renew the index's
// snapshot, begin again if that is beyond L.

package import ApusBytes
package import ApusContracts
import ApusIndex
import ApusSystem

/// What a read was of.
package struct ReadMoment: Equatable, Sendable {
  /// All that is visible up to here was read, and nothing later.
  package let lsn: LSN
  /// Ages were judged at this moment.
  package let time: ReadTime
  /// The answers may lack something: see `StoreHealth`.
  package let isFlagged: Bool
  package let catalogNumber: UInt64
}

package struct StoreReader: ~Copyable {
  let shared: StoreShared
  // Apart, because a view borrows the first while the second is used.
  var overlay: OverlayReader
  var state: ReaderState

  package init(of shared: StoreShared) throws(StoreError) {
    do throws(OverlayError) {
      overlay = try OverlayReader(of: shared.overlay)
    } catch {
      throw .index(.tooManyReaders)
    }
    self.shared = shared
    state = ReaderState(shared.newest.1)
  }

  /// Lends what every group of the vector has of every row's keys, each once: rows in order, groups in order. What is
  /// lent ends with the call of `body`. When this throws, `body` may have been called for some; they mean nothing.
  package mutating func read(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, minimum: LSN = .none,
    at time: ReadTime? = nil, _ body: (_ row: Int, _ group: Int, _ found: FoundRow) -> Void
  ) throws(StoreError) -> ReadMoment {
    keys.check(areFor: vector)
    let time = time ?? ReadTime(nanoseconds: shared.clock.wall().nanoseconds)
    for _ in 0..<StoreLimits.readTriesMax {
      if let moment = try Self.read(vector, keys, minimum, time, shared, &overlay, &state, body) {
        return moment
      }
    }
    throw .notYet(state.touched, visible: state.visible)
  }

  private static func read(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, _ minimum: LSN, _ time: ReadTime,
    _ shared: StoreShared, _ overlay: inout OverlayReader, _ state: inout ReaderState,
    _ body: (_ row: Int, _ group: Int, _ found: FoundRow) -> Void
  ) throws(StoreError) -> ReadMoment? {
    let view = overlay.enter()
    return try state.read(vector, keys, minimum: minimum, at: time, view, shared, body)
  }

  /// Says that a row which this reader lent has a value that is none, and gives what is to be thrown.
  func damage(_ damage: IndexDamage) -> StoreError { state.failure(.damaged(damage), shared) }
}

/// A reader belongs to the thread whose transaction it holds.
@available(*, unavailable)
extension StoreReader: Sendable {}

/// What a reader keeps from read to read, besides its place in the overlay.
struct ReaderState: ~Copyable {
  /// The number of what was taken over; 0 before the first.
  private var number: UInt64 = 0
  private var published: StoreShared.Published
  /// The published index, if there is a reader of it.
  private var index: Index?
  private var snapshot: IndexReader?
  private var rows = RowReader()
  /// Of the snapshot that was ahead, and what it was ahead of.
  private(set) var touched = LSN.none
  private(set) var visible = LSN.none

  init(_ published: StoreShared.Published) { self.published = published }

  /// One try. Nil: the index is ahead of the view, and a new view will see as much.
  mutating func read(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, minimum: LSN, at time: ReadTime,
    _ overlay: borrowing OverlayView, _ shared: StoreShared,
    _ body: (_ row: Int, _ group: Int, _ found: FoundRow) -> Void
  ) throws(StoreError) -> ReadMoment? {
    try attempt(vector, minimum: minimum, at: time, overlay, shared) {
      (rows, snapshot, catalog, shadows) throws(IndexError) in
      guard !shadows.isEmpty else {
        try rows.read(vector, keys, at: time, overlay, &snapshot, catalog, body)
        return false
      }
      var mayLack = false
      try rows.read(vector, keys, at: time, overlay, &snapshot, catalog) { row, group, found in
        let asked = vector.groups[group]
        mayLack =
          mayLack
          || shadows.contains { $0.falls(on: found, asked, key: keys.key(row: row, role: asked.role)) }
        body(row, group, found)
      }
      return mayLack
    }
  }

  /// Runs `body` with a snapshot that is not ahead of the view, and gives it back. Nil: it is ahead. `body` says whether what it read may lack
  /// lost records.
  @inline(__always)
  mutating func attempt(
    _ vector: PreparedVector, minimum: LSN, at time: ReadTime, _ overlay: borrowing OverlayView,
    _ shared: StoreShared,
    _ body: (inout RowReader, inout IndexReader, Catalog, [LossShadow]) throws(IndexError) -> Bool
  ) throws(StoreError) -> ReadMoment? {
    let limit = overlay.visible
    if shared.number != number { try takeOver(shared) }
    guard published.catalog.has(vector.newestView) else {
      throw .unknownView(VersionedName(name: "\(vector.newestView)"), project: "")
    }
    guard minimum <= limit else { throw .notYet(minimum, visible: limit) }
    let done: (isRead: Bool, mayLack: Bool)?
    do throws(IndexError) {
      // In its place: a reader of the index is hundreds of bytes, which need not be moved out and back.
      done = try snapshot?.attempt(limit, &rows, published.catalog, published.health.shadows, body)
    } catch {
      throw failure(error, shared)
    }
    guard let done else { throw published.health.isClosed ? .closed : .rebuilding }
    if !done.isRead {
      (touched, visible) = (snapshot?.touched ?? .none, limit)
      return nil
    }
    return ReadMoment(
      lsn: limit, time: time, isFlagged: done.mayLack || published.health.isFlagged,
      catalogNumber: published.catalog.number)
  }

  private mutating func takeOver(_ shared: StoreShared) throws(StoreError) {
    let (number, newest) = shared.newest
    if newest.index !== index {
      // The old one is closed when the last reader has let it go.
      snapshot = nil
      index = newest.index
      if let index {
        do throws(IndexError) {
          snapshot = try index.reader()
        } catch {
          self.index = nil
          throw failure(error, shared)
        }
      }
    }
    published = newest
    rows.takeOver(newest.catalog.erasures)
    self.number = number
  }

  /// Reports what makes the index suspect, and gives what is to be thrown.
  func failure(_ error: IndexError, _ shared: StoreShared) -> StoreError {
    switch error {
    case .damaged(let damage):
      if let index { shared.report(error, epoch: index.epoch) }
      return .indexDamaged(damage)
    case .lmdb, .abandoned:
      if let index { shared.report(error, epoch: index.epoch) }
      return .index(error)
    case .inUse, .full, .tooManyReaders, .system:
      return .index(error)
    }
  }
}

extension IndexReader {
  /// Runs `body` in the newest snapshot, and gives that back; not when it is ahead of the limit.
  @inline(__always)
  fileprivate mutating func attempt(
    _ limit: LSN, _ rows: inout RowReader, _ catalog: Catalog, _ shadows: [LossShadow],
    _ body: (inout RowReader, inout IndexReader, Catalog, [LossShadow]) throws(IndexError) -> Bool
  ) throws(IndexError) -> (isRead: Bool, mayLack: Bool) {
    try renew()
    defer { reset() }
    guard touched <= limit else { return (false, false) }
    return (true, try body(&rows, &self, catalog, shadows))
  }
}
