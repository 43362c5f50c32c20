// Other programs' readers and writers, behind one interpreter: see Tests/Python/answer.py.

import ApusSystem
import Foundation
import Glibc

/// What a function of Tests/Python raised.
package struct PythonError: Error, CustomStringConvertible {
  package let description: String
}

/// A Python process that answers questions one after another; it costs a second to start, so a suite keeps one.
/// It ends when nobody holds it any more, or when this process does.
package final class PythonPeer: @unchecked Sendable {
  // All are touched only with `turn` held, which also guards them.
  private let process = Process()
  private let questions = Pipe()
  private let answers = Pipe()
  private var unread = Data()
  private let turn = Monitor(())

  /// Whether Tests/Python/setup.sh could make the environment.
  package static var isThere: Bool {
    FileManager.default.fileExists(atPath: environment + "/requirements.txt")
  }
  package static let whyNot = "no .build/python: Tests/Python/setup.sh says why"

  package static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
  private static let environment = root + "/.build/python"

  package init() throws {
    process.executableURL = URL(filePath: Self.environment + "/bin/python")
    process.arguments = [Self.root + "/Tests/Python/answer.py"]
    process.standardInput = questions
    process.standardOutput = answers
    try process.run()
  }

  deinit {
    try? questions.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  /// Calls a function of a module in Tests/Python with texts, and returns the text that it returns.
  @discardableResult
  package func ask(_ module: String, _ function: String, _ arguments: String...) throws -> String {
    var question = try JSONSerialization.data(withJSONObject: [module, function] + arguments)
    question.append(UInt8(ascii: "\n"))
    let line = try turn.withLock { _ in
      try questions.fileHandleForWriting.write(contentsOf: question)
      return try nextLine()
    }
    let answer = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
    if let words = answer["error"] as? String {
      throw PythonError(description: "\(module).\(function): \(words)")
    }
    return answer["ok"] as? String ?? ""
  }

  private func nextLine() throws -> Data {
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Data(unread[..<end])
        unread = Data(unread[unread.index(after: end)...])
        return line
      }
      var piece = [UInt8](repeating: 0, count: 65_536)
      // Foundation takes an interrupted call for the end of the world.
      let descriptor = answers.fileHandleForReading.fileDescriptor
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw PythonError(description: "the interpreter ended; its last words are above")
      }
      unread.append(contentsOf: piece.prefix(count))
    }
  }
}
