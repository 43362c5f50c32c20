// What a store tells strangers about itself, in plain bytes: whose LSNs these are, and how lasting an acknowledgement is.

import ApusIndex
import ApusLog

package struct StoreIdentity: Equatable, Sendable {
  /// 16 bytes.
  package let id: [UInt8]
  /// 16 bytes: which history of the store gives out its LSNs.
  package let timeline: [UInt8]
  /// Acknowledged means synced.
  package let isDurable: Bool
}

extension Store {
  package var identity: StoreIdentity {
    let view = log.view
    return StoreIdentity(
      id: view.storeID.bytes, timeline: view.timeline.bytes, isDurable: options.durability == .durable)
  }

  /// The index is being made anew: reads wait, writes go on.
  package var isRebuilding: Bool { shared.newest.1.index == nil && !health.isClosed }
}

extension StoreError {
  /// The same as the store's own word, where a refusal of the log or the index means just that.
  package var plain: StoreError {
    switch self {
    case .log(.diskFull(let cause)): .diskFull(cause)
    case .log(.payloadTooLong(let byteCount, let max)): .batchTooLong(byteCount: byteCount, max: max)
    case .log(.clockJump(let jump)): .clockJump(jump)
    case .log(.stopped(let cause)): .stopped(because: cause)
    case .log(.closed): .closed
    case .log(.lost(let range)): .readOnly([range])
    case .index(.damaged(let damage)): .indexDamaged(damage)
    case .index(.lmdb), .index(.abandoned): .rebuilding
    default: self
    }
  }
}
