// Another language's tools: one interpreter that runs a script of ours and answers line by line, where `make setup` could make one.

import Foundation

final class PeerInterpreter {
  private let process = Process()
  private let questions = Pipe()
  private let answers = Pipe()
  private var unread = Data()

  /// Nil where there is no interpreter with the libraries. `script` is the variable that names its file.
  init?(script variable: String) throws {
    guard let python = environment("APUS_BENCH_PYTHON"), let script = environment(variable),
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

  /// The words of one line for the words of one line.
  func ask(_ words: [String]) throws -> [Substring] {
    try questions.fileHandleForWriting.write(contentsOf: Data((words.joined(separator: " ") + "\n").utf8))
    while unread.last != UInt8(ascii: "\n") {
      let piece = answers.fileHandleForReading.availableData
      guard !piece.isEmpty else { throw BenchError("\(words[0]): the interpreter ended") }
      unread += piece
    }
    defer { unread = Data() }
    return String(decoding: unread, as: UTF8.self).split(whereSeparator: \.isWhitespace)
  }
}
