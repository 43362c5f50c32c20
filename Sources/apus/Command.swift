import ApusBytes
import ApusContracts

/// What a command line asks for, understood in full.
enum Command: Equatable {
  /// About these verbs; about all of them in short when there is none.
  case help([Verb])
  case version
  case run(Job, at: Target, json: Bool)

  var isJSON: Bool {
    if case .run(_, _, let json) = self { json } else { false }
  }
}

/// Where the store is.
enum Target: Equatable {
  case folder(String)
  case server(Remote.Choice)
  case nowhere
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
  case get(Get.Options)
  case history(History.Options)
  case explain(Explain.Options)
  case scan(Scan.Options)
  case export(Export.Options)
  case verifyExport(String, spine: String?)
  case diff(Diff.Options)
  case skew(Skew.Options)
  case delete(Delete.Options)
  case erase(Erase.Options)
  case listDeadLetters(DeadLetterFilter)
  case showDeadLetters(DeadLetterFilter, limit: UInt64)
  case handleDeadLetters(DeadLetterHandling.Options)
  case check(scratch: String?)
  case repair(Repair.Action?)
  case compact(erasing: Bool)
  case backfill(Backfilling.Options)
  case listPins(project: String?)
  case pin(Pinning.Options)
  case unpin(String, project: String?)
  case inspectLog
  case dumpLog(LogLines.Options)
  case inspectManifest
  case serve(GivenSettings)
  case showConfiguration(GivenSettings)
  case settingsPage
  case createToken(Tokens.Wish, data: String?)
  case listTokens(data: String?)
  case revokeToken(String, data: String?)
  /// Nil: of all projects.
  case status(project: String?)
  case ping
  case completions(Completions.Shell)

  /// Whether it reads keys from standard input.
  var readsInput: Bool {
    if case .get(let options) = self { options.entity == nil } else { false }
  }

  /// A file of answers that it reads, if any.
  var receipts: String? {
    if case .skew(let options) = self { options.receipts } else { nil }
  }

  /// The files and folders of definitions that the words name.
  var definitions: [String] {
    switch self {
    case .plan(let paths, _), .apply(let paths, _): paths
    default: []
    }
  }
}

/// Why a command line makes no sense.
struct UsageError: Error, Equatable {
  let what: String
  let place: String
  let next: String
}
