/// What the shell learns. The numbers are the same for every verb, and never change.
///
/// 2 is kept for what is done while rows were set aside.
enum ExitCode: UInt8 {
  case done = 0
  case failed = 1
  /// A check ran to its end and found something wrong.
  case checkFailed = 3
  /// The command line makes no sense. Nothing was done.
  case usage = 64
}
