import Foundation
import Testing

/// The page that promises users what the program does.
enum Reference {
  static func page() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "Sources/apus/CommandReference.md"), encoding: .utf8)
  }

  /// What stands under a heading, up to the next of the same rank or a higher one.
  static func section(_ heading: String, of page: String) -> String? {
    let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
    guard
      let start = lines.firstIndex(where: { $0.hasPrefix("#") && $0.drop { $0 == "#" } == " `\(heading)`" })
    else {
      return nil
    }
    let rank = lines[start].prefix { $0 == "#" }.count
    let body = lines[(start + 1)...].prefix { line in
      let own = line.prefix { $0 == "#" }.count
      return own == 0 || own > rank
    }
    return body.joined(separator: "\n")
  }

  /// The keys in the first column of the table under a heading.
  static func keys(under heading: String) throws -> Set<String> {
    let section = try #require(section(heading, of: try page()))
    let cells = section.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
      $0.split(separator: "|").first
    }
    return Set(
      cells.flatMap { $0.split(separator: "`").map(String.init) }.filter { $0.contains { $0.isLetter } })
  }
}
