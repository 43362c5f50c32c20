import ApusSystem
import Glibc

/// Two descriptors joined like the ends of a pipe: one sees when the other is closed or says something. Children get neither,
/// which a pipe could not promise from the start.
final class Pair {
  let writing: Int32
  let reading: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    let kind = Int32(bitPattern: SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    try Kernel.call("socketpair", on: "a pair") {
      unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 ? 0 : -Int64(Glibc.errno)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit { close(reading) }

  /// Whether the writing end is closed within ten seconds.
  var closes: Bool { within(10_000) && received() == 0 }

  /// Whether the writing end says something within ten seconds.
  var hears: Bool { within(10_000) && received() == 1 }

  /// Whether the writing end is open and has said nothing.
  var isSilent: Bool { !within(0) }

  private func within(_ milliseconds: Int32) -> Bool {
    var reader = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&reader, 1, milliseconds) == 1
  }

  private func received() -> Int {
    var byte: UInt8 = 0
    return unsafe recv(reading, &byte, 1, Int32(MSG_DONTWAIT))
  }
}
