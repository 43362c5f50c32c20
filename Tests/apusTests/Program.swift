import Foundation
import Testing

/// The real `apus`, found beside the program that runs these tests, and run as a shell would run it.
struct Program {
  struct Run {
    let code: Int32
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

    /// The one JSON object that was answered.
    func json() throws -> [String: Any] {
      #expect(lines.count == 2 && lines.last == "", "one line, and nothing besides")
      return try object(output)
    }

    /// One object for each line.
    func jsonLines() throws -> [[String: Any]] { try lines.dropLast().map(object) }

    private func object(_ text: String) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
  }

  static func path() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(filePath: own).deletingLastPathComponent().appending(path: "apus").path(
      percentEncoded: false)
    try #require(FileManager.default.isExecutableFile(atPath: path), "no program at \(path)")
    return path
  }

  @discardableResult
  static func run(_ arguments: String...) throws -> Run { try run(try path(), arguments) }

  @discardableResult
  static func run(_ arguments: [String]) throws -> Run { try run(try path(), arguments) }

  /// Runs a line of shell in which `$APUS` is the program and `$1` an argument.
  static func shell(_ line: String, _ argument: String = "") throws -> Run {
    try run("/bin/bash", ["-c", line, "bash", argument], ["APUS": try path()])
  }

  private static func run(
    _ program: String, _ arguments: [String], _ more: [String: String] = [:]
  ) throws -> Run {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // What is said of errors fits into a pipe, so the order of reading cannot block.
    let words = output.fileHandleForReading.readDataToEndOfFile()
    let complaints = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit, "ended by a signal")
    return Run(
      code: process.terminationStatus, output: String(decoding: words, as: UTF8.self),
      errors: String(decoding: complaints, as: UTF8.self))
  }
}

/// The exit codes of the command reference.
enum Code {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let checkFailed: Int32 = 3
  static let usage: Int32 = 64
}

/// An error is three lines: what, where, what next.
func expectTrouble(
  _ run: Program.Run, code: Int32, what: String, at place: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(run.code == code, sourceLocation: sourceLocation)
  #expect(run.output == "", sourceLocation: sourceLocation)
  guard run.errorLines.count == 3 else {
    Issue.record("not three lines: \(run.errors)", sourceLocation: sourceLocation)
    return
  }
  #expect(run.errorLines[0].hasPrefix("apus: "), sourceLocation: sourceLocation)
  #expect(run.errorLines[0].contains(what), sourceLocation: sourceLocation)
  #expect(run.errorLines[1] == "  at:   \(place)", sourceLocation: sourceLocation)
  #expect(run.errorLines[2].hasPrefix("  next: "), sourceLocation: sourceLocation)
  #expect(run.errorLines[2].count > 15, sourceLocation: sourceLocation)
}
