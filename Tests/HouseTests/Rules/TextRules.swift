/// The repository works on any machine: no file names a developer's folders or a package registry.
///
/// Where packages come from is the machine's configuration; the tree only names the packages.
enum TextRules {
  /// The needles are put together here so that this file does not find itself.
  private static let folders = ["home", "root", "work"].map { "/\($0)/" }
  private static let hosts = [
    "pypi" + ".org/simple", "files.python" + "hosted.org", "registry.npm" + "js.org", "deb.debian" + ".org",
    "proxy.golang" + ".org", "index-" + "url", "artifact" + "ory",
  ]

  static func findings(path: String, text: String) -> [Finding] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { index, line in
      func finding(_ rule: String, _ what: String, _ instead: String) -> Finding {
        Finding(path: path, line: index + 1, rule: rule, what: what, instead: instead)
      }
      let places = folders.filter { isNamed($0, in: line) }.map {
        finding(
          "machine-path", "names \($0), a folder of one machine",
          "take the path from the root of the repository, an argument or a temporary folder")
      }
      let registries = hosts.filter { line.contains($0) }.map {
        finding("registry", "names \($0)", "name the package only; its source is the machine's configuration")
      }
      return places + registries
    }
  }

  /// Whether the folder stands at the beginning of a path, and not inside one.
  private static func isNamed(_ folder: String, in line: Substring) -> Bool {
    line.ranges(of: folder).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !(before.isLetter || before.isNumber || "._-)}*~".contains(before))
    }
  }
}
