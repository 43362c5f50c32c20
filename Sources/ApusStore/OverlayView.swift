// One read: a reader inside, the LSN it reads at, and the root it found. What is lent here ends with the view.

package import ApusBytes

/// A thread's right to read an overlay. Between `enter` and the view's end memory is held back for it.
///
/// The only owner of its place, so it may move to another thread, but has one view at a time.
@safe
package struct OverlayReader: ~Copyable, @unchecked Sendable {
  private let overlay: Overlay
  private let place: Int
  private let slot: OverlayWord
  private let epoch: OverlayWord
  private let visible: OverlayWord
  private let root: OverlayWord
  private let hash: OverlayHash

  /// Registers a reader, which keeps its place until it is gone.
  package init(of overlay: Overlay) throws(OverlayError) {
    place = try overlay.claimPlace()
    self.overlay = overlay
    hash = overlay.hash
    slot = overlay.slot(place)
    epoch = overlay.epoch
    visible = overlay.visible
    root = overlay.root
  }

  deinit { overlay.releasePlace(place) }

  /// Begins a read at the LSN that is visible now. It never waits, takes no lock and allocates nothing.
  @_lifetime(&self)
  package mutating func enter() -> OverlayView {
    // 1. Say from when on memory is needed. In the order of all: what follows sees every root and table that the
    //    writer had put in place before it looked at this slot and found nothing.
    let now = epoch.published
    slot.ordered = now
    // 2. The LSN before the root: a root found later has every generation up to that LSN, except checkpointed ones.
    let limit = visible.published
    let found = OverlayRoot(word: root.ordered)
    return unsafe _overrideLifetime(
      OverlayView(slot: slot, root: found, hash: hash, visible: LSN(UInt64(limit))), mutating: &self)
  }
}

/// The overlay at one LSN. Neither it nor what it lends can outlive the reader's turn.
@safe
package struct OverlayView: ~Copyable, ~Escapable {
  /// Everything up to here is seen, and nothing after it.
  package let visible: LSN
  private let root: OverlayRoot
  private let hash: OverlayHash
  private let slot: OverlayWord

  @_lifetime(immortal)
  fileprivate init(slot: OverlayWord, root: OverlayRoot, hash: OverlayHash, visible: LSN) {
    self.visible = visible
    self.root = root
    self.hash = hash
    self.slot = slot
  }

  /// Ends the read. The same happens to a view that is simply let go.
  package consuming func leave() {}

  deinit {
    // Release: every load of this read comes before what the writer does when it finds the slot empty.
    slot.published = 0
  }

  package var generationCount: Int { root.count }

  /// Lends, newest generation first, each generation's newest version of `key` up to `limit`, and the LSNs whose
  /// events that generation holds. (The active one's have no end yet.) What is lent ends with the call of `body`.
  ///
  /// The limit is at most `visible`, and at least the end of the newest generation that was dropped.
  @inline(__always)
  package func forEachGeneration<E: Error>(
    key: RawSpan, through limit: LSN, _ body: (RawSpan, LSNRange) throws(E) -> Void
  ) throws(E) {
    precondition(limit.rawValue <= visible.rawValue, "a read sees what is visible")
    let hash = hash.hash(key)
    for place in 0..<root.count {
      guard let version = root.newest(of: key, hash: hash, at: place, through: limit.rawValue) else {
        continue
      }
      try body(version.bytes, root.range(at: place))
    }
  }

  /// Lends every key that this read sees, in no order, and once for each generation that has it. It takes as long as there are
  /// keys, and holds memory back meanwhile.
  func forEachKey(_ body: (RawSpan) -> Void) {
    for place in 0..<root.count { root.forEachKey(at: place, through: visible.rawValue, body) }
  }

  /// False when no generation has any key, as between a checkpoint and the next event: then nothing need be looked for.
  @inline(__always)
  var hasKeys: Bool { root.hasKeys }

  /// What `version` asks for: the same for a key in all generations.
  @inline(__always)
  func hash(of key: RawSpan) -> UInt64 { hash.hash(key) }

  /// The version of a key that this read sees in one generation; place 0 is the newest generation, and there are
  /// `generationCount`.
  @inline(__always) @_lifetime(borrow self)
  func version(of key: RawSpan, hash: UInt64, at place: Int) -> RawSpan? {
    guard let version = root.newest(of: key, hash: hash, at: place, through: visible.rawValue) else {
      return nil
    }
    // Memory that a view can reach stays until the view has ended.
    return unsafe _overrideLifetime(version.bytes, borrowing: self)
  }
}
