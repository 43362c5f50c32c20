// What other tools take for the same run.

struct HistoryPeer {
  struct Answer {
    let seconds: Double
    let events: Int
    let lsns: UInt64
  }

  private let interpreter: PeerInterpreter

  /// Nil where there is no interpreter with the libraries: then ours is only told, and compared with nothing.
  init?() throws {
    guard let interpreter = try PeerInterpreter(script: "APUS_BENCH_HISTORY_PEER") else { return nil }
    self.interpreter = interpreter
  }

  func ask(_ words: [String]) throws -> Answer {
    let parts = try interpreter.ask(words)
    guard parts.count == 3, let seconds = Double(parts[0]), let events = Int(parts[1]),
      let lsns = UInt64(parts[2])
    else { throw BenchError("\(words[0]): \(parts)") }
    return Answer(seconds: seconds, events: events, lsns: lsns)
  }
}
