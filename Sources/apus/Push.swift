// `apus push`: a file into a view. The load is decided as a whole before its first row: which view, what the columns mean,
// what the rows' known-at is, and where an earlier run of the producer ended.

import ApusContracts
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
    let plan = try PushPlan(options, answer)
    var load = try plan.load()
    let choice = try plan.choice(resuming: load.resumption)
    let progress = Progress(isShown: !answer.isJSON)
    if options.isDryRun || options.isAllOrNothing {
      let sink = JudgeSink(plan.catalog, plan.view, choice, clock: SystemClock())
      let stop = load.run(judging: sink, choice, progress)
      if let stop { throw plan.trouble(stop, load.report, isDryRun: true) }
      let report = PushReport(load.report, plan, choice, isDryRun: true)
      guard options.isAllOrNothing else {
        report.give(answer)
        return report.code
      }
      if !load.report.isClean { throw report.refusal }
      if options.isDryRun {
        report.give(answer)
        return .done
      }
      // The same again, this time for good.
      load = try plan.load()
    }
    let policy: RefusalPolicy = options.isAllOrNothing ? .allOrNothing : .setAside
    let stop = try answer.changing { (store) throws(StoreError) -> LoadStop<StoreError>? in
      let producer = try options.producer.map { name throws(StoreError) in try store.openProducer(name) }
      guard let view = store.catalog[plan.view.id] else { return nil }
      let sink = StoreSink(store, view, choice, policy, producer: producer)
      return load.run(judging: sink, choice, progress)
    }
    if let stop { throw plan.trouble(stop, load.report, isDryRun: false) }
    let report = PushReport(load.report, plan, choice, isDryRun: false)
    report.give(answer)
    return report.code
  }

  private static func zone(_ name: String) throws(Trouble) -> Zone {
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

extension FileLoad {
  /// Why it ended before the file did; nil when it did not.
  fileprivate mutating func run<Sink: RowSink>(
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

/// What is known of a load before the store is opened for it.
struct PushPlan {
  let options: Push.Options
  let data: String
  let catalog: Catalog
  let view: CatalogView
  private let hasEvents: Bool
  private let stored: LoadOffset?

  /// Looks at the store, and lets go of it.
  init(_ options: Push.Options, _ answer: Answer) throws(Trouble) {
    self.options = options
    data = answer.data
    let look = try answer.facts()
    let naming = Naming(registry: look.state.registry, place: answer.place)
    let project = try naming.project(options.project)
    let version = try naming.version(options.view, in: project)
    guard let view = look.catalog[version.id], !view.isRetired else {
      throw Trouble(
        "retired", "\(options.view) is retired, and takes no rows", at: data,
        next: "`apus describe \(options.view.name) --data \(Shell.word(data))` lists its versions")
    }
    self.view = view
    catalog = look.catalog
    hasEvents = (look.state.activity[version.id]?.events ?? 0) > 0
    let producer = options.producer.flatMap { name in look.state.producers.listed.first { $0.name == name } }
    stored = producer?.sourceOffset.flatMap { LoadOffset($0) }
    if let producer, producer.sourceOffset != nil, stored == nil {
      throw Trouble(
        "other_source",
        "the producer `\(producer.name)` does not read files: its offset is another program's",
        at: data, next: "name another producer")
    }
  }

  func load() throws(Trouble) -> FileLoad {
    let source: InputStream
    if options.path == "-" {
      source = .standardInput()
    } else {
      do throws(SystemError) { source = try InputStream(path: options.path) } catch {
        guard error.errno != .noEntry else {
          throw Trouble(
            "no_file", "there is no such file", at: options.path, next: "check the path of the file")
        }
        throw Trouble(LogError.system(error), data: options.path)
      }
    }
    do throws(ReadError) {
      return try FileLoad(
        source, LoadTarget(view), options.load, stored: stored, keepsOffset: options.producer != nil)
    } catch {
      switch error {
      case .system(let error): throw Trouble(LogError.system(error), data: options.path)
      case .refused(let refusal): throw trouble(refusal)
      }
    }
  }

  /// A load that goes on repeats what it began with.
  func choice(resuming resumption: LoadOffset?) throws(Trouble) -> KnownAtChoice {
    guard let resumption else { return options.choice ?? (hasEvents ? .now : .eventTime) }
    if let asked = options.choice, asked != resumption.choice {
      throw Trouble(
        "other_choice",
        "this load began with --known-at \(resumption.choice.spelled(options.load.knownAt)), and goes on with it",
        at: options.path, next: "leave --known-at out, or name another producer")
    }
    if resumption.choice == .column, options.load.knownAt == nil {
      throw Trouble(
        "other_choice", "this load began with --known-at column:NAME, and needs to know the column",
        at: options.path, next: "say --known-at column:NAME again")
    }
    return resumption.choice
  }
}

extension KnownAtChoice {
  /// As a person writes it.
  func spelled(_ column: String?) -> String {
    switch self {
    case .live: "live"
    case .now: "now"
    case .eventTime: "event-time"
    case .eventTimePlus(let nanoseconds):
      "event-time" + (Period(nanoseconds: nanoseconds).map { "+\($0)" } ?? "")
    case .column: "column:\(column ?? "NAME")"
    }
  }
}

extension LoadReport {
  /// Whether every row would come in, and every line is one.
  var isClean: Bool { setAside == 0 && refused == 0 && unreadable.isEmpty && erased == 0 }
}
