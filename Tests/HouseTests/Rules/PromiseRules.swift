/// What the README and CONTRIBUTING tell a newcomer to type exists, explains itself, and is what the robot runs.
enum PromiseRules {
  static let verbs = [
    "help", "setup", "build", "run", "test", "torture", "bench", "lint", "format", "docs", "clean",
  ]

  /// Every verb is a rule of the Makefile with its help text behind `##`.
  static func findings(makefile text: String) -> [Finding] {
    let lines = text.split(separator: "\n")
    return verbs.compactMap { verb in
      func finding(_ what: String, _ instead: String) -> Finding {
        Finding(path: "Makefile", line: 1, rule: "verbs", what: what, instead: instead)
      }
      guard let line = lines.first(where: { $0.hasPrefix("\(verb):") }) else {
        return finding(
          "there is no `make \(verb)`", "add the rule, or take the verb out of the documents and this list")
      }
      let help = line.ranges(of: "## ").first.map { line[$0.upperBound...] } ?? ""
      return help.isEmpty ? finding("`make \(verb)` has no help text", "write one behind `##`") : nil
    }
  }

  /// The robot's script runs `make test`.
  static func findings(robot text: String) -> [Finding] {
    let commands = text.split(separator: "\n").filter { !$0.drop(while: \.isWhitespace).hasPrefix("#") }
    guard !commands.contains(where: { $0.contains("make test") }) else { return [] }
    return [
      Finding(
        path: ".ci/run", line: 1, rule: "robot", what: "does not run `make test`",
        instead: "let the robot run what a person runs")
    ]
  }

  /// Links between the pages of the house lead somewhere. `exists` tells whether a path from the root is there.
  static func findings(page path: String, text: String, exists: (String) -> Bool) -> [Finding] {
    let folder = path.split(separator: "/").dropLast().map(String.init)
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { index, line in
      targets(in: line).filter { !exists(resolve($0, from: folder)) }.map {
        Finding(
          path: path, line: index + 1, rule: "links", what: "links to \($0), which is not there",
          instead: "mend the path or take the link out")
      }
    }
  }

  private static func targets(in line: Substring) -> [String] {
    line.ranges(of: "](").compactMap { range in
      let target = line[range.upperBound...].prefix { $0 != ")" && $0 != "#" }
      return target.isEmpty || target.contains(":") ? nil : String(target)
    }
  }

  private static func resolve(_ target: String, from folder: [String]) -> String {
    var parts = folder
    for part in target.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
    }
    return parts.joined(separator: "/")
  }
}
