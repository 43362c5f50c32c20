// What is left of a run that is damaged: the events of every block that is as it was written, in their order. A block that is not costs its own
// rows; a dictionary, the blocks that need it. What could not be read is counted, with the bounds of its keys, which stand in the tail.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusSystem

/// Events of a run that cannot be read.
package struct RunLoss: Equatable, Sendable {
  package var events: UInt64
  /// Bounds of their keys; both empty where nobody can say.
  package var least: [UInt8]
  package var greatest: [UInt8]

  package init(events: UInt64, least: [UInt8] = [], greatest: [UInt8] = []) {
    self.events = events
    self.least = least
    self.greatest = greatest
  }

  /// Takes in what another block lost. Blocks come in the order of their keys.
  mutating func add(events: Int, _ least: [UInt8], _ greatest: [UInt8]) {
    if self.events == 0 { self.least = least }
    self.events &+= UInt64(clamping: events)
    self.greatest = greatest
  }
}

extension RunReader {
  /// The events that can be read.
  package func salvage() -> RunSalvage { RunSalvage(blocks()) }
}

/// Used by one thread.
package final class RunSalvage: EventCursor {
  private var state: State
  private var batch = EventBatch()
  private var at = -1
  private var group = 0
  private var block = 0
  /// What was passed so far.
  package private(set) var loss = RunLoss(events: 0)

  /// A class cannot lend what it holds and change it; a struct can.
  private struct State: ~Copyable { var blocks: RunBlocks }

  init(_ blocks: consuming RunBlocks) { state = State(blocks: blocks) }

  package var current: EventPlace { EventPlace(batch, at) }

  package func advance() throws(HistoryError) -> Bool {
    if at + 1 < batch.count {
      at += 1
      return true
    }
    while group < state.blocks.rowGroupCount {
      if block == state.blocks.blockCount(of: group) {
        group += 1
        block = 0
        continue
      }
      defer { block += 1 }
      guard let next = try readable(), !next.isEmpty else { continue }
      batch = next
      at = 0
      return true
    }
    at = batch.count
    return false
  }

  /// The next block; nil when it cannot be read.
  private func readable() throws(HistoryError) -> EventBatch? {
    var next = EventBatch()
    do throws(HistoryError) {
      try state.blocks.read(group, block, into: &next)
      if !batch.isEmpty, !next.isEmpty { try RunBlocks.checkOrder(batch, batch.count - 1, next, 0) }
      return next
    } catch {
      // A sector that the disk does not give back is lost, too; any other refusal is of this process.
      if let refusal = error.refusal, refusal.errno != .inputOutput { throw error }
      if case .newer = error { throw error }
      let (count, bounds) = (state.blocks.rowCount(group, block), state.blocks.bounds(group, block))
      loss.add(events: count, bounds.least, bounds.greatest)
      return nil
    }
  }
}
