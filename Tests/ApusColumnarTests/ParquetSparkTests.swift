// What we write, read by Spark. Too large a download for every run: `make torture` has it, with ONLY=spark.

import ApusColumnar
import ApusTestSupport
import Foundation
import Testing

/// The interpreter that has pyspark.
private let sparkPython = ProcessInfo.processInfo.environment["APUS_SPARK_PYTHON"]

@Suite(
  .serialized,
  .enabled(if: sparkPython != nil, "APUS_SPARK_PYTHON names no interpreter with pyspark"))
struct ParquetSparkTests {
  @Test("Spark reads every type, and every encoding, as it was written")
  func spark() throws {
    let peer = try PythonPeer()
    let types = try Written.everyType(rows: 5000, nulls: 0.25, seed: 12)
    for batch in [types, try PeerFile.wide(rows: 200_000, seed: 13)] {
      let file = try PeerFile(batch)
      defer { file.remove() }
      try file.write(ParquetWriterOptions())
      try Self.run(file.path)
      let columns = batch.schema.fields.count { $0.type.element != .null }
      #expect(try peer.ask("parquet_written", "with_spark", file.path).hasPrefix("\(batch.rowCount) "))
      print("spark: \(batch.rowCount) rows, \(columns) columns as written")
    }
  }

  private static func run(_ path: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: try #require(sparkPython))
    process.arguments = [PythonPeer.root + "/Tests/Python/parquet_spark.py", path]
    let words = Pipe()
    process.standardOutput = words
    process.standardError = words
    try process.run()
    let said = String(decoding: words.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(said)")
  }
}
