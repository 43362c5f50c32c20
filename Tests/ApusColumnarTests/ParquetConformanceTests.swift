// What others wrote is read as pyarrow reads it, or refused by name. The list of refusals is part of the promise: a file that moves
// from one side to the other is a finding.

import ApusColumnar
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite("Parquet files of other writers") struct ParquetConformanceTests {
  static let testdata = PythonPeer.root + "/../shared/testdata/parquet"
  static var hasTestdata: Bool { FileManager.default.fileExists(atPath: testdata) }
  static let noTestdata: Comment = "no ../shared/testdata/parquet"
  static let seed = 20_261

  @Test(
    "pyarrow, pandas, Polars and DuckDB write files that read as they were written",
    .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
  func generated() throws {
    let folder = try TemporaryFolder("parquet", inMemory: true)
    let names = try PythonPeer().ask("parquet_peer", "generate", folder.path, String(Self.seed))
    var dice = SplitMix64(seed: UInt64(Self.seed))
    var compared = 0
    for name in names.split(separator: "\n").map(String.init) {
      let path = folder.path(name + ".parquet")
      let reader = try ParquetReader(.file(try RealDisk().open(path, .read)))
      #expect(reader.refused == [], "\(name)")
      let expected = ParquetText.parse(try String(contentsOfFile: path + ".txt", encoding: .utf8))
      #expect(expected.count == reader.schema.fields.count, "\(name)")
      do {
        compared += try Self.compare(reader, expected, name)
        try Self.compareRanges(reader, expected, name, &dice)
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
    #expect(compared > 100_000)
  }

  /// Whole row groups; returns how many values were compared.
  static func compare(_ reader: ParquetReader, _ expected: [String: [String]], _ name: String) throws -> Int {
    var found: [String: [String]] = [:]
    for group in 0..<reader.rowGroupCount {
      let batch = try reader.read(rowGroup: group)
      #expect(batch.rowCount == reader.rowCount(ofRowGroup: group))
      for (field, column) in zip(batch.schema.fields, batch.columns) {
        found[field.name, default: []] += ParquetText.words(column)
      }
    }
    var compared = 0
    for field in reader.schema.fields {
      guard let words = expected[field.name] else { continue }
      let ours = found[field.name] ?? []
      if let row = zip(ours, words).enumerated().first(where: { $0.element.0 != $0.element.1 }) {
        Issue.record(
          "\(name): \(field.name) row \(row.offset): \(row.element.0), pyarrow says \(row.element.1)")
      }
      #expect(ours.count == words.count, "\(name): \(field.name)")
      compared += words.count
    }
    return compared
  }

  /// Some columns, some rows: what a slice of everything would be.
  static func compareRanges(
    _ reader: ParquetReader, _ expected: [String: [String]], _ name: String, _ dice: inout SplitMix64
  ) throws {
    var start = 0
    for group in 0..<reader.rowGroupCount {
      let count = reader.rowCount(ofRowGroup: group)
      defer { start += count }
      for _ in 0..<3 where count > 0 {
        let first = dice.below(count)
        let rows = first..<(first + dice.below(count - first + 1))
        let columns = reader.schema.fields.map(\.name).filter { _ in dice.coin() }
        let batch = try reader.read(rowGroup: group, columns: columns, rows: rows)
        #expect(batch.schema.fields.map(\.name) == columns)
        for (field, column) in zip(batch.schema.fields, batch.columns) {
          let words = Array(
            expected[field.name]?[(start + rows.lowerBound)..<(start + rows.upperBound)] ?? [])
          let isSame = ParquetText.words(column) == words
          #expect(isSame, "\(name): \(field.name) rows \(rows) of row group \(group)")
        }
      }
    }
  }

  /// The public files of which something is refused: for each reason, how many columns.
  static let refusals: [String: [String: Int]] = [
    "byte_stream_split_extended.gzip.parquet": [
      "its values are decimals": 2, "its values are floats of 16 bits": 2,
    ],
    "hadoop_lz4_compressed.parquet": ["its pages are compressed by LZ4": 3],
    "int96_from_spark.parquet": ["an INT96 timestamp outside of the years 1677 to 2262": 1],
    "list_columns.parquet": ["an element of a list is null": 2],
    "nested_lists.snappy.parquet": ["its lists have elements that are lists or structs": 1],
    "nested_structs.rust.parquet": ["it is a struct": 36],
    "nulls.snappy.parquet": ["it is a struct": 1],
  ]

  @Test(
    "the public good files give the values that pyarrow gives, or a refusal that stands in the list",
    .enabled(if: hasTestdata, noTestdata),
    .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
  func good() throws {
    let folder = try TemporaryFolder("parquet", inMemory: true)
    try PythonPeer().ask("parquet_peer", "dump_folder", Self.testdata + "/good", folder.path)
    var refused: [String: [String: Int]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.testdata + "/good").sorted()
    where name.hasSuffix(".parquet") {
      let reader = try ParquetReader(.file(try RealDisk().open(Self.testdata + "/good/" + name, .read)))
      let dump = try String(contentsOfFile: folder.path(name + ".txt"), encoding: .utf8)
      let expected = ParquetText.parse(dump)
      for refusal in reader.refused { refused[name, default: [:]][refusal.reason, default: 0] += 1 }
      for field in reader.schema.fields {
        do throws(ColumnarError) {
          var words: [String] = []
          for group in 0..<reader.rowGroupCount {
            words += ParquetText.words(try reader.read(rowGroup: group, columns: [field.name]).columns[0])
          }
          let isSame = words == expected[field.name]
          #expect(isSame, "\(name): \(field.name)")
        } catch .unsupported(let reason, _, _) {
          refused[name, default: [:]][reason, default: 0] += 1
        }
      }
    }
    #expect(refused == Self.refusals)
  }

  @Test("the public bad files are refused", .enabled(if: hasTestdata, noTestdata))
  func bad() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.testdata + "/bad").sorted()
    where name.hasSuffix(".parquet") {
      #expect(throws: ColumnarError.self, "\(name)") {
        let reader = try ParquetReader(.file(try RealDisk().open(Self.testdata + "/bad/" + name, .read)))
        for group in 0..<reader.rowGroupCount { _ = try reader.read(rowGroup: group) }
      }
    }
  }
}
