// What other tools make of the same events and labels: one interpreter that answers line by line, and starts every tool as a process of its own, ours too, so
// that clock, processors and peak memory are measured alike.

import Foundation

final class ExportPeer {
  struct Cost {
    let seconds: Double
    let processorSeconds: Double
    let peakByteCount: Double
  }

  private let process = Process()
  private let questions = Pipe()
  private let answers = Pipe()
  private var unread = Data()

  /// Nil where there is no interpreter with the libraries.
  init?() throws {
    guard let python = environment("APUS_BENCH_PYTHON"), let script = environment("APUS_BENCH_EXPORT_PEER"),
      FileManager.default.isExecutableFile(atPath: python)
    else { return nil }
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script]
    process.standardInput = questions
    process.standardOutput = answers
    try process.run()
  }

  deinit {
    try? questions.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  func ask(_ words: [String]) throws -> [Double] {
    try questions.fileHandleForWriting.write(contentsOf: Data((words.joined(separator: " ") + "\n").utf8))
    while unread.last != UInt8(ascii: "\n") {
      let piece = answers.fileHandleForReading.availableData
      guard !piece.isEmpty else { throw BenchError("\(words[0]): the interpreter ended") }
      unread += piece
    }
    let parts = String(decoding: unread, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    unread = Data()
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
