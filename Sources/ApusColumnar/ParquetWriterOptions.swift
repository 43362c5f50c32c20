// What a caller may choose of a file. What these leave open, Parquet.md decides.

package import ApusBytes

package enum ParquetCompression: Hashable, Sendable {
  case none
  case zstd(ZstdLevel)

  var codec: ParquetCodec {
    switch self {
    case .none: .uncompressed
    case .zstd: .zstd
    }
  }
}

/// How a file is cut into row groups and pages. All limits are positive; a single row may exceed those of bytes.
package struct ParquetWriterOptions: Sendable {
  package var compression: ParquetCompression = .zstd(.standard)
  /// A row group ends with this row.
  package var rowGroupRowsMax = Self.rowGroupRows
  /// A row group ends with the page that reaches so many bytes of all its columns together, as they lie in memory.
  package var rowGroupBytesMax = Self.rowGroupBytes
  package var pageRowsMax = Self.pageRows
  /// A page ends before the row that would take its widest column beyond so many bytes, as they lie in memory.
  package var pageBytesMax = Self.pageBytes
  /// By what the caller's rows are sorted; it is written down, not checked.
  package var sorting: [ParquetSortingColumn] = []
  /// The places of columns that have no dictionary even where it would pay: whoever reads one page of theirs reads nothing else.
  package var withoutDictionary: Set<Int> = []
  /// Who wrote the file, in the form that readers look for: "name version 1.2.3 (build 4)".
  package var createdBy = "apus version 0.1.0 (build 0)"

  package init() {}

  package static let rowGroupRows = 131_072
  package static let rowGroupBytes = 67_108_864
  package static let pageRows = 8_192
  package static let pageBytes = 1_048_576
  /// A dictionary that grows beyond is given up.
  package static let dictionaryBytesMax = 1_048_576
}
