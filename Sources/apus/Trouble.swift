// What a person is told when something failed: three lines, which say what, where, and what to do next.

import ApusLog
import ApusSystem

struct Trouble: Error {
  let code: ExitCode
  /// The name by which programs know it.
  let name: String
  let what: String
  let place: String
  let next: String
  /// Whether it is what a check was to find out, and not what kept it from finding out.
  let isFinding: Bool

  init(_ error: UsageError) {
    code = .usage
    name = "usage"
    what = error.what
    place = error.place
    next = error.next
    isFinding = false
  }

  init(_ error: LogError, isCheck: Bool, data: String?) {
    isFinding = isCheck && error.isFoundByCheck
    code = isFinding ? .checkFailed : .failed
    name = error.code
    what = error.what
    place = error.place ?? data ?? "the log"
    next = error.next
  }

  init(_ failure: SystemError) {
    code = .failed
    name = "system"
    what = "the answer could not be written: \(failure.call) says \(failure.errno)"
    place = failure.subject
    next = "look at where the output goes"
    isFinding = false
  }

  var lines: [String] { ["apus: \(what)", "  at:   \(place)", "  next: \(next)"] }

  var json: JSON {
    let error: JSON = [
      "code": .text(name), "what": .text(what), "where": .text(place), "next": .text(next),
    ]
    return isFinding ? ["sound": false, "error": error] : ["error": error]
  }
}

extension LogError {
  /// Whether the store itself is wrong, which a check is there to find. All else keeps it from looking.
  fileprivate var isFoundByCheck: Bool {
    switch self {
    case .currentUnreadable, .fileMissing, .header, .foreignFile, .manifestDamaged, .manifestWrong,
      .manifestLost,
      .damaged:
      true
    default: false
    }
  }
}
