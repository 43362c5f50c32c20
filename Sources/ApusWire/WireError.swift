// What is wrong with bytes that a peer sent: what, and at which byte of the body or the header.

package enum WireError: Error, Equatable, Sendable {
  case malformed(String, at: Int)
  /// A claimed length beyond what is allowed here.
  case tooLong(UInt64, max: UInt64)
}
