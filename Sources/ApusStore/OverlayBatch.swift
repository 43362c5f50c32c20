// A bulk batch on its way into the overlay: built by any thread, beside the writer, then put in place at once.

package import ApusBytes

/// A generation being built from keys that come in ascending order, each once.
///
/// The only owner of what it builds, so it may move to another thread.
@safe
package struct OverlayBatch: ~Copyable, @unchecked Sendable {
  package let overlay: Overlay
  package private(set) var firstLSN = LSN.endless
  package private(set) var lastLSN = LSN.none
  private var generation: OverlayGeneration
  private var last: OverlayEntry?

  /// A batch for this overlay; it grows beyond `keyCount` when it must.
  package init(for overlay: Overlay, keyCount: Int = 0) {
    self.overlay = overlay
    generation = OverlayGeneration(slotsExpected: OverlayTable.slots(forKeys: keyCount))
  }

  package var keyCount: Int { generation.keyCount }
  package var byteCount: Int { generation.byteCount }
  var hash: OverlayHash { overlay.hash }

  /// Adds the fold of all the batch's events of a key, the last of which has this LSN.
  package mutating func append(key: RawSpan, lsn: LSN, version: RawSpan) {
    precondition(key.byteCount <= OverlayLimits.keyByteCountMax, "a key fits the index")
    precondition(version.byteCount <= OverlayLimits.versionByteCountMax, "a version has its limit")
    if let last {
      precondition(last.key.compare(to: key) < 0, "a batch's keys ascend, and each comes once")
    }
    // Nobody reads here yet, so an outgrown table just goes.
    let (entry, _) = generation.insert(key, hash: hash.hash(key), version, lsn: lsn)
    last = entry
    firstLSN = min(firstLSN, lsn)
    lastLSN = max(lastLSN, lsn)
  }

  /// What was built, as the generation of these LSNs; the batch begins anew.
  mutating func take(as range: LSNRange) -> FrozenGeneration {
    let built = generation.frozen(range)
    generation = OverlayGeneration()
    last = nil
    firstLSN = .endless
    lastLSN = .none
    return built
  }
}
