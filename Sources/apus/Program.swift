// One run of the program: the command line is understood as a whole before anything is done, and whatever happens ends
// in an exit code and, when it failed, in a trouble told in three lines or in JSON.

import ApusLog
import ApusSystem

enum Program {
  static let version = "0.1.0-dev"

  static func run(_ arguments: [String], output: Output) -> ExitCode {
    let parsed = CommandParser.parse(arguments)
    let json = (try? parsed.get())?.isJSON ?? arguments.contains("--json")
    var code: ExitCode
    var trouble: Trouble?
    do throws(Trouble) {
      code = try run(parsed, output: output)
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
    _ parsed: Result<Command, UsageError>, output: Output
  ) throws(Trouble) -> ExitCode {
    let command: Command
    do throws(UsageError) { command = try parsed.get() } catch { throw Trouble(error) }
    do throws(LogError) {
      switch command {
      case .help(let verbs):
        Help.lines(of: verbs).forEach { output.line($0) }
        return .done
      case .version:
        output.line("apus \(version), log format \(Format.version)")
        return .done
      case .check(let data, let json): return try Check.run(data, json: json, output: output)
      case .inspectLog(let data, let json): return try LogStat.run(data, json: json, output: output)
      case .dumpLog(let data, let options): return try LogLines.run(data, options, output: output)
      case .inspectManifest(let data, let json):
        return try ManifestEdits.run(data, json: json, output: output)
      }
    } catch {
      throw Trouble(error, isCheck: command.isCheck, data: command.data)
    }
  }
}
