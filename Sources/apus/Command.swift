/// What a command line asks for, understood in full.
enum Command: Equatable {
  /// About these verbs; about all of them in short when there is none.
  case help([Verb])
  case version
  case check(data: String, json: Bool)
  case inspectLog(data: String, json: Bool)
  case dumpLog(data: String, LogLines.Options)
  case inspectManifest(data: String, json: Bool)

  var isJSON: Bool {
    switch self {
    case .help, .version: false
    case .check(_, let json), .inspectLog(_, let json), .inspectManifest(_, let json): json
    case .dumpLog(_, let options): options.json
    }
  }

  var data: String? {
    switch self {
    case .help, .version: nil
    case .check(let data, _), .inspectLog(let data, _), .dumpLog(let data, _), .inspectManifest(let data, _):
      data
    }
  }

  var isCheck: Bool {
    if case .check = self { true } else { false }
  }
}

/// Why a command line makes no sense.
struct UsageError: Error, Equatable {
  let what: String
  let place: String
  let next: String
}
