// What no frame may exceed, whatever is configured. `Protocol.md` says what happens at each limit.

package enum WireLimits {
  /// Of a body before HELLO's reply: nobody is known yet.
  package static let helloByteCountMax = 4_000
  /// The most that *frame max* can be: every place in a body fits in 4 bytes with room to spare.
  package static let bodyByteCountMax = 16_777_216
}
