// What an export's refusals are to a client: one code each, and of a spine the row and the column that are wrong.

import ApusBytes
import ApusExport
import ApusStore
import ApusSystem
import ApusWire

extension ExportError {
  var wireCode: WireCode {
    switch self {
    case .store(let error): error.wireCode
    case .noTimeColumn, .noColumn, .columnTwice, .notATimeColumn, .integerTime, .notAKeyColumn,
      .notAnLSNColumn,
      .badValue, .spineUnreadable, .lsnMissing, .nameTaken:
      .badSpine
    case .columns, .system:
      refusal.map { $0.errno == .noSpace ? .diskFull : .internal } ?? .badSpine
    case .optionWithLSNs, .checksRefused, .noKey: .badRequest
    case .beyondHistory: .beyondHistory
    case .lsnAhead: .notYet
    case .viewNotThere: .unknownName
    case .scratchFull: .diskFull
    case .spineChanged, .scratchDamaged: .internal
    case .cancelled: .deadline
    }
  }

  /// What programs may want to know of it, by name.
  var wireDetails: [WireRefusal.Detail] {
    func details(_ pairs: (String, String)...) -> [WireRefusal.Detail] {
      pairs.map { WireRefusal.Detail($0.0, $0.1) }
    }
    switch self {
    case .store(let error): return error.wireDetails
    case .noColumn(let name, _, _), .columnTwice(let name), .notATimeColumn(let name, _),
      .integerTime(let name),
      .notAKeyColumn(let name, _, _, _), .notAnLSNColumn(let name, _), .nameTaken(let name, _):
      return details(("column", name))
    case .badValue(let column, let row, _): return details(("row", "\(row)"), ("column", column))
    case .lsnMissing(let row): return details(("row", "\(row)"))
    case .optionWithLSNs(let option): return details(("option", option))
    case .beyondHistory(let view, let row, let count, _):
      return details(("view", view), ("row", "\(row)"), ("rows", "\(count)"))
    case .lsnAhead(let lsn, let row, _): return details(("lsn", "\(lsn)"), ("row", "\(row)"))
    case .viewNotThere(let view, let lsn, let row):
      return details(("view", view), ("lsn", "\(lsn)"), ("row", "\(row)"))
    case .noTimeColumn, .checksRefused, .noKey, .columns, .system, .spineUnreadable, .spineChanged,
      .scratchFull,
      .scratchDamaged,
      .cancelled:
      return []
    }
  }

  func refusal(in catalog: Catalog) -> WireRefusal {
    if case .store(let error) = self { return error.refusal(next: Suggestions.next(error, in: catalog)) }
    let (what, next) = words
    let code = wireCode
    return WireRefusal(
      code, what, next: next ?? (code.class == .retry ? "try again" : "mend the spine, and export again"),
      waitMilliseconds: SessionLimits.troubleWaitMilliseconds, details: wireDetails)
  }
}

extension WireRefusal {
  init(_ end: ExportEnd) {
    switch end {
    case .abandoned: self = .streamCancelled
    case .late:
      self.init(.deadline, "the export was not done by its deadline", next: "give it more time")
    case .stalled:
      self.init(
        .deadline, "the client gave and took nothing for too long",
        next: "give credit while rows are wanted, and send the spine without long breaks")
    case .shuttingDown: self = .shuttingDown
    }
  }

  static let streamCancelled = WireRefusal(
    .deadline, "the stream was cancelled", next: "ask again when it is wanted")

  static func tooManyExports(max: Int) -> WireRefusal {
    if max == 0 {
      return WireRefusal(
        .unsupported, "this server makes no training sets",
        next: "ask another, or raise the setting `max_exports`")
    }
    return WireRefusal(
      .overloaded, "\(max) exports are under way, and the server makes no more at a time",
      next: "wait, and ask again; the setting is `max_exports`",
      waitMilliseconds: SessionLimits.troubleWaitMilliseconds, details: [Detail("max", "\(max)")])
  }

  static func spineTooLong(max: Int) -> WireRefusal {
    WireRefusal(
      .badRequest, "the spine has more than \(max) bytes, which is what the server takes",
      next: "leave out columns that are not wanted, export in parts, or raise `export_spine_size`",
      details: [Detail("max", "\(max)")])
  }
}
