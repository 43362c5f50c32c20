// Everything that a store has, in short.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

struct StoreOverview {
  private let look: StoreFacts
  private let place: StorePlace
  private let registry: Registry
  private let projects: [RegisteredProject]
  private let now: WallTime

  init(_ look: StoreFacts, only project: RegisteredProject?, _ place: StorePlace, now: WallTime) {
    self.look = look
    self.place = place
    self.now = now
    registry = look.state.registry
    projects = project.map { [$0] } ?? registry.projects
  }

  // MARK: For people

  var lines: [String] {
    let letters = look.state.deadLetters
    var lines = [
      "store         \(look.storeID)",
      "timeline      \(look.timeline)",
      "folder        \(look.folder)",
      "last LSN      \(look.last)",
      "last append   \(look.lastAppend.map { "\($0.inWords), \(Age(of: $0, at: now).inWords) ago" } ?? "nothing yet")",
      "index         \(index)",
      "history       \(HistorySums(look.log.view).words)",
      "dead letters  "
        + (letters.letters == 0
          ? "none"
          : "\(Numbers.count(letters.letters, "letter")), \(Numbers.count(letters.byteCount, "byte"))"),
      "erasures      \(ErasureFacts(look).words)",
    ]
    lines += look.lossLines(place)
    if registry.projects.isEmpty { lines += ["", "no definitions yet"] }
    for project in projects { lines += [""] + self.lines(of: project) }
    let producers = look.state.producers.listed
    if !producers.isEmpty { lines += [""] + table(of: producers).lines }
    return lines
  }

  private var index: String {
    switch look.index.verdict {
    case .usable where look.tail == 0: "complete"
    case .usable:
      "complete to LSN \(look.index.complete); rows below are of then, and \(Numbers.count(look.tail, "record")) behind it"
    case .missing: "none; the next start makes it from the log"
    case .rebuilding: look.rebuilding
    case .unusable(let why): "not usable, because \(why); the next start makes another"
    }
  }

  private func lines(of project: RegisteredProject) -> [String] {
    var lines = ["project \(project.name)", "  fingerprint  \(registry.fingerprint(of: project.name))"]
    for entity in entities(of: project) {
      lines.append("  entity       \(entity.name) \(entity.spelledKeys)")
    }
    var views = Table([
      ("view", .left), ("", .left), ("features", .right), ("rows", .right), ("events", .right),
      ("newest event", .left), ("freshness", .left), ("dead letters", .right),
    ])
    let versions = versions(of: project)
    for version in versions { views.add(cells(of: version)) }
    if !versions.isEmpty { lines += [""] + views.lines.map { "  " + $0 } }
    var services = Table([("service", .left), ("", .left), ("columns", .right), ("reads", .left)])
    let all = self.services(of: project)
    for service in all {
      services.add([
        registry.spelling(of: service), service.isRetired ? "retired" : "",
        "\(service.members.reduce(0) { $0 + $1.features.count })",
        registry.reads(of: service).joined(separator: ", "),
      ])
    }
    if !all.isEmpty { lines += [""] + services.lines.map { "  " + $0 } }
    return lines
  }

  private func cells(of version: RegisteredVersion) -> [String] {
    let facts = ViewFacts(version, look, now: now)
    return [
      registry.spelling(of: version), registry.word(of: version) ?? "", "\(facts.features)",
      facts.rows.map { Numbers.grouped($0) } ?? "-", Numbers.grouped(facts.activity?.events ?? 0),
      facts.activity?.newestEventTime.wall.inWords ?? "-", facts.freshnessInWords,
      Numbers.grouped(facts.letters),
    ]
  }

  private func table(of producers: [Producer]) -> Table {
    var table = Table([
      ("producer", .left), ("epoch", .right), ("last request", .right), ("idle for", .left), ("", .left),
    ])
    for producer in producers {
      table.add([
        producer.name, "\(producer.epoch)", Numbers.grouped(producer.sequence),
        Age(of: producer.lastUsed, at: now).inWords, producer.isExpired ? "expired" : "",
      ])
    }
    return table
  }

  private func entities(of project: RegisteredProject) -> [RegisteredEntity] {
    registry.entities.filter { $0.project == project.id }
  }

  private func versions(of project: RegisteredProject) -> [RegisteredVersion] {
    registry.views.filter { $0.project == project.id }.flatMap(\.versions).compactMap { registry[$0] }
  }

  private func services(of project: RegisteredProject) -> [RegisteredServiceVersion] {
    registry.services.filter { $0.project == project.id }.flatMap(\.versions).compactMap { registry[$0] }
  }

  // MARK: For programs

  var json: JSON {
    let head: JSON = [
      "folder": .text(look.folder), "store_id": .text("\(look.storeID)"),
      "timeline": .text("\(look.timeline)"),
      "last_lsn": look.last == .none ? .null : .number(look.last.rawValue),
      "last_append_time": look.lastAppend.map { .text("\($0)") } ?? .null,
      "index": look.index.json, "tail_records": .number(look.tail),
      "history": HistorySums(look.log.view).json,
    ]
    let sums: JSON = [
      "dead_letters": .number(look.state.deadLetters.letters),
      "dead_letter_bytes": .number(look.state.deadLetters.byteCount),
      "erasures": .number(look.state.erasures.count),
      "pending_erasures": ErasureFacts(look).pendingJSON, "last_receipt": ErasureFacts(look).receiptJSON,
      "projects": .list(projects.map(json(of:))),
      "producers": .list(look.state.producers.listed.map(json(of:))),
    ]
    return head.adding(look.lossJSON).adding(sums)
  }

  private func json(of project: RegisteredProject) -> JSON {
    [
      "name": .text(project.name), "fingerprint": .text("\(registry.fingerprint(of: project.name))"),
      "entities": .list(entities(of: project).map(\.json)),
      "views": .list(versions(of: project).map { ViewFacts($0, look, now: now).json }),
      "services": .list(
        services(of: project).map { service in
          [
            "name": .text(registry.spelling(of: service)), "retired": .boolean(service.isRetired),
            "columns": .number(service.members.reduce(0) { $0 + $1.features.count }),
            "reads": .list(registry.reads(of: service).map { .text($0) }),
          ]
        }),
    ]
  }

  private func json(of producer: Producer) -> JSON {
    [
      "name": .text(producer.name), "epoch": .number(producer.epoch),
      "last_sequence": .number(producer.sequence),
      "last_used": .text("\(producer.lastUsed)"), "expired": .boolean(producer.isExpired),
    ]
  }
}

extension IndexFacts {
  var json: JSON {
    let state: String
    var why = because.map { JSON.text($0) } ?? .null
    switch verdict {
    case .usable: state = "usable"
    case .missing: state = "missing"
    case .rebuilding: state = "rebuilding"
    case .unusable(let because):
      state = "unusable"
      why = .text(because)
    }
    return [
      "state": .text(state), "why": why, "epoch": epoch.map { .number($0) } ?? .null,
      "complete_lsn": complete == .none ? .null : .number(complete.rawValue),
      "bytes": byteCount.map { .number($0) } ?? .null,
    ]
  }
}

extension RegisteredEntity {
  /// `{card_id: string}`.
  var spelledKeys: String { "{\(keys.map { "\($0.name): \($0.type)" }.joined(separator: ", "))}" }

  var json: JSON {
    [
      "name": .text(name), "description": .text(description),
      "keys": .list(keys.map { ["name": .text($0.name), "type": .text("\($0.type)")] }),
    ]
  }
}

extension Registry {
  /// `fraud@1`.
  func spelling(of service: RegisteredServiceVersion) -> String {
    "\(self[service.service]?.name ?? "")@\(service.number)"
  }

  /// The view versions that a service reads, each once.
  func reads(of service: RegisteredServiceVersion) -> [String] {
    service.members.compactMap { self[$0.version] }.map(spelling(of:)).reduce(into: []) { all, name in
      if !all.contains(name) { all.append(name) }
    }
  }
}
