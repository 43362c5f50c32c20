// Why there is no training set. Nothing is half-written: after any of these there is no file under the set's name.

package import ApusBytes
package import ApusColumnar
import ApusHistory
package import ApusStore
package import ApusSystem

package enum ExportError: Error, Equatable, Sendable {
  case store(StoreError)
  case columns(ColumnarError)
  case system(SystemError)

  // The spine.
  case noTimeColumn(candidates: [String])
  case noColumn(String, role: String?, columns: [String])
  case noKey(String, keys: [String])
  case columnTwice(String)
  case notATimeColumn(String, type: String)
  /// Integers need a unit.
  case integerTime(String)
  case notAKeyColumn(String, type: String, key: String, keyType: String)
  case notAnLSNColumn(String, type: String)
  /// A value that cannot be a part of the key, or no time; rows count from 0.
  case badValue(column: String, row: Int, String)
  case nameTaken(String, by: String)
  case spineUnreadable(String)
  /// The spine's second reading was not its first.
  case spineChanged
  case optionWithLSNs(String)
  /// Checks of what the set does not have.
  case checksRefused(String, next: String)

  // Labels.
  case beyondHistory(view: String, row: Int, count: Int, since: String)
  case lsnAhead(LSN, row: Int, snapshot: LSN)
  case lsnMissing(row: Int)
  case viewNotThere(String, LSN, row: Int)

  case scratchFull(needed: UInt64, free: UInt64, folder: String)
  case scratchDamaged(String)
  case cancelled
}

extension ExportError {
  /// What, and what to do next.
  package var words: (what: String, next: String?) {
    switch self {
    case .store(let error): ("\(error)", nil)
    case .columns(let error): ("\(error)", nil)
    case .system(let error):
      ("\(error)", error.errno == .noEntry ? "check the path" : error.errno == .noSpace ? "make room" : nil)
    case .noTimeColumn(let candidates):
      (
        candidates.isEmpty
          ? "the spine has no column of timestamps"
          : "the spine has several columns of timestamps: \(candidates.joined(separator: ", "))",
        "say which one is the label's time: --time COLUMN"
      )
    case .noColumn(let name, let role, let columns):
      (
        "the spine has no column \(name)" + (role.map { ", a key of \($0)" } ?? "")
          + "; it has \(columns.joined(separator: ", "))",
        role == nil ? nil : "if it is called otherwise there: --key \(name)=COLUMN"
      )
    case .noKey(let name, let keys):
      (
        "there is no key \(name)",
        "write --key KEY=COLUMN, with a KEY of \(keys.joined(separator: ", "))"
      )
    case .columnTwice(let name): ("the spine has two columns \(name)", "rename one of them")
    case .notATimeColumn(let name, let type):
      ("the spine's column \(name) has \(type), and no times", "--time names another column")
    case .integerTime(let name):
      ("the spine's column \(name) has whole numbers", "--time-unit s|ms|us|ns says what they count")
    case .notAKeyColumn(let name, let type, let key, let keyType):
      (
        "the spine's column \(name) has \(type), and the key \(key) is \(keyType)",
        "cast it in the spine; nothing is converted, since 1 is not \"1\""
      )
    case .notAnLSNColumn(let name, let type):
      ("the spine's column \(name) has \(type), and no LSNs", "rename it, or --lsn names another column")
    case .badValue(let column, let row, let why): ("row \(row) of the spine, column \(column): \(why)", nil)
    case .nameTaken(let name, let by):
      (
        "two columns of the set would be called \(name): \(by)",
        "--prefix TEXT stands before the features' names"
      )
    case .spineUnreadable(let what): (what, nil)
    case .spineChanged: ("the spine changed while it was read", "export again when nobody writes it")
    case .optionWithLSNs(let option):
      (
        "\(option) says nothing of a spine with LSNs, which repeats what was served",
        "leave it out, or drop the column"
      )
    case .checksRefused(let what, let next): (what, next)
    case .beyondHistory(let view, let row, let count, let since):
      (
        "\(count) labels lie before the history of \(view), which begins at \(since); the first is row \(row)",
        "--beyond-history null leaves them blank"
      )
    case .lsnAhead(let lsn, let row, let snapshot):
      ("row \(row) of the spine repeats LSN \(lsn), and the set reaches to LSN \(snapshot)", nil)
    case .lsnMissing(let row): ("row \(row) of the spine has no LSN", nil)
    case .viewNotThere(let view, let lsn, let row):
      ("row \(row) of the spine repeats LSN \(lsn), at which there was no \(view)", nil)
    case .scratchFull(let needed, let free, let folder):
      (
        "sorting needs some \(needed) bytes beside the set, and \(folder) has \(free)",
        "make room, or give it more memory: --memory 4GiB"
      )
    case .scratchDamaged(let folder): ("what was put aside in \(folder) came back otherwise", nil)
    case .cancelled: ("the export was cancelled", nil)
    }
  }
}

extension ExportError {
  /// What the kernel refused, where that is all that is wrong.
  package var refusal: SystemError? {
    switch self {
    case .system(let error), .columns(.system(let error)): error
    case .store(.history(let error)): error.refusal
    default: nil
    }
  }

  /// The name by which programs know it.
  package var code: String {
    switch self {
    case .store(let error): refusal?.errno == .noSpace ? "disk_full" : error.code
    case .noTimeColumn, .noColumn, .noKey, .columnTwice, .notATimeColumn, .integerTime, .notAKeyColumn,
      .notAnLSNColumn, .badValue, .spineUnreadable, .lsnMissing:
      "spine_wrong"
    case .columns: refusal.map { $0.errno == .noSpace ? "disk_full" : "system" } ?? "spine_wrong"
    case .nameTaken: "name_taken"
    case .spineChanged: "spine_changed"
    case .optionWithLSNs: "option_refused"
    case .checksRefused: "checks_refused"
    case .beyondHistory: "beyond_history"
    case .lsnAhead: "not_yet"
    case .viewNotThere: "unknown_view"
    case .system(let error): error.errno == .noSpace ? "disk_full" : "system"
    case .scratchFull: "disk_full"
    case .scratchDamaged: "scratch_damaged"
    case .cancelled: "cancelled"
    }
  }
}

extension ExportError: CustomStringConvertible {
  package var description: String { words.what }
}
