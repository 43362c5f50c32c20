/// What the reader is ready to hold, whatever a file claims. Files beyond these are refused by what they exceed.
package struct ParquetLimits: Hashable, Sendable {
  /// The footer, which is held while the file is open.
  package var footerBytesMax = 64 << 20
  /// One page, out of its codec.
  package var pageBytesMax = 256 << 20
  /// Rows, or elements of lists, in one page.
  package var pageValuesMax = 1 << 26
  /// One column of one row group as the file has it: it is read at once.
  package var chunkBytesMax = 1 << 30
  /// One column of one row group as it comes out.
  package var columnBytesMax = 1 << 30

  package init() {}
}
