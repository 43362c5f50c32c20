// `apus push`: a file into a view. The load is decided as a whole before its first row: which view, what the columns mean,
// what the rows' known-at is, and where an earlier run of the producer ended.

import ApusContracts
import ApusExport
import ApusIngest
import ApusLog
import ApusStore
import ApusSystem

enum Push {
  struct Options: Equatable {
    var view: VersionedName
    /// `-` is standard input.
    var path: String
    var project: String?
    var load = LoadOptions()
    /// Nil: the event time for a view that never held an event, else now.
    var choice: KnownAtChoice?
    /// A zone of the system, by its name.
    var zone: String?
    var producer: String?
    var isDryRun = false
    var isAllOrNothing = false
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    var options = options
    if let zone = options.zone { options.load.zone = try Self.zone(zone) }
    let look = try PushLook(options, answer)
    let plan = look.plan
    var load = try plan.load(try plan.source())
    let choice = try plan.choice(resuming: load.resumption)
    let progress = Progress(isShown: !answer.isJSON)
    if options.isDryRun || options.isAllOrNothing {
      let sink = JudgeSink(look.catalog, look.view, choice, clock: SystemClock())
      let stop = load.run(judging: sink, choice, progress)
      if let stop {
        throw plan.trouble(stop, load.report, isDryRun: true) { Trouble($0, data: answer.data) }
      }
      let report = PushReport(load.report, plan, choice, isDryRun: true)
      guard options.isAllOrNothing else {
        report.give(answer.isJSON, answer.output)
        return report.code
      }
      if !load.report.isClean { throw report.refusal }
      if options.isDryRun {
        report.give(answer.isJSON, answer.output)
        return .done
      }
      // The same again, this time for good.
      load = try plan.load(try plan.source())
    }
    let policy: RefusalPolicy = options.isAllOrNothing ? .allOrNothing : .setAside
    let stop = try answer.changing { (store) throws(StoreError) -> LoadStop<StoreError>? in
      let producer = try options.producer.map { name throws(StoreError) in try store.openProducer(name) }
      guard let view = store.catalog[look.view.id] else { return nil }
      let sink = StoreSink(store, view, choice, policy, producer: producer)
      return load.run(judging: sink, choice, progress)
    }
    if let stop {
      throw plan.trouble(stop, load.report, isDryRun: false) { Trouble($0, data: answer.data) }
    }
    let report = PushReport(load.report, plan, choice, isDryRun: false)
    report.give(answer.isJSON, answer.output)
    return report.code
  }

  static func zone(_ name: String) throws(Trouble) -> Zone {
    if let zone = Zone.fixed(spelling: name) { return zone }
    do throws(ZoneError) { return try ZoneFileReader.zone(named: name) } catch {
      let next =
        "write an offset as +02:00, UTC, or a name as in \(ZoneFileReader.folder), such as Europe/Berlin"
      switch error {
      case .unknown(let name):
        throw Trouble(
          "unknown_timezone", "there is no time zone `\(name)`", at: ZoneFileReader.folder, next: next)
      case .unreadable(let path, let why):
        throw Trouble("unknown_timezone", "the time zone cannot be read: \(why)", at: path, next: next)
      case .system(let error): throw Trouble(LogError.system(error), data: error.subject)
      }
    }
  }
}

extension LabelZone {
  /// A zone as people write it.
  init(named name: String) throws(Trouble) {
    let zone = try Push.zone(name)
    self.init(name) { seconds in
      guard case .one(let moment) = zone.universal(local: seconds) else { return nil }
      return moment
    }
  }
}

extension FileLoad {
  /// Why it ended before the file did; nil when it did not.
  mutating func run<Sink: RowSink>(
    judging sink: Sink, _ choice: KnownAtChoice, _ progress: Progress
  ) -> LoadStop<Sink.Failure>? {
    defer { progress.end() }
    do throws(LoadStop<Sink.Failure>) {
      try run(into: sink, choice: choice) { progress.show($0) }
      return nil
    } catch {
      return error
    }
  }
}

/// What a push into a folder finds there. The store is looked at, and let go of.
private struct PushLook {
  let plan: PushPlan
  let catalog: Catalog
  let view: CatalogView

  init(_ options: Push.Options, _ answer: Answer) throws(Trouble) {
    let look = try answer.facts()
    let naming = Naming(registry: look.state.registry, place: answer.place)
    let project = try naming.project(options.project)
    let version = try naming.version(options.view, in: project)
    guard let view = look.catalog[version.id], !view.isRetired else {
      throw PushPlan.retired(options, at: answer.data, answer.place.option)
    }
    self.view = view
    catalog = look.catalog
    let producer = options.producer.flatMap { name in look.state.producers.listed.first { $0.name == name } }
    plan = try PushPlan(
      options, LoadTarget(view), at: answer.data, answer.place.option,
      hasEvents: (look.state.activity[version.id]?.events ?? 0) > 0, stored: producer?.sourceOffset)
  }
}
