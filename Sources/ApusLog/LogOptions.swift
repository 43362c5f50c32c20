package import ApusBytes

/// What the owner of a log may choose.
package struct LogOptions: Sendable {
  /// Bytes that a segment is preallocated with. A frame must fit into one.
  package var segmentByteCount = Format.segmentByteCount
  /// LSNs reserved at a time; a crash skips at most so many.
  package var ceilingStep = Format.ceilingStep
  /// Up to where the index is complete: damage below it loses nothing that the index does not hold.
  package var checkpoint = LSN.none
  /// Makes a store where there is none.
  package var creates = true

  package init() {}
}
