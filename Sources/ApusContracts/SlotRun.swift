// Features whose values lie side by side in every row of a layout: where all of them have a value, those are one piece of bytes.

import ApusBytes

package struct SlotRun: Equatable, Sendable {
  /// Where the values begin in the slots.
  let at: Int
  private(set) var byteCount: Int

  /// The run of one feature; nil when it has no slot.
  package init?(_ slot: FeatureSlot) {
    if slot.isVariable { return nil }
    (at, byteCount) = (slot.at, slot.width)
  }

  /// Takes another feature to the run's end; false when its slot is not there.
  package mutating func extend(by slot: FeatureSlot) -> Bool {
    guard !slot.isVariable, slot.at == at + byteCount else { return false }
    byteCount += slot.width
    return true
  }
}

extension RowCells {
  private static let highBits: UInt64 = 0xaaaa_aaaa_aaaa_aaaa

  /// Whether every feature before this index has a value.
  package func haveValues(below end: Int) -> Bool {
    guard end <= count else { return false }
    var at = 0
    var left = 2 &* end
    while left > 0 {
      // Two bits for each feature, of which the higher is set for a value; 24 features in the first word behind n, then 32 in each.
      let room = at == 0 ? 48 : 64
      let used = min(left, room)
      let mask = (UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- used)) &<< (at == 0 ? 16 : 0)
      guard loadWord(at: at) & mask & Self.highBits == mask & Self.highBits else { return false }
      left &-= used
      at &+= 8
    }
    return true
  }

  /// The values of a run, all of which are there: `haveValues` has said so.
  @_lifetime(copy self)
  package func raw(_ run: SlotRun) -> RawSpan {
    bytes.extracting((slotsAt &+ run.at)..<(slotsAt &+ run.at &+ run.byteCount))
  }
}
