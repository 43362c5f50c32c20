/// A system call that the kernel refused: which call, on what, and why.
///
/// Only refusals that a correct program can meet become a `SystemError`. An errno that means our own
/// mistake (a closed descriptor, a bad pointer) traps in the funnel instead, and an interrupted call is
/// simply made again.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name of the call, as in its manual page.
  package let call: String
  package let errno: Errno
  /// The path, address or descriptor that the call was about.
  package let subject: String

  package init(_ call: String, _ errno: Errno, on subject: String) {
    self.call = call
    self.errno = errno
    self.subject = subject
  }

  package var description: String { "\(call) \(subject): \(errno)" }
}
