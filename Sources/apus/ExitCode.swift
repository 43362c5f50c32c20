/// What the shell learns. The numbers are the same for every verb, and never change.
enum ExitCode: UInt8 {
  case done = 0
  case failed = 1
  /// It is done, and some of it was not good enough: rows were set aside, or lines could not be read.
  case setAside = 2
  /// A check ran to its end and found something wrong.
  case checkFailed = 3
  /// The command line makes no sense. Nothing was done.
  case usage = 64
  /// The time that it was given is over, and there is more to do: say the same again.
  case more = 75
}
