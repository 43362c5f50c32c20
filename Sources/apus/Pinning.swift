// `apus pin`: a moment is kept readable, let go of, or all of them are listed with what they hold back. What a pin costs is told
// whenever it is spoken of: nobody sees it otherwise until the disk is full.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Pinning {
  struct Options: Equatable {
    var name: String
    var moment = PinWish.Moment.now
    var views: [VersionedName] = []
    var note = ""
    var period: Period?
    var project: String?
  }

  static func set(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, _) = try answer.definitions()
    let wish = PinWish(
      name: options.name, moment: options.moment, views: try views(options, naming), note: options.note,
      period: options.period?.nanoseconds)
    let told = try answer.changing { (store) throws(StoreError) in
      let pin = try store.pin(wish)
      return Told(pin, try store.facts())
    }
    told.give(
      answer, verb: "pinned", next: "apus get KEY=VALUE --view VIEW --pin \(Shell.word(options.name))")
    return .done
  }

  static func release(_ name: String, project: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let facts = try answer.facts()
    let known = PinFacts.listed(facts, only: project, now: SystemClock().wall())
    guard let told = known.first(where: { $0.pin.name == name }) else {
      let refusal = StoreError.unknownPin(name)
      throw Trouble(
        refusal.code, refusal.what, at: answer.data,
        next: known.isEmpty
          ? "there is none to release"
          : Suggestion.next(for: name, among: known.map(\.pin.name), see: "apus pin\(answer.place.option)"))
    }
    // A folder is let go of in between: what was held is told as it was.
    _ = consume facts
    let pin = try answer.changing { (store) throws(StoreError) in try store.unpin(name) }
    Told(pin, told).give(answer, verb: "released", next: nil)
    return .done
  }

  static func list(project: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let facts = try answer.facts()
    let now = SystemClock().wall()
    let pins = PinFacts.listed(facts, only: project, now: now)
    if answer.isJSON {
      answer.output.line(["pins": .list(pins.map(\.json))])
      return .done
    }
    guard !pins.isEmpty else {
      answer.output.line("there is no pin")
      return .done
    }
    for pin in pins { pin.lines(now: now).forEach { answer.output.line($0) } }
    return .done
  }

  /// The view versions that are named; of a project that is named alone, all that it has.
  private static func views(_ options: Options, _ naming: Naming) throws(Trouble) -> [ViewVersionID] {
    if options.views.isEmpty, options.project == nil { return [] }
    let project = try naming.project(options.project)
    let registry = naming.registry
    if options.views.isEmpty {
      return registry.views.filter { $0.project == project.id }.flatMap(\.versions)
    }
    var views: [ViewVersionID] = []
    for name in options.views {
      if name.number != nil {
        views.append(try naming.version(name, in: project).id)
      } else {
        views += try naming.view(name.name, in: project).versions
      }
    }
    return views
  }

  /// A pin that was just set or let go of.
  private struct Told {
    let pin: Pin
    let facts: PinFacts

    init(_ pin: Pin, _ store: StoreFacts) {
      self.pin = pin
      facts =
        PinFacts.listed(store, only: nil, now: pin.since).first { $0.pin.name == pin.name }
        ?? PinFacts(pin, [], store.state.registry)
    }

    init(_ pin: Pin, _ facts: PinFacts) {
      self.pin = pin
      self.facts = facts
    }

    func give(_ answer: Answer, verb: String, next: String?) {
      var lines = ["\(verb): \(facts.title)"] + facts.details
      if let next { lines.append("  next: \(next)\(answer.place.option)") }
      answer.give(lines, JSON([verb: true]).adding(facts.json))
    }
  }
}

/// A pin, and what it holds back.
struct PinFacts {
  let pin: Pin
  private let holds: [PinHold]
  private let registry: Registry

  init(_ pin: Pin, _ holds: [PinHold], _ registry: Registry) {
    self.pin = pin
    self.holds = holds
    self.registry = registry
  }

  /// All of them; to somebody who may know of one project, those that are of it alone. What they hold back is left out where it cannot be read.
  static func listed(_ facts: StoreFacts, only project: String?, now: WallTime) -> [PinFacts] {
    let registry = facts.state.registry
    let told = (try? facts.pinHolds(at: now)) ?? facts.state.pins.listed.map { ($0, []) }
    return told.map { PinFacts($0.pin, $0.holds, registry) }.filter { $0.isOf(project) }
  }

  private func isOf(_ project: String?) -> Bool {
    guard let project else { return true }
    return !pin.views.isEmpty
      && pin.views.allSatisfy { id in
        registry[id].flatMap { registry[$0.view] }.flatMap { registry[$0.project] }?.name == project
      }
  }

  private func spelled(_ id: ViewVersionID) -> String {
    registry[id].map(registry.spelling(of:)) ?? "view version \(id)"
  }

  var isHolding: Bool { !holds.isEmpty }

  /// `jan: LSN 88,123 of 2026-11-19T14:03:22Z`.
  var title: String { "\(pin.name): LSN \(Numbers.grouped(pin.last.rawValue)) of \(pin.moment.inWords)" }

  var details: [String] {
    var lines = [
      "  holds: " + (pin.views.isEmpty ? "all views" : pin.views.map(spelled).joined(separator: ", "))
    ]
    if let expires = pin.expires { lines.append("  ends: \(expires.inWords), by itself") }
    if !pin.note.isEmpty { lines.append("  note: \(pin.note)") }
    return lines + costs
  }

  func lines(now: WallTime) -> [String] {
    let ended = pin.isExpired(at: now) ? "; its time is over, and compaction ends it" : ""
    return ["\(title), pinned \(Age(of: pin.since, at: now).inWords) ago\(ended)"] + details
  }

  /// What it keeps from being let go of.
  private var costs: [String] {
    if holds.isEmpty {
      let kept = registry.versions.filter { pin.holds($0.id) }
      let isForever = kept.allSatisfy { $0.settings.history == .forever }
      return ["  costs: nothing\(isForever ? ", its views keep all history" : " so far")"]
    }
    return holds.map { hold in
      let age = Age(of: pin.moment, at: hold.wanted)
      let held = age.isUnderASecond ? "less than a second" : age.inWords
      let kept =
        hold.runs == 0
        ? "nothing that could go yet"
        : "at most \(Numbers.count(hold.events, "event")) of \(ByteCount.inWords(hold.byteCount)) "
          + "in \(Numbers.count(hold.runs, "run"))"
      return "  costs: \(spelled(hold.view)) keeps \(held) more than its history: \(kept)"
    }
  }

  var words: String {
    "\(pin.name) holds " + holds.map { spelled($0.view) }.joined(separator: ", ")
  }

  var json: JSON {
    [
      "name": .text(pin.name), "lsn": .number(pin.last.rawValue), "moment": .text("\(pin.moment)"),
      "since": .text("\(pin.since)"), "expires": pin.expires.map { .text("\($0)") } ?? .null,
      "note": .text(pin.note),
      "views": pin.views.isEmpty ? .null : .list(pin.views.map { .text(spelled($0)) }),
      "holds": .list(
        holds.map { hold in
          [
            "view": .text(spelled(hold.view)), "horizon": hold.standing.map { .text("\($0)") } ?? .null,
            "wanted": .text("\(hold.wanted)"), "runs": .number(hold.runs), "events": .number(hold.events),
            "bytes": .number(hold.byteCount),
          ]
        }),
    ]
  }
}
