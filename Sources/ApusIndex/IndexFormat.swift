// The numbers of IndexFormat.md. A test compares the two.

package enum IndexFormat {
  package static let version: UInt32 = 1
  package static let magic = "APUSINDX"
  package static let knownRequiredFeatures: UInt64 = 0

  // A value: crc, LSN, flags, row.
  static let lsnAt = 4
  static let flagsAt = lsnAt + 8
  package static let valueHeaderByteCount = flagsAt + 1
  package static let rowByteCountMax = 2_148_532_224

  // A key: project, entity, key, view version.
  static let entityAt = 4
  static let encodedKeyAt = entityAt + 4
  static let viewByteCount = 4
  /// A key of one byte, the shortest there is.
  static let keyByteCountMin = encodedKeyAt + 1 + viewByteCount
  package static let keyByteCountMax = encodedKeyAt + 400 + viewByteCount

  package static let recordsProject: UInt32 = 4_294_967_295
  static let identityByteCount = 48
  static let progressByteCount = 40
  static let tallyByteCount = 16

  package static let mapByteCount = 1_099_511_627_776
  package static let dirtyPagesMax = 32_768
  package static let appendRunMin = 256
  package static let readersMax = 254
  package static let damagesMax = 64
  static let bookmarkLinesMin = 16
  package static let bookmarkByteCountMax = 67_108_864
}
