// The page and the code give every number the same meaning.

import ApusContracts
import ApusWire
import Glibc
import Testing

@Suite("The protocol's page")
struct PageTests {
  private static func page() throws -> String {
    let path =
      #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
      + "/Sources/ApusWire/Protocol.md"
    let file = unsafe try #require(fopen(path, "r"))
    defer { unsafe fclose(file) }
    var text = [UInt8](repeating: 0, count: 1 << 18)
    let count = unsafe fread(&text, 1, text.count, file)
    return String(decoding: text[..<count], as: UTF8.self)
  }

  /// The rows of a table behind a heading, cell by cell.
  private static func rows(of page: String, under heading: String) -> [[String]] {
    page.split(separator: "\n").drop { !$0.hasPrefix("## " + heading) }.dropFirst()
      .prefix { !$0.hasPrefix("## ") }.filter { $0.hasPrefix("| ") }
      .map { row in
        row.split(separator: "|").map { cell in
          String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
      }
  }

  @Test("lists every error with its number, name and class, and no other")
  func errors() throws {
    let rows = Self.rows(of: try Self.page(), under: "Errors").filter { UInt16($0[0]) != nil }
    #expect(rows == WireCode.allCases.map { ["\($0.rawValue)", $0.name, "\($0.class)"] })
  }

  @Test("lists every cell's code with its status")
  func cells() throws {
    let rows = Self.rows(of: try Self.page(), under: "Values").filter { UInt8($0[0]) != nil }
    #expect(rows.map { $0[0] } == CellCode.allCases.map { "\($0.rawValue)" })
    for (row, code) in zip(rows, CellCode.allCases) {
      #expect(row[1].hasPrefix("\(code.status.rawValue) "), "\(code)")
    }
  }

  @Test("names the type of every frame")
  func types() throws {
    let page = try Self.page()
    for type in MessageType.allCases {
      #expect(
        page.contains("\("\(type)".uppercased()) (\(type.rawValue))")
          || page.contains("`\("\(type)".uppercased())` (\(type.rawValue))"), "\(type)")
    }
  }
}
