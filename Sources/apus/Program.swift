// One run of the program: the command line is understood as a whole before anything is done, and whatever happens ends
// in an exit code and, when it failed, in a trouble told in three lines or in JSON.

import ApusLog
import ApusServer
import ApusSystem

enum Program {
  static let version = "0.1.0-dev"

  static func run(_ arguments: [String], output: Output) -> ExitCode {
    let parsed = CommandParser.parse(arguments)
    let json = (try? parsed.get())?.isJSON ?? arguments.contains("--json")
    var code: ExitCode
    var trouble: Trouble?
    do throws(Trouble) {
      code = try run(parsed, arguments, output: output)
    } catch {
      trouble = error
      code = error.code
    }
    if json, let trouble { output.line(trouble.json) }
    output.flush()
    // A reader who went away has what it wanted; any other failure means that the answer was not given.
    if let failure = output.failure, failure.errno != .brokenPipe {
      trouble = Trouble(failure)
      code = .failed
    } else if json {
      trouble = nil
    }
    if let trouble {
      let errors = Output(.error)
      trouble.lines.forEach { errors.line($0) }
      errors.flush()
    }
    return code
  }

  private static func run(
    _ parsed: Result<Command, UsageError>, _ arguments: [String], output: Output
  ) throws(Trouble) -> ExitCode {
    let command: Command
    do throws(UsageError) { command = try parsed.get() } catch { throw Trouble(error) }
    switch command {
    case .help(let verbs):
      Help.lines(of: verbs).forEach { output.line($0) }
      return .done
    case .version:
      output.line("apus \(version), log format \(Format.version)")
      return .done
    case .run(let job, .folder(let folder), let json):
      return try run(job, Answer(source: .folder(folder), isJSON: json, output: output))
    case .run(let job, .server(let choice), let json):
      return try Remote.run(job, arguments, choice, isJSON: json, output)
    case .run(let job, .nowhere, let json):
      return try runHere(job, isJSON: json, output)
    }
  }

  /// What is about no store, or opens its own.
  private static func runHere(_ job: Job, isJSON: Bool, _ output: Output) throws(Trouble) -> ExitCode {
    switch job {
    case .serve(let given): return try Serve.run(given, output)
    case .showConfiguration(let given): return try ConfigurationShow.run(given, isJSON: isJSON, output)
    case .settingsPage:
      // As it is: a line of the page is a line.
      ConfigurationPage.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().forEach {
        output.line(String($0))
      }
    case .diff(let options): return try Diff.run(options, isJSON: isJSON, output)
    case .createToken(let wish, let data):
      return try Tokens.create(wish, data: data, isJSON: isJSON, output)
    case .listTokens(let data): return try Tokens.list(data: data, isJSON: isJSON, output)
    case .revokeToken(let name, let data):
      return try Tokens.revoke(name, data: data, isJSON: isJSON, output)
    case .completions(let shell): Completions.lines(for: shell).forEach { output.line($0) }
    default: throw Trouble.misplaced
    }
    return .done
  }

  /// What is about one store. Also called by a server, for somebody far away.
  static func run(_ job: Job, _ answer: Answer) throws(Trouble) -> ExitCode {
    switch job {
    case .plan(let paths, let check): try Planning.run(paths, check: check, answer)
    case .apply(let paths, let options): try Apply.run(paths, options, answer)
    case .promote(let name, let project): try Versions.promote(name, in: project, answer)
    case .retire(let name, let project): try Versions.retire(name, in: project, answer)
    case .retireService(let name, let project): try Versions.retire(service: name, in: project, answer)
    case .describe(let name, let project): try Describe.run(name, in: project, answer)
    case .status(let project): try StoreStatus.run(only: project, answer)
    case .get(let options): try Get.run(options, answer)
    case .history(let options): try History.run(options, answer)
    case .explain(let options): try Explain.run(options, answer)
    case .scan(let options): try Scan.run(options, answer)
    case .export(let options): try Export.run(options, answer)
    case .verifyExport(let path, let spine): try ExportVerify.run(path, spine: spine, answer)
    case .skew(let options): try Skew.run(options, answer)
    case .delete(let options): try Delete.run(options, answer)
    case .erase(let options): try Erase.run(options, answer)
    case .push(let options): try Push.run(options, answer)
    case .listDeadLetters(let filter): try DeadLetterList.run(filter, answer)
    case .showDeadLetters(let filter, let limit): try DeadLetterLines.run(filter, limit: limit, answer)
    case .handleDeadLetters(let options): try DeadLetterHandling.run(options, answer)
    case .check(let scratch): try Check.run(scratch: scratch, answer)
    case .repair(let action): try Repair.run(action, answer)
    case .compact(let erasing): try Compact.run(erasing: erasing, answer)
    case .backfill(let options): try Backfilling.run(options, answer)
    case .listPins(let project): try Pinning.list(project: project, answer)
    case .pin(let options): try Pinning.set(options, answer)
    case .unpin(let name, let project): try Pinning.release(name, project: project, answer)
    case .inspectLog:
      try answer.ofLog { () throws(LogError) in
        try LogStat.run(answer.data, json: answer.isJSON, output: answer.output)
      }
    case .dumpLog(let options):
      try answer.ofLog { () throws(LogError) in
        try LogLines.run(answer.data, options, output: answer.output)
      }
    case .inspectManifest:
      try answer.ofLog { () throws(LogError) in
        try ManifestEdits.run(answer.data, json: answer.isJSON, output: answer.output)
      }
    default: throw Trouble.misplaced
    }
  }
}
