// Streams that the Arrow project keeps for all its implementations, with their values as JSON: each column gives these values or is
// refused by its name.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(.serialized, .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
struct ArrowConformanceTests {
  private static let folder = PythonPeer.root + "/../shared/testdata/arrow-ipc"
  private static let isThere = FileManager.default.fileExists(atPath: folder)

  /// Columns that are refused; every other one is read.
  private static let refused: [String: [String]] = [
    "datetime": ["f2", "f3", "f4", "f5"], "dictionary": [], "duplicate_fieldnames": ["struct"],
    "nested": ["list_nullable", "fixedsizelist_nullable", "struct_nullable"], "null": [], "primitive": [],
    "primitive_no_batches": [],
  ]

  @Test(
    "every column has the values that the Arrow project gives it, or is refused by name",
    .enabled(if: isThere, "no ../shared/testdata/arrow-ipc"))
  func values() throws {
    let peer = try PythonPeer()
    for (name, refused) in Self.refused.sorted(by: { $0.key < $1.key }) {
      let path = "\(Self.folder)/\(name).stream"
      let gold = try JSONSerialization.jsonObject(with: Data(peer.ask("arrow_peer", "gold", path).utf8))
      var columns = try #require(gold as? [[Any]]).map { (name: $0[0] as? String ?? "", rows: $0[1]) }
      var found: [String] = []
      while true {
        do {
          let rows = try read(path, columns.map(\.name))
          #expect(rows.count == columns.count)
          for (column, rows) in zip(columns, rows) {
            #expect(rows.isEqual(to: column.rows as? [Any] ?? []), "\(name): \(column.name)")
          }
          break
        } catch let error as ColumnarError {
          guard case .unsupported(_, _, let place) = error,
            let column = place.column?.split(separator: ".").first
          else { throw error }
          try #require(columns.contains { $0.name == column })
          columns.removeAll { $0.name == column }
          found.append(String(column))
        }
      }
      #expect(found.sorted() == refused.sorted(), "\(name)")
    }
  }

  /// The rows of each column as the JSON's are told.
  private func read(_ path: String, _ names: [String]) throws -> [NSArray] {
    var reader = try ArrowStreamReader(InputStream(path: path), columns: names)
    let columns = reader.schema.fields.map { _ in NSMutableArray() }
    while let batch = try reader.next() {
      for (index, column) in batch.columns.enumerated() {
        for row in 0..<column.count {
          if column.isNull(row) {
            columns[index].add(NSNull())
          } else if column.type.shape == .scalar {
            columns[index].add(text(column, row))
          } else {
            columns[index].add(column.elements(of: row).map { text(column, $0) })
          }
        }
      }
    }
    return columns
  }

  private func text(_ column: Column, _ element: Int) -> String {
    switch column.type.element {
    case .null: return "null"
    case .bool: return column.bool(element) ? "true" : "false"
    case .float32: return hex(UInt64(column.float32(element).bitPattern), digits: 8)
    case .float64: return hex(column.float64(element).bitPattern, digits: 16)
    case .string, .bytes:
      let bytes = column.bytes(element).copied()
      return bytes.map { hex(UInt64($0), digits: 2) }.joined()
    case .uint64: return String(column.load(element, as: UInt64.self))
    default: return String(column.int64(element))
    }
  }

  private func hex(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }
}
