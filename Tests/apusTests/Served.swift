import Foundation
import Testing

/// A server of the real program, on ports that the kernel chose, and what its log said.
final class Served {
  let process = Process()
  private let errors = Pipe()
  private var log = Data()
  private(set) var lines: [[String: Any]] = []

  init(_ data: String, _ more: [String] = [], environment: [String: String] = [:]) throws {
    process.executableURL = URL(filePath: try Program.path())
    process.arguments =
      ["serve", "--data", data, "--listen", "127.0.0.1:0", "--log-format", "json", "--loops", "2"] + more
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// Reads the log until a line has this message (and so many tokens); nil when the log ends before.
  func wait(for message: String, tokens: Int? = nil, from start: Int = 0) throws -> [String: Any]? {
    var looked = start
    while true {
      while looked < lines.count {
        let line = lines[looked]
        if line["message"] as? String == message, tokens == nil || line["tokens"] as? Int == tokens {
          return line
        }
        looked += 1
      }
      let more = errors.fileHandleForReading.availableData
      if more.isEmpty { return nil }
      log += more
      while let end = log.firstIndex(of: 0x0A) {
        let line = log[log.startIndex..<end]
        log = Data(log[(end + 1)...])
        lines.append(try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]))
      }
    }
  }

  func address() throws -> String { try #require(try wait(for: "listening")?["address"] as? String) }

  /// Ends it as a lost machine would.
  func kill9() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Ends it in good order, and says how it ended.
  func stop(_ signal: Int32 = SIGTERM) throws -> Int32 {
    kill(process.processIdentifier, signal)
    _ = try wait(for: "never said")
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    return process.terminationStatus
  }
}
