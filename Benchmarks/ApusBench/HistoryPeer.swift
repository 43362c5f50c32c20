// What other tools take for the same run: one interpreter that answers line by line, where `make setup` could make one.

import Foundation

final class HistoryPeer {
  struct Answer {
    let seconds: Double
    let events: Int
    let lsns: UInt64
  }

  private let process = Process()
  private let questions = Pipe()
  private let answers = Pipe()
  private var unread = Data()

  /// Nil where there is no interpreter with the libraries: then ours is only told, and compared with nothing.
  init?() throws {
    guard let python = environment("APUS_BENCH_PYTHON"), let script = environment("APUS_BENCH_HISTORY_PEER"),
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

  func ask(_ words: [String]) throws -> Answer {
    try questions.fileHandleForWriting.write(contentsOf: Data((words.joined(separator: " ") + "\n").utf8))
    while unread.last != UInt8(ascii: "\n") {
      let piece = answers.fileHandleForReading.availableData
      guard !piece.isEmpty else { throw BenchError("\(words[0]): the interpreter ended") }
      unread += piece
    }
    let parts = String(decoding: unread, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    unread = Data()
    guard parts.count == 3, let seconds = Double(parts[0]), let events = Int(parts[1]),
      let lsns = UInt64(parts[2])
    else { throw BenchError("\(words[0]): \(parts)") }
    return Answer(seconds: seconds, events: events, lsns: lsns)
  }
}
