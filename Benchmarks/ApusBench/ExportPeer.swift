// What other tools make of the same events and labels. The script starts every tool as a process of its own, ours too, so that clock,
// processors and peak memory are measured alike.

struct ExportPeer {
  struct Cost {
    let seconds: Double
    let processorSeconds: Double
    let peakByteCount: Double
  }

  private let interpreter: PeerInterpreter

  /// Nil where there is no interpreter with the libraries.
  init?() throws {
    guard let interpreter = try PeerInterpreter(script: "APUS_BENCH_EXPORT_PEER") else { return nil }
    self.interpreter = interpreter
  }

  func ask(_ words: [String]) throws -> [Double] {
    let parts = try interpreter.ask(words)
    return try parts.map { part in
      guard let number = Double(part) else { throw BenchError("\(words[0]): \(parts)") }
      return number
    }
  }

  func cost(_ words: [String]) throws -> Cost {
    let found = try ask(words)
    guard found.count == 3 else { throw BenchError("\(words[0]): \(found)") }
    return Cost(seconds: found[0], processorSeconds: found[1], peakByteCount: found[2])
  }
}
