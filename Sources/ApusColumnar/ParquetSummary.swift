package import ApusBytes

/// What a written file is made of, so that its owner can keep digests of the parts where the file cannot reach them.
///
/// Every byte of the file belongs to exactly one part: the four of "PAR1" at its beginning, a page, or the tail.
package struct ParquetSummary: Equatable, Sendable {
  package let rowCount: Int
  package let byteCount: UInt64
  package let rowGroups: [RowGroup]
  /// The first byte after the last page: there the indexes and the footer begin.
  package let tailOffset: UInt64
  package let tailDigest: SHA256.Digest

  package struct RowGroup: Equatable, Sendable {
    /// Counted from the file's first.
    package let firstRow: Int
    package let rowCount: Int
    package let offset: UInt64
    package let byteCount: Int
    /// One for each field of the schema.
    package let columns: [Column]
  }

  package struct Column: Equatable, Sendable {
    package let dictionary: Page?
    /// Data pages. Page i of every column of the row group holds the same rows.
    package let pages: [Page]
  }

  package struct Page: Equatable, Sendable {
    /// Of its header, in the file.
    package let offset: UInt64
    /// Header included.
    package let byteCount: Int
    /// CRC-32C of those bytes.
    package let crc: UInt32
    /// Counted from the row group's first.
    package let firstRow: Int
  }
}
