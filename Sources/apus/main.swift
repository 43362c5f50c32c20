// The front door: words in, words and an exit code out.

import ApusSystem

let output = Output(.output)
let code: ExitCode
do throws(SystemError) {
  try StandardStream.prepare()
  code = Program.run(Array(CommandLine.arguments.dropFirst()), output: output)
} catch {
  code = .failed
}
SystemProcess.exit(code.rawValue)
