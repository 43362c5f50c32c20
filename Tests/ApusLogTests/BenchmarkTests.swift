// The benchmarks themselves, in toy size, so that none of them rots: real program, real files.

import ApusTestSupport
import Foundation
import Testing

@Suite("The benchmarks", .serialized)
struct BenchmarkTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The program, which is built beside the tests.
  private var program: URL {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appending(path: "ApusBench")
  }

  private func run(_ arguments: String...) throws -> (exitCode: Int32, output: String) {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ["APUS_BENCH_DIR": folder.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: said, as: UTF8.self))
  }

  /// How the name of each row begins, for every benchmark there is.
  private static let rows = [
    "CRC-32C against zlib's CRC-32",
    "append 256 B, flushed one by one", "append 256 B, flushed in groups of 16",
    "append 1 KiB, flushed one by one", "append 1 KiB, flushed in groups of 16",
    "append 4 KiB, flushed one by one", "append 4 KiB, flushed in groups of 16",
    "append 64 KiB, flushed one by one", "append 64 KiB, flushed in groups of 16",
    "group commit, 64 waiters: acks per sync", "group commit, 64 waiters, against a sync per frame",
    "scan 256 B, in page cache", "scan 1 KiB, in page cache", "scan 4 KiB, in page cache",
    "scan 4 KiB, against a checksum too", "scan 4 KiB, from the disk", "scan 64 KiB, in page cache",
    "memory of a scan",
    "open, killed", "open, clean stop",
  ]

  @Test("each give their rows, with right answers, and leave nothing behind but the report")
  func toy() throws {
    let (exitCode, output) = try run("--toy", "--results", folder.path)
    try #require(exitCode == 0, "\(output)")
    let report = try String(contentsOfFile: folder.path("report.md"), encoding: .utf8)
    for row in BenchmarkTests.rows {
      #expect(output.contains("\n\(row)"), "the table lacks it")
      #expect(report.contains("\n| \(row)"), "the report lacks it")
    }
    let json = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(filePath: folder.path("report.json"))))
    let rows = try #require((json as? [String: Any])?["rows"] as? [[String: Any]])
    #expect(rows.count == BenchmarkTests.rows.count)
    #expect(rows.allSatisfy { ($0["answers"] as? String)?.count == 16 })
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "report.json", "report.md",
      ])
  }

  @Test("refuse words they do not know")
  func usage() throws {
    let (exitCode, output) = try run("--toys")
    #expect(exitCode == 2)
    #expect(output.contains("usage:"))
  }
}
