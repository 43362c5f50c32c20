/// What the rules find in a file once excuses are heard.
///
/// An excuse is a comment on the line above: `house: allow RULE because REASON`. It counts only with a known
/// rule and a reason, and an excuse that nothing needs is itself a finding, so that none outlives its cause.
enum Inspection {
  static func findings(in source: SwiftSource, rules: [Rule] = Rule.all) -> [Finding] {
    let all = rules.flatMap { $0.findings(in: source) }
    let excuses = Excuse.all(in: source)
    let excused = all.filter { finding in !excuses.contains { $0.excuses(finding) } }
    return excused + excuses.compactMap { $0.fault(in: source, found: all, rules: rules) }
  }
}

/// A marker comment that excuses the next line of code from one rule.
struct Excuse: Equatable, Sendable {
  let line: Int
  /// The first line of code below the marker.
  let covered: Int?
  let rule: String
  let reason: String

  static func all(in source: SwiftSource) -> [Excuse] {
    source.comments.compactMap { comment in
      let words = comment.text.drop { $0 == "/" || $0 == " " }.split(separator: " ")
      guard words.count > 1, words[0] == "house:", words[1] == "allow" else { return nil }
      let reason = words.count > 4 && words[3] == "because" ? words[4...].joined(separator: " ") : ""
      return Excuse(
        line: comment.line, covered: source.code.first { $0.line > comment.line }?.line,
        rule: words.count > 2 ? String(words[2]) : "", reason: reason)
    }
  }

  func excuses(_ finding: Finding) -> Bool {
    !reason.isEmpty && finding.rule == rule && finding.line == covered
  }

  fileprivate func fault(in source: SwiftSource, found: [Finding], rules: [Rule]) -> Finding? {
    let what: String
    let instead: String
    if !rules.contains(where: { $0.name == rule }) {
      what = "there is no rule called \"\(rule)\""
      instead = "name one of: \(rules.map(\.name).joined(separator: ", "))"
    } else if reason.isEmpty {
      what = "an excuse from \(rule) without a reason"
      instead = "write `house: allow \(rule) because …`"
    } else if !found.contains(where: excuses) {
      what = "nothing on the next line of code needs an excuse from \(rule)"
      instead = "remove the marker"
    } else {
      return nil
    }
    return Finding(path: source.path, line: line, rule: "excuse", what: what, instead: instead)
  }
}
