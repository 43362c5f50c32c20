// `apus dead-letters`: what was refused and waits for somebody to look at it, counted or whole.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

/// Which letters are meant.
struct DeadLetterFilter: Equatable {
  var view: VersionedName?
  var rule: String?
  var project: String?
  var lsn: LSN?

  /// The view versions that are meant; nil for all.
  func views(_ registry: Registry, _ place: StorePlace) throws(Trouble) -> Set<ViewVersionID>? {
    guard view != nil || project != nil else { return nil }
    let naming = Naming(registry: registry, place: place)
    let project = try naming.project(project)
    guard let name = view else {
      return Set(registry.views.filter { $0.project == project.id }.flatMap(\.versions))
    }
    let found = try naming.view(name.name, in: project)
    // Without a number all versions are meant: letters of an older one wait, too.
    return name.number == nil ? Set(found.versions) : [try naming.version(name, in: project).id]
  }
}

/// A filter whose names were found.
private struct FoundFilter {
  private let views: Set<ViewVersionID>?
  private let rule: String?
  let lsn: LSN?

  init(_ filter: DeadLetterFilter, _ look: StoreFacts, _ place: StorePlace) throws(Trouble) {
    rule = filter.rule
    lsn = filter.lsn
    views = try filter.views(look.state.registry, place)
  }

  func takes(_ found: FoundDeadLetter) -> Bool {
    takes(found.letter.viewVersion, found.letter.rule) && (lsn.map { $0 == found.lsn } ?? true)
  }

  func takes(_ view: ViewVersionID, _ rule: String) -> Bool {
    (views?.contains(view) ?? true) && (self.rule.map { $0 == rule } ?? true)
  }
}

extension StoreFacts {
  /// Lends the letters that the filter takes.
  fileprivate func forEachLetter(
    _ filter: FoundFilter, data: String, _ body: (FoundDeadLetter) -> Bool
  ) throws(Trouble) {
    let search = DeadLetterSearch(in: log, state.deadLetters, catalog)
    do throws(StoreError) {
      try search.forEach(from: filter.lsn ?? .first) { found in
        if let lsn = filter.lsn, found.lsn > lsn { return false }
        return filter.takes(found) ? body(found) : true
      }
    } catch {
      throw Trouble(error, data: data)
    }
  }

  fileprivate func spelling(of view: ViewVersionID) -> String {
    state.registry[view].map(state.registry.spelling(of:)) ?? "view version \(view)"
  }
}

// MARK: Counted

enum DeadLetterList {
  private struct Group: Hashable {
    let view: ViewVersionID
    let rule: String
  }

  private struct Sum {
    var letters: UInt64 = 0
    let oldest: FoundDeadLetter
  }

  static func run(_ filter: DeadLetterFilter, _ answer: Answer) throws(Trouble) -> ExitCode {
    let look = try answer.facts()
    var sums: [Group: Sum] = [:]
    let found = try FoundFilter(filter, look, answer.place)
    var lost: UInt64 = 0
    do throws(StoreError) {
      let left = try DeadLetterSearch(in: look.log, look.state.deadLetters, look.catalog).forEachTelling {
        letter in
        guard found.takes(letter) else { return }
        sums[Group(view: letter.letter.viewVersion, rule: letter.letter.rule), default: Sum(oldest: letter)]
          .letters += 1
      }
      for sum in left where found.takes(sum.view, sum.rule) { lost += sum.letters }
    } catch {
      throw Trouble(error, data: answer.data)
    }
    let groups = sums.sorted {
      ($1.value.letters, $0.key.view, $0.key.rule) < ($0.value.letters, $1.key.view, $1.key.rule)
    }
    answer.give(
      lossLines(lost, answer.place) + lines(groups.map { ($0.key, $0.value) }, lost, look, answer.place),
      json(groups.map { ($0.key, $0.value) }, look).adding(["unreadable": .number(lost)]))
    return .done
  }

  private static func lossLines(_ lost: UInt64, _ place: StorePlace) -> [String] {
    guard lost > 0 else { return [] }
    return [
      "\(Numbers.count(lost, "letter")) that \(lost == 1 ? "waits" : "wait") cannot be read: what held them is lost; "
        + "see `apus repair --data \(Shell.word(place.folder))`"
    ]
  }

  private static func lines(
    _ groups: [(Group, Sum)], _ lost: UInt64, _ look: StoreFacts, _ place: StorePlace
  ) -> [String] {
    guard let first = groups.first else {
      return [lost > 0 ? "no other dead letters wait" : "no dead letters wait"]
    }
    var table = Table([
      ("view", .left), ("rule", .left), ("letters", .right), ("oldest", .left), ("for example", .left),
    ])
    for (group, sum) in groups {
      table.add([
        look.spelling(of: group.view), group.rule, Numbers.grouped(sum.letters), sum.oldest.arrived.inWords,
        "LSN \(sum.oldest.lsn): \(sum.oldest.letter.words)",
      ])
    }
    let rule = Shell.word(first.0.rule)
    return table.lines + ["", "next: apus dead-letters show --rule \(rule)\(place.option)"]
  }

  private static func json(_ groups: [(Group, Sum)], _ look: StoreFacts) -> JSON {
    [
      "letters": .number(groups.reduce(0) { $0 + $1.1.letters }),
      "groups": .list(
        groups.map { group, sum in
          [
            "view": .text(look.spelling(of: group.view)), "rule": .text(group.rule),
            "letters": .number(sum.letters), "oldest": .text("\(sum.oldest.arrived)"),
            "example": sum.oldest.json(look.spelling(of: group.view)),
          ]
        }),
    ]
  }
}

// MARK: Whole

enum DeadLetterLines {
  static let usualLimit: UInt64 = 20

  static func run(_ filter: DeadLetterFilter, limit: UInt64, _ answer: Answer) throws(Trouble) -> ExitCode {
    let look = try answer.facts()
    let found = try FoundFilter(filter, look, answer.place)
    var count: UInt64 = 0
    var letters: [JSON] = []
    try look.forEachLetter(found, data: answer.data) { found in
      count += 1
      guard count <= limit else { return true }
      let view = look.spelling(of: found.letter.viewVersion)
      if answer.isJSON {
        letters.append(found.json(view))
      } else {
        if count > 1 { answer.output.line() }
        found.lines(view, look.catalog[found.letter.viewVersion]?.keys.map(\.name) ?? []).forEach {
          answer.output.line($0)
        }
      }
      return answer.output.goesOn
    }
    if let lsn = filter.lsn, count == 0 {
      throw Trouble(noLetter: lsn, isNarrowed: filter != DeadLetterFilter(lsn: lsn), answer)
    }
    if answer.isJSON {
      answer.output.line(["letters": .list(letters), "count": .number(count)])
    } else if count == 0 {
      answer.output.line(
        "no dead letters wait" + (filter == DeadLetterFilter() ? "" : " that are of this kind"))
    } else if count > limit {
      answer.output.line()
      answer.output.line("\(Numbers.grouped(count - limit)) more; --limit N shows more")
    }
    return .done
  }
}

extension Trouble {
  /// `isNarrowed`: more was said of the letter than its LSN.
  init(noLetter lsn: LSN, isNarrowed: Bool, _ answer: Answer) {
    self.init(
      "no_letter", "no dead letter that waits has LSN \(lsn)\(isNarrowed ? " and is of this kind" : "")",
      at: answer.data, next: "`apus dead-letters show\(answer.place.option)` shows those that do")
  }
}

extension FoundDeadLetter {
  fileprivate func lines(_ view: String, _ names: [String]) -> [String] {
    // A key that was refused may have more or fewer parts than its entity.
    let isWhole = names.count == letter.key.count
    let key = letter.key.enumerated().map { isWhole ? "\(names[$0]) = \($1)" : "\($1)" }
    let times = [
      ("event", letter.times.eventTime?.nanoseconds), ("created", letter.times.createdAt?.nanoseconds),
      ("known", letter.times.knownAt?.nanoseconds),
    ].compactMap { name, moment in moment.map { "\(name) \(WallTime(nanoseconds: $0))" } }
    var lines = [
      "LSN \(lsn)  \(view)  \(letter.rule)  arrived \(arrived.inWords)",
      "  why    \(letter.words)",
      "  key    \(key.joined(separator: ", "))",
      "  times  \(times.isEmpty ? "none given" : times.joined(separator: ", "))",
    ]
    lines.append("  \(letter.event == .delete ? "delete" : "upsert") of revision \(letter.revision)")
    lines += letter.features.map { "    \($0.name) = \($0.input.inWords)" }
    return lines
  }

  fileprivate func json(_ view: String) -> JSON {
    func moment(_ nanoseconds: Int64?) -> JSON {
      nanoseconds.map { .text("\(WallTime(nanoseconds: $0))") } ?? .null
    }
    return [
      "lsn": .number(lsn.rawValue), "arrived": .text("\(arrived)"), "view": .text(view),
      "revision": .number(letter.revision), "rule": .text(letter.rule), "why": .text(letter.words),
      "operation": .text(letter.event == .delete ? "delete" : "upsert"),
      "event_time": moment(letter.times.eventTime?.nanoseconds),
      "created_at": moment(letter.times.createdAt?.nanoseconds),
      "known_at": moment(letter.times.knownAt?.nanoseconds), "key": .list(letter.key.map(\.json)),
      "features": .list(
        letter.features.map { ["name": .text($0.name), "value": $0.input.json] }),
    ]
  }
}

extension FeatureInput {
  fileprivate var inWords: String {
    switch self {
    case .absent: "absent"
    case .null: "null"
    case .value(let value): value.description
    }
  }

  /// A letter leaves absent features out.
  fileprivate var json: JSON { if case .value(let value) = self { value.json } else { .null } }
}
