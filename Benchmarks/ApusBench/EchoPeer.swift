// The limit: a process that waits with epoll, receives a request and sends as many bytes as our reply has.

import CLoad
import Foundation

final class EchoPeer {
  let plan: LoadPlan
  let process: PeerProcess
  private let address: LoadAddress

  /// An echo of these requests' and replies' sizes.
  init(_ bench: Bench, like ours: LoadPlan) throws {
    address = try LoadAddress.fresh(bench)
    let request = ours.request(0)
    process = try PeerProcess(
      bench, "the echo", PeerProcess.sibling("ApusBench"),
      ["--echo", "\(address.port)", address.unixPath, "\(request.count)", "\(ours.replyByteCount)"],
      at: address)
    let words = ours.replyByteCount / 8
    let sum = (0..<UInt64(words)).reduce(0) { $0 &+ apus_load_mix($1) }
    plan = LoadPlan(
      requests: [request], sums: [sum],
      place: PayloadPlace(replyByteCount: ours.replyByteCount, at: 0, byteCount: 8 * words))
  }

  func connection(isUnix: Bool = false) throws -> LoadConnection {
    try LoadConnection(address, isUnix: isUnix)
  }

  /// The process itself: `ApusBench --echo PORT PATH REQUEST REPLY`. Nil when the words are not these.
  static func serve(_ words: [String]) -> Int32? {
    guard words.count == 5, words[0] == "--echo", let port = UInt16(words[1]), let request = Int(words[3]),
      let reply = Int(words[4]), request > 0, reply > 0
    else { return nil }
    let code = unsafe apus_echo_serve(port, words[2], request, reply)
    complain("the echo ended: \(unsafe String(cString: strerror(code)))")
    return 1
  }
}
