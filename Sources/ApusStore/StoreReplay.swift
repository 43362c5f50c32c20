// The log, applied again: the tail when a store opens, all of it when its index is built anew. Whenever the overlay has
// grown to a generation it is checkpointed, so memory is bounded whatever the log's length.
//
// Nothing is checkpointed below *touched*: what an interrupted checkpoint began must be done in one piece.

import ApusBytes
import ApusIndex
import ApusLog
import ApusSystem

struct StoreReplay: ~Copyable {
  var applier: FrameApplier
  /// Of the overlay, when it is checkpointed.
  private let fullByteCount: Int
  /// Records that were applied.
  private(set) var records: UInt64 = 0
  private(set) var checkpoints = 0
  /// What could not be read, and no person accepted. With any, the store must not be written.
  private(set) var losses: [LSNRange]
  /// The first record whose loss a person accepted.
  private var firstAccepted: LSN?
  private var erasures: RecalledErasures?

  /// Begins with what the index has: its note, and everything up to its *complete*.
  /// `losses` are those that are known already.
  init(
    _ state: StoreState, after complete: LSN, losing losses: [LSNRange], catalog number: UInt64 = 1,
    fullAt fullByteCount: Int, _ options: StoreOptions
  ) {
    let overlay = OverlayWriter(after: complete, byteCountBudget: options.overlayByteCountBudget)
    applier = FrameApplier(state, catalog: number, overlay: overlay)
    self.losses = losses
    self.fullByteCount = fullByteCount
  }

  /// Applies every frame after what the index has, up to `last`, and shows it.
  mutating func run(
    _ log: LogReader, through last: LSN, into keeper: inout IndexKeeper
  ) throws(StoreError) {
    var scanner = try Self.begin(log, after: applier.overlay.visible)
    firstAccepted = log.view.accepted.ranges.first?.first
    var recalled = erasures ?? RecalledErasures(log.view)
    defer { erasures = recalled }
    // An index that is whole up to its *complete* stays so: what was found behind a loss does not get into it.
    let isBuilding = keeper.index == nil
    while let frame = try next(&scanner), frame.lsns.last <= last {
      while let kept = recalled.take(before: frame.lsns.first) { try applier.recall(kept) }
      try apply(scanner.payload, frame)
      if applier.overlay.byteCount >= fullByteCount, frame.lsns.last >= keeper.touched,
        losses.isEmpty || isBuilding
      {
        applier.overlay.publish(visible: frame.lsns.last)
        try checkpoint(into: &keeper)
      }
    }
    while let kept = recalled.take(before: last.next) { try applier.recall(kept) }
    if last > applier.overlay.visible { applier.overlay.publish(visible: last) }
  }

  /// Takes in those whose records would stand behind everything that is left of the log.
  mutating func recallTheRest() throws(StoreError) {
    while let kept = erasures?.take() { try applier.recall(kept) }
  }

  private mutating func apply(_ payload: RawSpan, _ frame: FrameHeader) throws(StoreError) {
    guard frame.type == .records else { return }
    // Where definitions or a producer's requests are lost, what rests on them is no reason not to open, accepted or not.
    let afterLoss = !losses.isEmpty || firstAccepted.map { $0 < frame.lsns.first } ?? false
    _ = try applier.apply(
      payload, FrameMoment(lsns: frame.lsns, time: frame.appendTime), afterLoss: afterLoss)
    records += UInt64(frame.recordCount)
  }

  /// Checkpoints everything that is visible. Afterwards there is an index.
  mutating func checkpoint(into keeper: inout IndexKeeper) throws(StoreError) {
    let generation: FrozenGeneration?
    do throws(OverlayError) { generation = try applier.overlay.freeze() } catch {
      preconditionFailure("a replay drops each generation before it freezes another")
    }
    var note = ByteWriter()
    // An index that was made without lost records must not be taken for one that has everything: without a note it is not used again.
    if losses.isEmpty { applier.state.writeNote(into: &note) }
    do throws(IndexError) {
      guard let generation else {
        if keeper.index == nil { try keeper.buildEmpty(note: note.bytes) }
        return
      }
      _ = try keeper.checkpoint(generation, applier.catalog, note: note.bytes)
      applier.overlay.drop(generation)
    } catch {
      throw .index(error)
    }
    checkpoints += 1
  }

  private static func begin(_ log: LogReader, after lsn: LSN) throws(StoreError) -> LogScanner {
    do throws(LogError) { return try log.scan(from: max(lsn.next, log.view.floor)) } catch {
      throw .log(error)
    }
  }

  /// The next frame that can be read; what cannot be is passed, and told.
  private mutating func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged(let damage) = error else { throw .log(error) }
        losses.append(damage.lsns)
      }
    }
  }
}
