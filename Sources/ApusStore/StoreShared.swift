// What every thread of a store may look at: the overlay, the clock, and the newest catalog and index, which are replaced
// and never changed.
//
// Whatever is published here raises `number`, with release order and before anything that rests on it becomes visible in
// the overlay. So a reader that loaded *visible* first and `number` afterwards knows every catalog it needs.

package import ApusBytes
package import ApusIndex
package import ApusSystem
import Synchronization

package final class StoreShared: Sendable {
  /// What is replaced as a whole.
  package struct Published: Sendable {
    package var catalog: Catalog
    /// Nil while it is rebuilt.
    package var index: Index?
    package var health: StoreHealth

    package init(catalog: Catalog, index: Index?, health: StoreHealth = StoreHealth()) {
      self.catalog = catalog
      self.index = index
      self.health = health
    }
  }

  package let overlay: Overlay
  package let clock: any Clock
  /// Who waits for LSNs.
  let watch = LSNWatch()
  private let published: Monitor<Published>
  private let publications = Atomic<UInt64>(1)
  private let suspects: @Sendable (_ epoch: UInt64, _ why: IndexError) -> Void

  /// `suspects` is told by readers what they found damaged, perhaps many times; it must not wait.
  package init(
    overlay: Overlay, clock: any Clock, _ first: Published,
    suspects: @escaping @Sendable (_ epoch: UInt64, _ why: IndexError) -> Void
  ) {
    self.overlay = overlay
    self.clock = clock
    published = Monitor(first)
    self.suspects = suspects
  }

  /// Rises whenever something else was published.
  package var number: UInt64 { publications.load(ordering: .acquiring) }

  /// The number is of what is given, or earlier.
  package var newest: (number: UInt64, Published) {
    let number = self.number
    return (number, published.withLock { $0 })
  }

  package func publish(_ change: (inout Published) -> Void) {
    published.withLock { change(&$0) }
    publications.add(1, ordering: .releasing)
  }

  /// To be called by whoever found the index of that epoch damaged.
  package func report(_ why: IndexError, epoch: UInt64) { suspects(epoch, why) }
}

/// How far a store can be trusted and used.
package struct StoreHealth: Equatable, Sendable {
  /// Records that are lost, until a person accepts it. Nothing is written, and every answer is flagged.
  package var losses: [LSNRange] = []
  /// Files of history that were not there at the opening. The index has the newest rows without them, the past may not be read.
  package var missing: [String] = []
  /// Losses that a person accepted, and that the newest rows may lack.
  package var shadows: [LossShadow] = []
  /// A sync failed: nothing is acknowledged any more, and what is read may be gone after a restart.
  package var hasStopped = false
  /// The store was closed, and nothing is read any more.
  package var isClosed = false

  package init() {}

  /// Whether answers must say that they may lack something.
  package var isFlagged: Bool { !losses.isEmpty || !missing.isEmpty || hasStopped }
}
