// What bounds the overlay. Overlay.md says why each number is what it is, and a test compares the two.

package enum OverlayLimits {
  /// Generations in the root at once, the active one included.
  package static let generationsMax = 8
  /// Readers registered at once: loops, workers and callers in the same process.
  package static let readersMax = 64

  /// What LMDB takes.
  package static let keyByteCountMax = 511
  /// The longest row that features can make, however many requests it takes.
  package static let versionByteCountMax = 2_148_532_224

  /// A generation's first chunk of memory; each later one is as large as all before, up to the largest.
  package static let chunkByteCountMin = 1 << 16
  package static let chunkByteCountMax = 1 << 20
  /// What needs more than this gets a chunk of its own, so that no chunk is left with more than this unused.
  package static let sharedByteCountMax = chunkByteCountMax / 8

  /// A new generation's table; a power of two.
  package static let tableSlotsMin = 1 << 10
  /// Slots per key before a table is doubled: at least half of the slots are always empty.
  package static let slotsPerKeyMin = 2

  /// Keys of a frame that are looked up together, and of a checkpoint that are read together.
  package static let scoutedKeysMax = 32

  /// Words that different threads write lie this far apart: two cache lines, because processors fetch pairs.
  package static let lineByteCount = 128
  /// Tables and roots are aligned to this, which frees six bits of their addresses for a number below 64.
  package static let wordAlignment = 64
}
