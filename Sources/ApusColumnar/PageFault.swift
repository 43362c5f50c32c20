/// Why the bytes of a page are not what its header, or the file's footer, says that they are.
///
/// Decoders know neither the column nor the place; whoever gave them the bytes does, and names both when it turns
/// a fault into the room's error.
enum PageFault: Error, Equatable, Sendable {
  /// The bytes end before the values do.
  case truncated(String)
  /// The bytes contradict themselves or the format.
  case corrupt(String)
  /// More than the reader's limits allow.
  case tooLarge(String)
  /// Sound perhaps, but not in our subset: what it is, and how to have it otherwise.
  case unsupported(String, advice: String)
}

extension PageFault {
  /// Advice that fits every unsupported encoding or codec.
  static let rewrite =
    "write it again with pyarrow.parquet.write_table(table, path, compression='zstd')"

  /// What came, and what was expected instead, of something that both sides count.
  static func mismatch(_ what: String, claimed: Int, found: Int) -> PageFault {
    .corrupt("\(what): \(claimed) claimed, \(found) found")
  }
}
