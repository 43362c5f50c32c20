import ApusBytes
import ApusContracts

/// What a command line asks for, understood in full.
enum Command: Equatable {
  /// About these verbs; about all of them in short when there is none.
  case help([Verb])
  case version
  case run(Job, data: String, json: Bool)

  var isJSON: Bool {
    if case .run(_, _, let json) = self { json } else { false }
  }

  var data: String? {
    if case .run(_, let data, _) = self { data } else { nil }
  }

  var isCheck: Bool {
    if case .run(.check, _, _) = self { true } else { false }
  }
}

/// What is to be done with a store's folder.
enum Job: Equatable {
  case plan([String], check: Bool)
  case apply([String], Apply.Options)
  case promote(VersionedName, project: String?)
  case retire(VersionedName, project: String?)
  case retireService(VersionedName, project: String?)
  case push(Push.Options)
  case describe(VersionedName?, project: String?)
  case listDeadLetters(DeadLetterFilter)
  case showDeadLetters(DeadLetterFilter, limit: UInt64)
  case check(scratch: String?)
  case repair(Repair.Action?)
  case inspectLog
  case dumpLog(LogLines.Options)
  case inspectManifest
}

/// Why a command line makes no sense.
struct UsageError: Error, Equatable {
  let what: String
  let place: String
  let next: String
}
