// What the owner of a store may choose. Store.md has the table.

package import ApusIndex
package import ApusLog

package struct StoreOptions: Sendable {
  package var log = LogOptions()
  package var durability = Durability.durable
  package var index = IndexOptions()
  package var overlayByteCountBudget = StoreLimits.overlayByteCountBudget
  package var generationByteCount = StoreLimits.generationByteCount
  package var generationAgeNanoseconds = StoreLimits.generationAgeNanoseconds
  package var diskReserveByteCount = StoreLimits.diskReserveByteCount
  package var deadLetterByteCountMax = StoreLimits.deadLetterByteCountMax
  package var deadLetterAgeNanosecondsMax = StoreLimits.deadLetterAgeNanosecondsMax
  package var producerIdleNanosecondsMax = StoreLimits.producerIdleNanosecondsMax
  package var waitingRequestsMax = StoreLimits.waitingRequestsMax
  package var waitingByteCountMax = StoreLimits.waitingByteCountMax
  package var lettersOfFrameMax = StoreLimits.lettersOfFrameMax
  package var groupByteCountMax = StoreLimits.groupByteCountMax
  /// Nil: the index is scrubbed only when asked.
  package var scrubPeriodNanoseconds: UInt64? = StoreLimits.scrubPeriodNanoseconds

  /// How runs are written and read.
  package var runs: any RunFiles = ParquetRuns()
  /// Whether the store compacts by itself; else only when asked.
  package var compacts = false
  package var packSegmentsMin = CompactionLimits.packSegmentsMin
  package var packByteCountMax = CompactionLimits.packByteCountMax
  package var packAgeNanoseconds = CompactionLimits.packAgeNanoseconds
  package var mergeRunsMin = CompactionLimits.mergeRunsMin
  package var mergeRunsMax = CompactionLimits.mergeRunsMax
  package var runByteCountMax = CompactionLimits.runByteCountMax
  /// How long after an erasure its bytes may still be in the store's files.
  package var eraseWithinNanoseconds = CompactionLimits.eraseWithinNanoseconds

  package init() {}

  /// How much all readers together may note of where the index has rows.
  package var lookupByteCountMax: Int {
    get { index.bookmarkByteCountMax }
    set { index.bookmarkByteCountMax = newValue }
  }

  /// An opening checkpoints when the overlay has so much: nobody else needs the budget yet, and few large checkpoints cost less than
  /// many, or none at all where the tail is short.
  var openingByteCount: Int { overlayByteCountBudget / 4 * 3 }
}

package enum StoreLimits {
  package static let overlayByteCountBudget = 536_870_912
  package static let generationByteCount = 134_217_728
  package static let generationAgeNanoseconds: UInt64 = 60_000_000_000
  package static let diskReserveByteCount: UInt64 = 268_435_456
  package static let deadLetterByteCountMax: UInt64 = 1_073_741_824
  package static let deadLetterAgeNanosecondsMax: Int64 = 2_592_000_000_000_000
  package static let producerIdleNanosecondsMax: Int64 = 604_800_000_000_000
  package static let producerAnswersMax = 5
  package static let sourceOffsetByteCountMax = 1_024
  package static let producerNameByteCountMax = 256
  package static let waitingRequestsMax = 16_384
  package static let waitingByteCountMax = 67_108_864
  package static let groupByteCountMax = 8_388_608
  package static let scrubPeriodNanoseconds: UInt64 = 86_400_000_000_000
  package static let lettersOfFrameMax = 4_096
  package static let letterByteCountOfFrameMax = 1_048_576
  package static let readTriesMax = 1_000
  package static let scanKeysMax = 65_536
  package static let tableByteCountMax = 67_108_864
  package static let tailByteCountMax = 1_048_576
  package static let openRunsMax = 256
  package static let pastCatalogsMax = 16
  package static let backfillRows = 4_096
  package static let backfillRowsMax = 65_536
  package static let backfillFrameByteCount = 1_048_576
  package static let backfillPortionByteCount = 8_388_608
  package static let pinsMax = 1_024
  package static let pinNoteByteCountMax = 1_024
}

/// The constants of `Compaction.md`. A test compares the two.
package enum CompactionLimits {
  package static let packSegmentsMin = 4
  package static let packByteCountMax: UInt64 = 536_870_912
  package static let packAgeNanoseconds: Int64 = 3_600_000_000_000
  package static let mergeRunsMin = 4
  package static let mergeRunsMax = 16
  package static let runByteCountMax: UInt64 = 4_294_967_296
  package static let foldShare = 3
  package static let eraseWithinNanoseconds: Int64 = 86_400_000_000_000
}
