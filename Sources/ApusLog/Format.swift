/// The constants of `Format.md`. A test compares the two; a change here is a change there, with a golden file.
package enum Format {
  package static let version: UInt32 = 1

  package static let headerByteCount = 4096
  package static let frameHeaderByteCount = 56
  package static let sealPayloadByteCount = 64
  package static let clockPayloadByteCount = 16
  package static let alignment = 8

  package static let segmentMagic = "APUSSEGM"
  package static let manifestMagic = "APUSMANI"
  package static let frameMagic: UInt32 = 0x5246_5041

  package static let payloadByteCountMax = 16_777_216
  package static let segmentByteCount: UInt64 = 67_108_864
  package static let manifestByteCount: UInt64 = 262_144
  package static let ceilingStep: UInt64 = 1_048_576
  package static let markDelayNanoseconds: UInt64 = 10_000_000

  /// Feature bits this program knows. None is defined in version 1.
  package static let knownRequiredFeatures: UInt64 = 0

  /// A whole seal, which every unsealed segment keeps room for.
  static let sealByteCount = frameHeaderByteCount + sealPayloadByteCount

  /// The smallest segment: a header, one frame with a payload, a mark, a seal.
  package static let segmentByteCountMin = UInt64(
    headerByteCount + frameHeaderByteCount + alignment + frameHeaderByteCount + sealByteCount)

  static func aligned(_ byteCount: Int) -> Int { (byteCount + alignment - 1) & ~(alignment - 1) }
  static func aligned(_ offset: UInt64) -> UInt64 {
    (offset + UInt64(alignment - 1)) & ~UInt64(alignment - 1)
  }
}
