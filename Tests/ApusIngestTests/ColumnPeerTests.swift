import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(
  "Files of columns by other programs", .serialized,
  .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
final class ColumnPeerTests {
  private static let shared = Result { try PythonPeer() }
  private let peer: PythonPeer
  private let folder: TemporaryFolder

  init() throws {
    peer = try Self.shared.get()
    folder = try TemporaryFolder("apus-column-peers")
  }

  private func load(_ name: String, _ change: (inout LoadOptions) -> Void = { _ in }) throws -> Loading {
    try Loading.columns(Array(Data(contentsOf: URL(filePath: folder.path(name)))), change)
  }

  @Test(
    "say the same rows, whoever wrote them",
    arguments: [
      "pyarrow", "pyarrow v2", "pandas", "polars", "duckdb", "stream", "stream, dictionaries",
      "stream, polars",
    ])
  func rows(way: String) throws {
    try peer.ask("push_files", "write", folder.path("rows"), way)
    let load = try load("rows")
    #expect(load.rows.map(\.key) == [[.string("a")], [.string("")], [.string("grün")], []])
    let moment: Int64 = 1_795_097_002_123_456_000
    #expect(load.rows.allSatisfy { $0.times.eventTime?.nanoseconds == moment }, "\(load.rows)")
    #expect(load.rows.map(\.hasMisfit) == [false, false, false, true])
    let expected: [(String, [FeatureInput])] = [
      ("count", [.value(.int64(1)), .null, .value(.int64(.max)), .value(.int64(.min))]),
      ("mean", [.value(.float64(0.5)), .value(.float64(.infinity)), .null, .value(.float64(-0.0))]),
      ("flag", [.value(.bool(true)), .value(.bool(false)), .null, .value(.bool(true))]),
      ("word", [.value(.string("x")), .value(.string("")), .null, .value(.string("x"))]),
      (
        "opened",
        [
          .value(.timestamp(nanoseconds: 1_795_046_400_000_000_000)), .null,
          .value(.timestamp(nanoseconds: 1_795_046_400_000_000_000)),
          .value(.timestamp(nanoseconds: 1_795_046_400_000_000_000)),
        ]
      ),
      (
        "words",
        [
          .value(.list(.string(["a", ""]))), .value(.list(.string([]))), .null, .value(.list(.string(["b"]))),
        ]
      ),
    ]
    for (column, inputs) in expected {
      #expect((0..<4).map { load.input(column, row: $0) } == inputs, "\(column)")
    }
    #expect(load.report.assumedUTC == 3)
  }

  @Test(
    "are refused for a column that cannot be read only where it is needed", arguments: ["parquet", "stream"])
  func unreadable(way: String) throws {
    try peer.ask("push_files", "refused", folder.path("odd"), way)
    #expect(try load("odd") { $0.ignoresUnknown = true }.rows.count == 4)
    let target = LoadTarget(
      spelling: "odd@1", keys: Loading.target.keys, features: [LoadTarget.Feature("odd", .string)])
    let bytes = try Array(Data(contentsOf: URL(filePath: folder.path("odd"))))
    let found = refusal {
      _ = try Loading(bytes, target, file: bytes) {
        $0.formatSource = .nothing
        $0.ignoresUnknown = true
      }
    }
    guard case .unreadableColumn("odd", _, _)? = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }
}
