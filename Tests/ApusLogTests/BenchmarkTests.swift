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
    "read one row × 10 features, in the index", "read one row × 10 features, in the overlay",
    "allocations a read",
    "read 25 views × 10 features of an entity",
    "append and checkpoint, 10 k keys", "the same, 10 k keys, against LMDB puts synced",
    "the same, 10 k keys, against unsynced",
    "append and checkpoint, 1 M keys", "the same, 1 M keys, against LMDB puts synced",
    "the same, 1 M keys, against unsynced",
    "append and checkpoint, 10 M keys", "the same, 10 M keys, against LMDB puts synced",
    "the same, 10 M keys, against unsynced",
    "read at 100 entities, against LMDB's get", "read at 1 k entities, against LMDB's get",
    "read at 10 k entities, against LMDB's get", "read at 10 k entities, against 100",
    "open after a clean stop, 100 entities", "open after a clean stop, 1 k entities",
    "open after a clean stop, 10 k entities", "open after a kill", "index built anew",
    "read a row of 64 B", "read a row of 1 KiB", "read a row of 4 KiB",
    "append and checkpoint rows of 64 B", "append and checkpoint rows of 1 KiB",
    "append and checkpoint rows of 4 KiB", "write a run of sorted events", "read a run as events",
    "verify a run",
    "one key's history", "merge 4 runs", "make an index anew from runs",
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
        "report.json", "report.md", "store-growth-append.svg", "store-growth-read.svg",
      ])
    for plot in ["read", "append"] {
      let svg = try String(contentsOfFile: folder.path("store-growth-\(plot).svg"), encoding: .utf8)
      #expect(svg.hasSuffix("</svg>\n") && svg.contains("<polyline") && !svg.contains("nan"))
    }
  }

  @Test("refuse words they do not know")
  func usage() throws {
    let (exitCode, output) = try run("--toys")
    #expect(exitCode == 2)
    #expect(output.contains("usage:"))
  }
}
