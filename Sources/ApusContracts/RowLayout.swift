// Where each feature's value stands. Features are numbered by their interned index, in order of addition, and only
// appended: the place of one depends on those before it alone, so one layout reads the rows of all earlier revisions.

/// One feature's place, resolved once, used for every row.
@usableFromInline
package struct FeatureSlot: Sendable {
  package let type: FeatureType
  @usableFromInline internal let position: Int
  /// Fixed size: where the slot begins in the slots. Variable: which of the ends is this feature's.
  @usableFromInline internal let at: Int
  /// Of the slot; 0 when the value is variable.
  @usableFromInline internal let width: Int

  // Of cells that end with this feature:
  let slotsByteCount: Int
  let variableCount: Int

  /// The feature's interned index.
  @inlinable package var index: Int { position }
  @inlinable package var isVariable: Bool { width == 0 }
}

/// The places of all features of a view version, those of earlier revisions and removed ones included.
package struct RowLayout: Sendable {
  package let slots: [FeatureSlot]
  /// The features of variable size, in order.
  let variables: [FeatureSlot]

  /// The types by interned index. Nil when there are more than `RowFormat.featureCountMax`.
  package init?(_ types: [FeatureType]) {
    guard types.count <= RowFormat.featureCountMax else { return nil }
    var slots: [FeatureSlot] = []
    slots.reserveCapacity(types.count)
    var end = 0
    var variableCount = 0
    for (index, type) in types.enumerated() {
      let at: Int
      if let width = type.slotByteCount {
        at = (end + width - 1) & ~(width - 1)
        end = at + width
      } else {
        at = variableCount
        variableCount += 1
      }
      slots.append(
        FeatureSlot(
          type: type, position: index, at: at, width: type.slotByteCount ?? 0,
          // The ends follow, four bytes each.
          slotsByteCount: (end + 3) & ~3, variableCount: variableCount))
    }
    self.slots = slots
    variables = slots.filter(\.isVariable)
  }

  /// The layout of a version's rows at its revision, which reads those of all earlier ones. Nil for a version that no
  /// registry holds: it has too many features.
  package init?(of version: RegisteredVersion) { self.init(version.features.map(\.definition.type)) }

  package var count: Int { slots.count }
}
