// Numbers of the two formats, in one place, and the names of their files.

package import ApusBytes

/// The constants of `History.md`. A test compares the two.
package enum RunFormat {
  package static let version: UInt32 = 1
  package static let attributesByteCount = 128
  /// `PAR1`, at the beginning and at the end.
  static let magicByteCount = 4
  static let tailByteCountMax = 268_435_456
  static let blockRowsMax = 2048
  static let blockRowsLimit = 8192
}

package enum LedgerFormat {
  package static let version: UInt32 = 1
  package static let attributesByteCount = 72
  static let magic = "APUSLEDG"
  static let headerByteCount = 64
  static let headerCRCAt = 56
  static let sectionHeaderByteCount = 32
  static let sectionCRCAt = 24
  static let sectionRawByteCountMax = 268_435_456
  static let sectionCutByteCount = 1_048_576
  static let alignment = 8
}

extension RunFormat {
  /// Where a run lies, from the store's folder on. For people: nothing is read from it.
  package static func name(view: String, version: UInt32, lsns: LSNRange, file: UInt64) -> String {
    let lsns = HistoryText.range(lsns)
    return "history/\(view)@\(version)-\(lsns)-\(HistoryText.hexadecimal(file, digits: 8)).parquet"
  }
}

extension LedgerFormat {
  /// Where a ledger lies, from the store's folder on.
  package static func name(lsns: LSNRange, file: UInt64) -> String {
    "history/ledger-\(HistoryText.range(lsns))-\(HistoryText.hexadecimal(file, digits: 8)).apus"
  }
}

extension HistoryText {
  fileprivate static func range(_ lsns: LSNRange) -> String {
    "\(decimal(lsns.first.rawValue, digits: 20))-\(decimal(lsns.last.rawValue, digits: 20))"
  }
}
