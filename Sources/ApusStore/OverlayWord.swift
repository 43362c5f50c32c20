// A word that threads share: atomic, in memory that no value owns, and so reached by its address.

import Synchronization

/// Where an atomic word lies. Whoever holds one sees to it that the memory stays; the word itself may be used by any
/// thread, and where it lies is immutable. Overlay.md says which order is needed where.
@safe
struct OverlayWord: @unchecked Sendable {
  /// The first word of initialised ones, for as long as their allocation is held.
  private let start: UnsafeMutablePointer<Atomic<UInt>>

  /// Makes a word in a place that nobody else knows yet, aligned for it.
  init(at place: UnsafeMutableRawPointer, holding value: UInt) {
    unsafe start = unsafe place.bindMemory(to: Atomic<UInt>.self, capacity: 1)
    unsafe start.initialize(to: Atomic(value))
  }

  /// The word made at this address before.
  @inline(__always)
  init(madeAt place: UnsafeMutableRawPointer) {
    unsafe start = unsafe place.assumingMemoryBound(to: Atomic<UInt>.self)
  }

  /// The word so many places further on, which the caller knows to be there.
  @inline(__always)
  subscript(place: Int) -> OverlayWord { unsafe OverlayWord(start + place) }

  private init(_ start: UnsafeMutablePointer<Atomic<UInt>>) { unsafe self.start = unsafe start }

  var address: UInt { unsafe UInt(bitPattern: start) }

  var relaxed: UInt {
    @inline(__always) get { unsafe start.pointee.load(ordering: .relaxed) }
    nonmutating set { unsafe start.pointee.store(newValue, ordering: .relaxed) }
  }

  /// Loads with acquire order and stores with release order: who loads a value finds what came before its store.
  var published: UInt {
    @inline(__always) get { unsafe start.pointee.load(ordering: .acquiring) }
    nonmutating set { unsafe start.pointee.store(newValue, ordering: .releasing) }
  }

  /// Loads and stores in the one order of all such loads and stores, of any word; and as `published`.
  var ordered: UInt {
    @inline(__always) get { unsafe start.pointee.load(ordering: .sequentiallyConsistent) }
    nonmutating set { unsafe start.pointee.store(newValue, ordering: .sequentiallyConsistent) }
  }

  /// Makes a 1 of a 0, and says whether it was one.
  func claim() -> Bool {
    unsafe start.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiringAndReleasing).exchanged
  }
}

extension OverlayAllocation {
  /// Fills the beginning with `count` words of 0. Called once, before anybody else knows the address.
  func makeWords(count: Int) -> OverlayWord {
    precondition(count > 0 && count * MemoryLayout<UInt>.stride <= byteCount, "the words fit")
    for at in 0..<count { _ = unsafe OverlayWord(at: start + at * MemoryLayout<UInt>.stride, holding: 0) }
    return unsafe OverlayWord(madeAt: start)
  }
}
