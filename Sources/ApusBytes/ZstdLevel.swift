internal import CZstd

/// How hard zstd tries: more is smaller and slower. What one level writes every decompressor reads.
package struct ZstdLevel: Hashable, Sendable {
  package let rawValue: Int32

  package init(_ rawValue: Int32) {
    precondition(
      rawValue >= ZSTD_minCLevel() && rawValue <= ZSTD_maxCLevel(), "zstd has no level \(rawValue)")
    self.rawValue = rawValue
  }

  /// 1: hundreds of megabytes a second.
  package static let fast = ZstdLevel(1)
  /// 3: what zstd itself takes when nobody says.
  package static let standard = ZstdLevel(3)
  /// 9: for what is written once and read for months.
  package static let small = ZstdLevel(9)
}
