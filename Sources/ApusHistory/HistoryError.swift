// What can be wrong with history, and where. A file whose bytes are not what was written is *damaged*; one that a newer
// program wrote is not, and is refused in other words.

package import ApusBytes
package import ApusColumnar
package import ApusContracts
package import ApusSystem

package enum HistoryError: Error, Equatable, Sendable {
  case system(SystemError)
  /// The bytes at an offset of a file, or of attributes in the manifest, are not what was written.
  case damaged(path: String, at: UInt64, String)
  /// Written by a newer program.
  case newer(path: String, String)
  /// Two events of the same place in the log: one of two files has what is not its own.
  case twice(ViewVersionID, LSN)
  /// The event with this LSN does not stand behind the one before it.
  case order(ViewVersionID, LSN)
  /// The cells of the event with this LSN do not fit the layout of its view version.
  case cells(ViewVersionID, LSN, RowError)
  /// The key of the event with this LSN does not fit the key types of its view version.
  case key(ViewVersionID, LSN, KeyError)
  /// What the room of columns says of a run.
  case columns(path: String, ColumnarError)
  /// An event that does not belong into this file: its view version or its LSN is not one of the file's.
  case foreign(path: String, ViewVersionID, LSN)
  /// What is to be written is beyond what the format can hold.
  case limit(path: String, String)
}

extension HistoryError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let error): "\(error)"
    case .damaged(let path, let at, let what): "\(path) is damaged at byte \(at): \(what)"
    case .newer(let path, let what): "\(path) is of a newer program: \(what)"
    case .twice(let view, let lsn): "view version \(view.rawValue) has LSN \(lsn) twice"
    case .order(let view, let lsn): "LSN \(lsn) of view version \(view.rawValue) is out of order"
    case .cells(let view, let lsn, let error): "LSN \(lsn) of view version \(view.rawValue): \(error)"
    case .key(let view, let lsn, let error):
      "the key of LSN \(lsn) of view version \(view.rawValue): \(error)"
    case .columns(let path, let error): "\(path): \(error)"
    case .foreign(let path, let view, let lsn):
      "LSN \(lsn) of view version \(view.rawValue) does not belong into \(path)"
    case .limit(let path, let what): "\(path) cannot be written: \(what)"
    }
  }
}

extension HistoryError {
  /// The file that this is about; nil where only the event is known.
  package var path: String? {
    switch self {
    case .system(let error): error.subject
    case .damaged(let path, _, _), .newer(let path, _), .columns(let path, _), .foreign(let path, _, _),
      .limit(let path, _):
      path
    case .twice, .order, .cells, .key: nil
    }
  }

  /// The same as the description, for who has said the path already.
  package var what: String {
    switch self {
    case .system(let error) where error.errno == .noEntry: "a file of history is not there"
    case .system(let error): "a file of history: \(error.call) says \(error.errno)"
    case .damaged(_, let at, let what): "a file of history is damaged at byte \(at): \(what)"
    case .newer(_, let what): "a file of history is of a newer program: \(what)"
    case .columns(_, let error): "a file of history is damaged: \(error)"
    case .foreign(_, let view, let lsn):
      "LSN \(lsn) of view version \(view.rawValue) does not belong into this file of history"
    case .limit(_, let what): "a file of history cannot be written: \(what)"
    case .twice, .order, .cells, .key: description
    }
  }

  /// What the kernel refused, where that is all that is wrong.
  package var refusal: SystemError? {
    switch self {
    case .system(let error), .columns(_, .system(let error)): error
    default: nil
    }
  }
}
