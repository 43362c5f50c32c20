// What the checks of a set found. It stands in the manifest, and is equal whenever the same set is checked for the same again.

package struct SetQuality: Equatable, Sendable {
  package enum Verdict: String, CaseIterable, Sendable {
    case failed, passed, told
    case notJudged = "not_judged"
  }

  package struct Finding: Equatable, Sendable {
    package var check: String
    /// A feature, a segment, a view; empty: the set.
    package var of: String
    package var verdict: Verdict
    /// To six decimals, which is what was judged.
    package var figure: Double?
    package var threshold: Double?
    package var resolution: Double?
    package var words: String

    package init(
      _ check: String, of: String = "", _ figure: Double?, atMost limit: Double?, _ words: String,
      resolution: Double? = nil
    ) {
      self.init(check, of, figure, limit, words, resolution) { $0 > $1 }
    }

    package init(
      _ check: String, of: String = "", _ figure: Double?, atLeast limit: Double?, _ words: String
    ) {
      self.init(check, of, figure, limit, words, nil) { $0 < $1 }
    }

    private init(
      _ check: String, _ of: String, _ figure: Double?, _ limit: Double?, _ words: String,
      _ resolution: Double?, fails: (Double, Double) -> Bool
    ) {
      self.check = check
      self.of = of
      self.figure = figure.map(Self.rounded)
      threshold = limit
      self.resolution = resolution.map(Self.rounded)
      self.words = words
      if let figure = self.figure, let limit {
        verdict = fails(figure, limit) ? .failed : .passed
      } else {
        verdict = limit == nil ? .told : .notJudged
      }
    }

    private static func rounded(_ figure: Double) -> Double {
      let scaled = (figure * 1_000_000).rounded()
      return scaled.isFinite ? scaled / 1_000_000 : figure
    }
  }

  package var reference: String?
  package var findings: [Finding]
  package var profiles: [FeatureProfile]

  package var isFailed: Bool { findings.contains { $0.verdict == .failed } }

  package var spelling: String {
    JSONText.object { json in
      json.add("verdict", (isFailed ? Verdict.failed : .passed).rawValue)
      json.add("reference", reference)
      json.add(
        "checks",
        raw: JSONText.list(
          findings.map { finding in
            JSONText.object { json in
              json.add("check", finding.check)
              json.add("of", finding.of)
              json.add("verdict", finding.verdict.rawValue)
              json.add("figure", finding.figure)
              json.add("threshold", finding.threshold)
              if let resolution = finding.resolution { json.add("resolution", resolution) }
              json.add("words", finding.words)
            }
          }))
      json.add("profiles", raw: JSONText.list(profiles.map(\.spelling)))
    }
  }
}
