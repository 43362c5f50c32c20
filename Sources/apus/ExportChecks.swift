// What `export` is told to check, read before anything else is done; and what the checks found, in words.

import ApusContracts
import ApusExport
import ApusSystem

/// As the command line says it.
struct GivenChecks: Equatable {
  /// Nil: what is usual.
  var file: String?
  /// In place of what the file says: a manifest, or `online`.
  var against: String?
  var isNone = false
}

enum ExportChecks {
  /// Nil: nothing is checked. Manifests that are compared with are read.
  static func read(_ given: GivenChecks) throws(Trouble) -> SetChecks? {
    if given.isNone { return nil }
    var checks = SetChecks.standard
    if let file = given.file {
      let bytes = try bytes(of: file, "the checks")
      do throws(SetChecksError) { checks = try SetChecks(reading: bytes, named: file) } catch {
        throw trouble(error, "checks_wrong", "in the checks", next: "mend them, then export again")
      }
    }
    if let against = given.against { checks.against = against == "online" ? .online : .manifest(against) }
    if case .manifest(let path) = checks.against {
      let bytes = try bytes(of: path, "the manifest to compare with")
      do throws(SetChecksError) {
        checks.against = .reference(try SetReference(manifest: bytes, named: path))
      } catch {
        throw trouble(
          error, "not_a_manifest", "in the manifest to compare with",
          next: "name the .manifest.json of a set that was checked")
      }
    }
    return checks
  }

  private static func bytes(of path: String, _ what: String) throws(Trouble) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(SystemError) {
      let stream = try InputStream(path: path)
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count <= SetChecksReader.byteCountMax {
        let count = try read(stream, &chunk)
        if count == 0 { break }
        bytes += chunk.prefix(count)
      }
    } catch {
      throw Trouble("system", "\(what) cannot be read: \(error.errno)", at: path, next: "check the path")
    }
    return bytes
  }

  private static func read(_ stream: InputStream, _ chunk: inout [UInt8]) throws(SystemError) -> Int {
    var span = chunk.mutableSpan
    var raw = unsafe span.mutableBytes
    return try stream.read(into: &raw)
  }

  private static func trouble(
    _ error: SetChecksError, _ name: String, _ place: String, next: String
  ) -> Trouble {
    let count = error.mistakes.count
    return Trouble(
      name, "there \(count == 1 ? "is" : "are") \(Numbers.count(count, "mistake")) \(place)",
      at: error.lines, next: next,
      details: [
        "mistakes": .list(
          error.mistakes.map {
            [
              "file": .text(error.file), "line": .number($0.place.line), "column": .number($0.place.column),
              "what": .text($0.what),
            ]
          })
      ])
  }
}

/// What a manifest says of its checks, for people and for the exit code.
struct QualityWords {
  private let quality: JSON
  private let findings: [Finding]

  private struct Finding {
    let check: String
    let of: String
    let verdict: String
    let figure: Double?
    let threshold: Double?
    let words: String
  }

  /// Nil when nothing was checked.
  init?(manifest: JSON) {
    guard let quality = manifest["quality"], case .list(let checks)? = quality["checks"] else { return nil }
    self.quality = quality
    findings = checks.map { check in
      Finding(
        check: check["check"]?.string ?? "", of: check["of"]?.string ?? "",
        verdict: check["verdict"]?.string ?? "", figure: check["figure"]?.double,
        threshold: check["threshold"]?.double, words: check["words"]?.string ?? "")
    }
  }

  var isFailed: Bool { quality["verdict"]?.string == "failed" }

  /// Lines for passed checks are no more than this; a wide service has hundreds.
  private static let passedMax = 12

  var lines: [String] {
    let failed = findings.filter { $0.verdict == "failed" }
    let passed = findings.filter { $0.verdict == "passed" }
    let open = findings.filter { $0.verdict == "not_judged" }
    let reference = quality["reference"]?.string.map { ", against \($0)" } ?? ""
    var lines = [
      failed.isEmpty
        ? "checks: \(passed.count) passed\(reference)"
        : "checks: \(failed.count) of \(failed.count + passed.count) failed\(reference); the set is there, and its manifest says so"
    ]
    var table = Table([
      ("", .left), ("check", .left), ("of", .left), ("figure", .right), ("allowed", .right), ("", .left),
    ])
    for finding in failed + open + passed.prefix(Self.passedMax) { table.add(row(finding)) }
    lines += table.lines.map { "  " + $0 }
    if passed.count > Self.passedMax {
      lines.append("  and \(passed.count - Self.passedMax) more passed; the manifest has them all")
    }
    for finding in findings
    where finding.verdict == "told" && finding.check == "constant" && finding.figure == 1 {
      lines.append("  \(finding.of): \(finding.words)")
    }
    for check in [
      "temporal_order", "duplicates", "coverage", "null_share", "zero_share", "constant", "unseen", "psi",
      "ks",
    ]
    where failed.contains(where: { $0.check == check }) {
      lines.append("  next, \(check): \(Self.next(check))")
    }
    return lines
  }

  private func row(_ finding: Finding) -> [String] {
    [
      finding.verdict == "not_judged" ? "not judged" : finding.verdict, finding.check,
      finding.of.isEmpty ? "the set" : finding.of, finding.figure.map(Self.spelling) ?? "-",
      finding.threshold.map { "\(finding.check == "coverage" ? "≥" : "≤") \(Self.spelling($0))" } ?? "-",
      finding.words,
    ]
  }

  private static func spelling(_ number: Double) -> String {
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func next(_ check: String) -> String {
    switch check {
    case "temporal_order": "report this, it is a mistake of the program; train on nothing of this set"
    case "duplicates":
      "drop the repeated rows from the spine, or allow more: `duplicates: 0.1` in --checks FILE"
    case "coverage":
      "--columns statuses,reasons says of each blank cell why; a segment may name the `features` it needs"
    case "null_share", "zero_share":
      "ask who pushes the feature, or allow more of it under `features` in --checks FILE"
    case "constant": "leave the feature out, or ask who pushes it"
    case "unseen": "train with the new categories, or allow some: `unseen: 0.05`"
    default: "compare the profiles in both manifests; if the change is meant, this set is the next reference"
    }
  }
}

extension JSON {
  /// A number, however it was written.
  var double: Double? {
    switch self {
    case .real(let number): number
    case .integer(let number): Double(number)
    default: nil
    }
  }

  /// Of a text that is JSON; null where it is none.
  init(of text: String?) { self = text.flatMap { JSON(reading: Array($0.utf8)) } ?? .null }
}
