// The verbs that a server runs for somebody far away: the same code as on a folder, with the store that is open here, and
// with what is printed collected. What a verb needs is asked of the token first, in the project that it is about.

import ApusContracts
import ApusServer
import ApusStore

struct Console: ConsoleHandler {
  /// Of one answer; a longer one is cut, and says so.
  let outputByteCountMax: Int
  let store: Store

  func run(words: [String], files: [ConsoleFile], scopes: Scopes) -> ConsoleAnswer {
    let output = Output(collecting: outputByteCountMax)
    let parsed = CommandParser.parse(words)
    let json = (try? parsed.get())?.isJSON ?? words.contains("--json")
    var code: ExitCode
    var trouble: Trouble?
    do throws(Trouble) {
      code = try run(parsed, files, scopes, output)
      if output.isCut { throw Trouble.cutOutput(store.folder) }
    } catch {
      trouble = error
      code = error.code
    }
    if let trouble, json, !output.isCut { output.line(trouble.json) }
    var errors: [String] = []
    if let trouble, !json || output.isCut { errors = trouble.lines }
    return ConsoleAnswer(
      exit: code.rawValue, out: String(decoding: output.collected, as: UTF8.self),
      err: errors.map { $0 + "\n" }.joined(),
      trouble.map { ConsoleTrouble(name: $0.name, what: $0.what, next: $0.next) })
  }

  private func run(
    _ parsed: Result<Command, UsageError>, _ files: [ConsoleFile], _ scopes: Scopes, _ output: Output
  ) throws(Trouble) -> ExitCode {
    let command: Command
    do throws(UsageError) { command = try parsed.get() } catch { throw Trouble(error) }
    guard case .run(let job, .server, let json) = command, let scope = job.scope else {
      throw Trouble.misplaced
    }
    let definitions = files.map { DefinitionFile(name: $0.path, bytes: Array($0.content.utf8)) }
    let source = Source.open(store, files: definitions)
    let allowed = try allow(job, scope, scopes, source)
    return try Program.run(allowed, Answer(source: source, isJSON: json, output: output))
  }

  /// The job, limited to the one project where the token may do it; or a refusal.
  private func allow(_ job: Job, _ scope: Scope, _ scopes: Scopes, _ source: Source) throws(Trouble) -> Job {
    if scopes.everywhere.contains(scope) { return job }
    let granted = scopes.projects.filter { $0.value.contains(scope) }.keys.sorted()
    // The clock is the whole store's.
    if case .repair = job {
      throw Trouble(
        "forbidden", "the token may not do that: it needs the scope \(scope) for the whole store",
        at: store.folder, next: "make one that may: `apus token create NAME --scope \(scope)`")
    }
    guard let only = granted.first else {
      throw Trouble(
        "forbidden", "the token may not do that: it needs the scope \(scope)", at: store.folder,
        next: "make one that may: `apus token create NAME --scope \(scope)`")
    }
    let wanted: String?
    if job.definitions.isEmpty {
      wanted = job.project
    } else {
      wanted = try DefinitionSources.read(job.definitions, from: source).name
    }
    if let wanted, !granted.contains(wanted) {
      throw Trouble(
        "forbidden", "the token may not do that in project \(wanted): it needs the scope \(scope) there",
        at: store.folder,
        next: "make one that may: `apus token create NAME --scope \(scope) --project \(wanted)`")
    }
    guard wanted != nil || granted.count == 1 else {
      throw Trouble(
        "which_project", "the token is for several projects: \(granted.joined(separator: ", "))",
        at: store.folder,
        next: "say which one: --project NAME")
    }
    return job.limited(to: wanted ?? only)
  }
}

extension Job {
  /// What a token must allow; nil for what no server runs.
  fileprivate var scope: Scope? {
    switch self {
    case .plan, .describe, .status, .listDeadLetters, .showDeadLetters, .get, .history, .explain, .scan,
      .skew, .listPins:
      .read
    case .delete: .ingest
    case .handleDeadLetters(let options): options.how == .replayed ? .ingest : .admin
    case .apply, .promote, .retire, .retireService, .erase, .pin, .unpin, .backfill, .repair(.confirmClock):
      .admin
    default: nil
    }
  }

  fileprivate var project: String? {
    switch self {
    case .promote(_, let project), .retire(_, let project), .retireService(_, let project),
      .describe(_, let project):
      project
    case .listDeadLetters(let filter), .showDeadLetters(let filter, _): filter.project
    case .handleDeadLetters(let options): options.filter.project
    case .status(let project), .listPins(let project), .unpin(_, let project): project
    case .pin(let options): options.project
    case .backfill(let options): options.project
    case .get(let options): options.project
    case .explain(let options): options.what.project
    case .history(let options): options.what.project
    case .scan(let options): options.project
    case .skew(let options): options.project
    case .delete(let options): options.project
    case .erase(let options): options.project
    default: nil
    }
  }

  /// The same, about one project and nothing else. Definitions name theirs themselves.
  fileprivate func limited(to project: String) -> Job {
    switch self {
    case .promote(let name, _): return .promote(name, project: project)
    case .retire(let name, _): return .retire(name, project: project)
    case .retireService(let name, _): return .retireService(name, project: project)
    case .describe(let name, _): return .describe(name, project: project)
    case .listDeadLetters(var filter):
      filter.project = project
      return .listDeadLetters(filter)
    case .showDeadLetters(var filter, let limit):
      filter.project = project
      return .showDeadLetters(filter, limit: limit)
    case .handleDeadLetters(var options):
      options.filter.project = project
      return .handleDeadLetters(options)
    case .status: return .status(project: project)
    case .listPins: return .listPins(project: project)
    case .unpin(let name, _): return .unpin(name, project: project)
    case .pin(var options):
      options.project = project
      return .pin(options)
    case .backfill(var options):
      options.project = project
      return .backfill(options)
    case .get(var options):
      options.project = project
      return .get(options)
    case .explain(var options):
      options.what.project = project
      return .explain(options)
    case .history(var options):
      options.what.project = project
      return .history(options)
    case .scan(var options):
      options.project = project
      return .scan(options)
    case .skew(var options):
      options.project = project
      return .skew(options)
    case .delete(var options):
      options.project = project
      return .delete(options)
    case .erase(var options):
      options.project = project
      return .erase(options)
    default: return self
    }
  }
}

extension Trouble {
  fileprivate static func cutOutput(_ folder: String) -> Trouble {
    Trouble(
      "output_cut", "the answer is longer than the server sends, and was cut", at: folder,
      next: "ask for less: a view, a rule, or --limit N")
  }
}
