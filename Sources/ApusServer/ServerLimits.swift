// The server's fixed limits; those that an operator sets are in the configuration.

package enum ServerLimits {
  /// The longest body before HELLO was answered.
  package static let bodyByteCountMaxBeforeHello = 4_000
  package static let helloNanosecondsMax: UInt64 = 5_000_000_000
  /// No configuration allows a longer body.
  package static let bodyByteCountMax = 16 << 20
}
