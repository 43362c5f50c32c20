// A profile as JSON, and back. Buckets are one text of steps and counts, so that a manifest of many features stays small.

import ApusBytes
import ApusContracts

extension FeatureProfile {
  package var spelling: String {
    JSONText.object { json in
      json.add("name", name)
      json.add("kind", kind.rawValue)
      json.add("rows", rows)
      json.add("present", present)
      json.add("nulls", nulls)
      json.add("blanks", blanks)
      json.add("zeros", zeros)
      json.add("nan", nan)
      json.add("constant", isConstant)
      if let least, let greatest {
        json.add("least", raw: least)
        json.add("greatest", raw: greatest)
      }
      if let notKnownThen { json.add("not_known_then", notKnownThen) }
      switch values {
      case .numbers(let histogram):
        json.add("shift", histogram.shift)
        json.add("buckets", histogram.spelling)
      case .categories(.texts(let categories)):
        json.add(
          "categories",
          raw: JSONText.list(
            categories.map { "[\(JSONText.quoted(CategorySpelling.text($0.bytes))),\($0.count)]" }))
      case .categories(.bins(let bins)): json.add("bins", raw: JSONText.list(bins.map { "\($0)" }))
      case .none: break
      }
    }
  }
}

extension Histogram {
  /// `FIRST:COUNT STEP:COUNT …`, numbers in decimal.
  var spelling: String {
    var last: UInt64 = 0
    var parts: [String] = []
    for (key, count) in zip(keys, counts) {
      parts.append("\(key - last):\(count)")
      last = key
    }
    return parts.joined(separator: " ")
  }

  /// So few that ten times as many can still be counted.
  private static let countMax = 1 << 48

  /// Nil unless keys ascend and every count is above zero.
  package init?(shift: Int, spelling: String) {
    guard (0...63).contains(shift) else { return nil }
    self.init(shift: shift, buckets: [])
    var total = 0
    for part in spelling.split(separator: " ") {
      let ends = part.split(separator: ":", omittingEmptySubsequences: false)
      guard ends.count == 2, let step = UInt64(ends[0]), let count = Int(ends[1]), count > 0,
        step > 0 || keys.isEmpty, keys.count < ProfileLimits.bucketsMax
      else { return nil }
      let (key, isOver) = (keys.last ?? 0).addingReportingOverflow(step)
      let (sum, isTooMany) = total.addingReportingOverflow(count)
      guard !isOver, !isTooMany, sum <= Self.countMax, key <= UInt64.max >> UInt64(shift) else { return nil }
      total = sum
      keys.append(key)
      counts.append(count)
    }
  }
}

/// A category as it stands in a manifest: its backslashes and what does not print as `\u{HEX}`.
enum CategorySpelling {
  static func text(_ bytes: [UInt8]) -> String {
    var shown = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      if scalar != "\\", JSONText.isPlain(scalar) {
        shown.unicodeScalars.append(scalar)
      } else {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return shown
  }

  /// Nil when a backslash begins nothing.
  static func bytes(_ shown: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = shown.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard rest.starts(with: "u{".utf8), let end = rest.firstIndex(of: UInt8(ascii: "}")),
        let value = UInt32(String(decoding: rest[..<end].dropFirst(2), as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(value)
      else { return nil }
      bytes += String(Character(scalar)).utf8
      rest = rest[rest.index(after: end)...]
    }
    return bytes
  }
}
