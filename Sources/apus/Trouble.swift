// What a person is told when something failed: what, where, and what to do next, a line each. Where definitions are wrong
// in several places each place has its line.

import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

struct Trouble: Error {
  let code: ExitCode
  /// The name by which programs know it.
  let name: String
  let what: String
  let places: [String]
  let next: String
  /// Whether it is what a check was to find out, and not what kept it from finding out.
  var isFinding = false
  /// What programs are told besides.
  var details: JSON = [:]

  init(_ name: String, _ what: String, at places: [String], next: String, details: JSON = [:]) {
    code = .failed
    self.name = name
    self.what = what
    self.places = places
    self.next = next
    self.details = details
  }

  init(_ name: String, _ what: String, at place: String, next: String) {
    self.init(name, what, at: [place], next: next)
  }

  init(_ error: UsageError) {
    code = .usage
    name = "usage"
    what = error.what
    places = [error.place]
    next = error.next
  }

  init(_ error: LogError, isCheck: Bool = false, data: String) {
    isFinding = isCheck && error.isFoundByCheck
    code = isFinding ? .checkFailed : .failed
    name = error.code
    what = error.what
    places = [error.place ?? data]
    next = error.nextCommand(data) ?? error.next
  }

  init(_ error: StoreError, data: String) { self.init(error, StorePlace(folder: data)) }

  init(_ error: StoreError, _ place: StorePlace) {
    let data = place.folder
    switch error {
    case .log(let error): self.init(error, data: data)
    case .plan(let refusal): self.init(refusal, place)
    case .definition(let errors): self.init(errors)
    default:
      self.init(
        error.code, error.what, at: error.place ?? data, next: error.nextCommand(data) ?? error.next)
    }
  }

  /// A verb that came where none of its kind does.
  static var misplaced: Trouble {
    Trouble(
      "misplaced", "this verb does not run here", at: "the command line", next: "`apus help` lists the verbs")
  }

  init(_ failure: SystemError) {
    self.init(
      "system", "the answer could not be written: \(failure.call) says \(failure.errno)",
      at: failure.subject, next: "look at where the output goes")
  }

  var lines: [String] {
    ["apus: \(what)"] + places.map { "  at:   \($0)" } + ["  next: \(next)"]
  }

  var json: JSON {
    let error: JSON = [
      "code": .text(name), "what": .text(what), "where": .text(places.first ?? ""), "next": .text(next),
    ]
    let told = error.adding(details)
    return isFinding ? ["sound": false, "error": told] : ["error": told]
  }
}

// What the commands of this program can do about it, where a room below can only say what is to be done.

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

  fileprivate func nextCommand(_ data: String) -> String? {
    switch self {
    case .noStore: "check the path; `apus apply` makes a store"
    case .notAStore(_, let found) where found == "a file of that name": "name the store's folder"
    case .clockJump:
      "set the clock right if it is wrong, else run `apus repair --confirm-clock --data \(Shell.word(data))`"
    case .noLoss: "there is nothing to accept; the store opens for writing"
    case .fileMissing, .foreignFile(_, StoreFolder.noFileWords):
      "put the file back or restore it from a backup, or see `apus repair --data \(Shell.word(data))`, which gives up what is gone for good"
    case .noLossWithin, .lossReachesOut, .readOnly:
      "`apus repair --data \(Shell.word(data))` lists whole losses, and how each is accepted"
    default: nil
    }
  }
}

extension StoreError {
  fileprivate func nextCommand(_ data: String) -> String? {
    switch self {
    case .clockJump:
      "set the clock right if it is wrong, else run `apus repair --confirm-clock --data \(Shell.word(data))`"
    case .readOnly:
      "restore what is lost from a backup, or see `apus repair --data \(Shell.word(data))`"
    case .history:
      "restore that file from a backup, whole and under its name, or see `apus repair --data \(Shell.word(data))`"
    default: nil
    }
  }
}

extension Trouble {
  /// Definitions that cannot be read: every place has its line.
  init(_ errors: DefinitionErrors) {
    let count = Numbers.count(errors.errors.count, "mistake")
    self.init(
      "definitions_wrong",
      "there \(errors.errors.count == 1 ? "is" : "are") \(errors.isCut ? "more than " : "")\(count) in the definitions",
      at: errors.errors.map(\.description),
      next: errors.isCut ? "mend these, then plan again: there are more" : "mend them, then plan again",
      details: [
        "mistakes": .list(
          errors.errors.map { error in
            [
              "file": .text(error.file), "line": .number(error.place.line),
              "column": .number(error.place.column), "what": .text("\(error.fault)"),
            ]
          })
      ])
  }

  /// Definitions that are good by themselves and do not fit what the store has.
  init(_ errors: PlanErrors) {
    self.init(
      "definition_refused", "the definitions do not fit the store", at: errors.errors.map(\.description),
      next: "mend them, then plan again",
      details: ["mistakes": .list(errors.errors.map { ["what": .text("\($0)")] })])
  }

  init(_ refusal: PlanRefusal, _ place: StorePlace) {
    let data = place.folder
    switch refusal {
    case .raced(let expected, let found):
      self.init(
        "raced", "the definitions are not those that were expected: their fingerprint is not \(expected)",
        at: "\(data), whose fingerprint is \(found)",
        next: "plan again, and look whether it is still what you want")
    case .notAccepted(let parties, let changes):
      let words = parties.map(\.rawValue)
      self.init(
        "not_accepted",
        "not applied: \(Numbers.count(changes.count, "change")) must be accepted for \(words.joined(separator: " and "))",
        at: changes.map { "\($0.subject): \($0.words)" },
        next: "if it is meant, apply again with --accept \(words.joined(separator: ","))",
        details: ["changes": .list(changes.map(\.json)), "needs": .list(words.map { .text($0) })])
    case .inUse(let name, let readers):
      self.init(
        "in_use_by_services", "\(name) is read by \(readers.joined(separator: ", "))", at: data,
        next: "retire what reads it first: "
          + readers.map { "`apus retire --service \($0)\(place.option)`" }.joined(separator: ", "))
    case .isCurrent(let name):
      self.init(
        "is_current", "\(name) is what `\(name.name)` means, and other versions are in use", at: data,
        next: "promote another one first: `apus promote \(name.name)@N\(place.option)`")
    case .isRetired(let name):
      self.init(
        "retired", "\(name) is retired, and no version comes back", at: data,
        next: "`apus describe \(name.name)\(place.option)` lists its versions")
    case .unknown(let name):
      self.init(
        "unknown_view", "there is no \(name)", at: data,
        next: "`apus describe\(place.option)` lists what there is")
    case .registry:
      self.init("plan_refused", "\(refusal)", at: data, next: "report this: it is a mistake of the program")
    }
  }
}
