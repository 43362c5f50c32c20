// Files of checks: what they say is what is meant, another process reads the same, and each mistake is told with its place.

import ApusContracts
import ApusExport
import ApusTestSupport
import Testing

@Suite("Files of checks")
struct SetChecksTests {
  private func checks(_ text: String) throws -> SetChecks {
    try SetChecks(reading: Array(text.utf8), named: "c.yaml")
  }

  @Test("what a file says stands in the value, and the rest is usual")
  func meaning() throws {
    let checks = try checks(
      """
      duplicates: 0
      coverage: 0.9
      psi: none
      null_share: 0.25
      constant: refuse
      against: online
      segments:
        all rows: all
        spenders: {column: amount, min: 10, coverage: none}
        nordics:
          column: country
          in: [SE, "NO", "1"]
          features: [amount]
      features:
        amount: {psi: 1, null_share: none, constant: tell}
      """)
    #expect(checks.duplicates == 0 && checks.coverage == 0.9 && checks.against == .online)
    #expect(checks.limit(.psi, of: "other") == nil && checks.limit(.psi, of: "amount") == 1)
    #expect(checks.limit(.nullShare, of: "other") == 0.25 && checks.limit(.nullShare, of: "amount") == nil)
    #expect(checks.limit(.constant, of: "other") == 0 && checks.limit(.constant, of: "amount") == nil)
    #expect(checks.limit(.ks, of: "amount") == nil)
    #expect(checks.segments.map(\.name) == ["all rows", "spenders", "nordics"])
    #expect(
      checks.segments[1].rows == .within(.integer(10), nil) && checks.segments[1].coverage == .some(nil))
    #expect(checks.segments[2].rows == .among([.string("SE"), .string("NO"), .string("1")]))
    #expect(try self.checks("{}") == .standard)
    #expect(SetChecks.standard.duplicates == 0.02 && SetChecks.standard.coverage == 0.85)
    #expect(SetChecks.standard.limit(.psi, of: "any") == 0.1)
  }

  @Test("what a process spells another reads: any checks, with profiles of every kind")
  func roundTrip() throws {
    var random = SplitMix64(seed: 3)
    func limit() -> Double? { random.coin() ? nil : random.pick([0, 1, 0.1, 1e-7]) }
    for _ in 0..<200 {
      var checks = SetChecks()
      (checks.duplicates, checks.coverage) = (limit(), limit())
      for check in FeatureCheck.allCases where random.coin() {
        checks.limits.updateValue(check == .constant ? random.pick([0, nil]) : limit(), forKey: check)
      }
      for name in ["a", "two words", "\"", "none", "1"] where random.coin() {
        checks.ofFeatures[name] = [.psi: limit(), .constant: random.pick([0, nil])]
      }
      for number in 0..<random.below(4) {
        var segment = SetChecks.Segment(name: random.pick(["s", "all", "true", "\u{85}é"]) + "\(number)")
        segment.column = "c"
        switch random.below(3) {
        case 0: segment.column = ""
        case 1:
          segment.rows = .among([.integer(.min), .float(0.5), .string("x\ny"), .string("1"), .bool(true)])
        default: segment.rows = .within(random.coin() ? nil : .integer(3), .float(1e300))
        }
        if random.coin() { segment.features = ["f", "1"] }
        if random.coin() { segment.coverage = .some(limit()) }
        checks.segments.append(segment)
      }
      checks.against = random.pick([nil, .online, .manifest("a/b c.json"), .reference(reference(&random))])
      let spelling = checks.spelling
      #expect(try SetChecks(reading: Array(spelling.utf8), named: "it") == checks, "\(spelling)")
    }
  }

  private func reference(_ random: inout SplitMix64) -> SetReference {
    let profiles = FeatureProfile.Kind.allCases.map { kind -> FeatureProfile in
      var profile = FeatureProfile(name: "f\(kind)", kind: kind)
      var count = 0
      switch kind {
      case .number, .length:
        var numbers = NumberProfile()
        count = random.pick([0, 1, 3_000])
        for _ in 0..<count { numbers.add(image: random.next()) }
        profile.values = .numbers(numbers.histogram)
        if count > 0 { (profile.least, profile.greatest) = ("-9223372036854775808", "\"inf\"") }
      case .category:
        count = 3
        profile.values = .categories(
          .texts([Category(bytes: [], count: 1), Category(bytes: Array("żółw".utf8), count: 2)]))
      case .bytes:
        count = 64
        profile.values = .categories(.bins(Array(repeating: 1, count: 64)))
      case .vector: count = 5
      }
      (profile.rows, profile.present, profile.nulls, profile.blanks) = (count + 7, count, 3, 4)
      profile.isConstant = random.coin()
      profile.notKnownThen = random.pick([nil, 2])
      return profile
    }
    return SetReference(name: "an earlier set", profiles)
  }

  @Test("each mistake is told where it is, with what was expected, all at once")
  func mistakes() {
    func expect(_ text: String, _ lines: [String], at call: SourceLocation = #_sourceLocation) {
      do {
        let made = try checks(text)
        Issue.record("\(text) was taken as \(made)", sourceLocation: call)
      } catch let error as SetChecksError {
        #expect(error.lines == lines, sourceLocation: call)
      } catch {
        Issue.record("\(error)", sourceLocation: call)
      }
    }
    expect("", ["c.yaml:1:1: the file is empty; expected checks, as in `duplicates: 0.01`"])
    expect("- 1", ["c.yaml:1:1: expected the settings of a file of checks (a mapping), found a list"])
    expect(
      "duplicats: 0.1\npsi: -1\nks: 2\nnull_share: often\n",
      [
        "c.yaml:1:1: a file of checks has no setting \"duplicats\"; did you mean \"duplicates\"?",
        "c.yaml:2:6: expected a number 0 or more, or none, found the number -1",
        "c.yaml:3:5: expected a number from 0 to 1, or none, found the number 2",
        "c.yaml:4:13: expected a number from 0 to 1, or none, found \"often\"",
      ])
    expect("constant: true", ["c.yaml:1:11: expected refuse or tell, found the bool true"])
    expect("psi: .inf", ["c.yaml:1:6: expected a number 0 or more, or none, found the number inf"])
    expect(
      "features: {a: {pssi: 1}}",
      ["c.yaml:1:16: a feature has no setting \"pssi\"; did you mean \"psi\"?"])
    expect(
      "segments:\n  s: {column: c}\n  t: {min: 1}\n  u: {column: c, in: [], max: 3}\n  v: some\n",
      [
        "c.yaml:2:3: a segment with a column needs in, min or max",
        "c.yaml:3:3: a segment with in, min or max needs column",
        "c.yaml:4:3: a segment has in, or min and max, not both", "c.yaml:4:22: in is empty",
        "c.yaml:5:6: expected all, or the settings of a segment (a mapping), found \"some\"",
      ])
    expect(
      "segments: {s: {column: 1, in: [.nan, ~, [1]]}}",
      [
        "c.yaml:1:24: expected the name of a column, found the number 1, which is text only in quotes",
        "c.yaml:1:32: expected a text, a number of 64 bits, true or false, found the number nan",
        "c.yaml:1:38: expected a text, a number of 64 bits, true or false, found null",
        "c.yaml:1:41: expected a text, a number of 64 bits, true or false, found a list",
      ])
    expect("against: \"\"", ["c.yaml:1:10: expected the path of a manifest, or online, found an empty text"])
    expect(
      "{\"psi\": 1, \"psi\": 2}", ["c.yaml:1:12: \"psi\" is here twice, first at 1:2"])
  }

  @Test("a manifest without profiles, a damaged one, and any cut of a good one are refused and trap nothing")
  func manifests() throws {
    var random = SplitMix64(seed: 4)
    let reference = reference(&random)
    let profiles = reference.spelling.drop { $0 != "[" }.dropLast()
    let manifest = "{\"apus_training_set\":1,\"quality\":{\"profiles\":\(profiles)}}"
    let read = try SetReference(manifest: Array(manifest.utf8), named: "m")
    #expect(read.profiles == reference.profiles)
    for text in [
      "{}", "{\"apus_training_set\":1}", "{\"apus_training_set\":1,\"quality\":null}", "[]",
      manifest.replacing("\"shift\":", with: "\"shift\":6"),
      manifest.replacing("\"present\":3,", with: "\"present\":4,"),
      manifest.replacing("\"bins\":[1,", with: "\"bins\":[1,1,"),
      manifest.replacing("żółw", with: "\\\\żółw"),
    ] {
      #expect(throws: SetChecksError.self) { try SetReference(manifest: Array(text.utf8), named: "m") }
    }
    let bytes = Array(manifest.utf8)
    for end in stride(from: 0, to: bytes.count, by: 97) {
      #expect(throws: SetChecksError.self) { try SetReference(manifest: Array(bytes[..<end]), named: "m") }
    }
    for _ in 0..<300 {
      var other = bytes
      other[random.below(other.count)] = UInt8(random.below(256))
      _ = try? SetReference(manifest: other, named: "m")
    }
  }
}
