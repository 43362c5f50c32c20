// A scripted life of a log, or of a whole store, on a real disk, which attacks interrupt, and the verification of what they left.
//
// The journal is the oracle: it lies outside of the store, and holds what was intended and what was acknowledged. One
// seed is one story, up to the moment of the attack.

import Glibc

/// What a life's end says to whoever started it. A death by signal is none of these.
enum ExitCode {
  static let promiseBroken: Int32 = 1
  static let usage: Int32 = 2
  /// The log refused to go on, with a typed error.
  static let refused: Int32 = 3
}

do {
  let plan = try Plan(CommandLine.arguments.dropFirst())
  switch plan.verb {
  case .live: exit(Life.run(plan))
  case .verify: exit(Verification.run(plan))
  case .store: exit(StoreLife.run(plan))
  case .verifyStore: exit(StoreVerification.run(plan))
  case .damage: exit(StoreDamage.run(plan))
  }
} catch {
  complain("\(error)\n\(Plan.usage)")
  exit(ExitCode.usage)
}

/// A line for people, on the standard error.
func complain(_ line: String) {
  _ = Words.write("ApusLife: \(line)\n", to: STDERR_FILENO)
}
