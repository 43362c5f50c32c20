// One setting: how it is called, what may stand there, what it does, and where it goes. Its name in a file is its name
// everywhere: `max_frame` is `APUS_MAX_FRAME` in the environment and `--max-frame` on the command line. What is read is
// spelled back as it is read, so that a value that was shown can be given again.

import ApusContracts

package struct Setting: Sendable {
  package enum Group: String, CaseIterable, Sendable {
    case data = "Data"
    case network = "Who may come in, and where"
    case limits = "Loops and limits"
    case exports = "Training sets"
    case store = "The store's memory, disk and pace"
    case upkeep = "Upkeep"
    case logs = "Logs"
  }

  package let name: String
  package let group: Group
  /// What may stand there, in words behind "expected".
  package let expected: String
  /// What stands for the value in help: `SIZE`.
  package let placeholder: String
  package let effect: String
  /// False when the text is not what was expected, and then nothing was changed.
  let take: @Sendable (String, inout Configuration) -> Bool
  let spell: @Sendable (Configuration) -> String

  package var environmentName: String { "APUS_" + name.uppercased() }
  package var flag: String { "--" + name.map { $0 == "_" ? "-" : String($0) }.joined() }
  package var usual: String { spell(Configuration()) }
  package func spelled(in configuration: Configuration) -> String { spell(configuration) }
}

// MARK: Kinds

extension Setting {
  typealias Path<Value> = any WritableKeyPath<Configuration, Value> & Sendable

  static func size(
    _ group: Group, _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ effect: String
  ) -> Setting {
    Setting(
      name: name, group: group,
      expected: "a size from \(ByteSize.spelled(range.lowerBound)) to \(ByteSize.spelled(range.upperBound))",
      placeholder: "SIZE", effect: effect,
      take: { text, all in
        guard let size = ByteSize.read(text), range.contains(size) else { return false }
        all[keyPath: path] = size
        return true
      }, spell: { ByteSize.spelled($0[keyPath: path]) })
  }

  /// A size that may also be `none`.
  static func optionalSize(
    _ group: Group, _ name: String, _ path: Path<Int?>, _ range: ClosedRange<Int>, _ effect: String
  ) -> Setting {
    Setting(
      name: name, group: group,
      expected:
        "a size from \(ByteSize.spelled(range.lowerBound)) to \(ByteSize.spelled(range.upperBound)), or none",
      placeholder: "SIZE", effect: effect,
      take: { text, all in
        if text == none {
          all[keyPath: path] = nil
          return true
        }
        guard let size = ByteSize.read(text), range.contains(size) else { return false }
        all[keyPath: path] = size
        return true
      }, spell: { $0[keyPath: path].map(ByteSize.spelled) ?? none })
  }

  static func count(
    _ group: Group, _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ effect: String
  ) -> Setting {
    Setting(
      name: name, group: group, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      placeholder: "N", effect: effect,
      take: { text, all in
        guard let count = whole(text), range.contains(count) else { return false }
        all[keyPath: path] = count
        return true
      }, spell: { "\($0[keyPath: path])" })
  }

  static func duration(
    _ group: Group, _ name: String, _ path: Path<UInt64>, _ range: ClosedRange<Period>, _ effect: String
  ) -> Setting {
    Setting(
      name: name, group: group, expected: "a time from \(range.lowerBound) to \(range.upperBound)",
      placeholder: "TIME", effect: effect,
      take: { text, all in
        guard let period = try? Period(spelling: text), range.contains(period) else { return false }
        all[keyPath: path] = UInt64(period.nanoseconds)
        return true
      }, spell: { spelled($0[keyPath: path]) })
  }

  /// A duration that may also be `none`.
  static func optionalDuration(
    _ group: Group, _ name: String, _ path: Path<UInt64?>, _ range: ClosedRange<Period>, _ effect: String
  ) -> Setting {
    Setting(
      name: name, group: group, expected: "a time from \(range.lowerBound) to \(range.upperBound), or none",
      placeholder: "TIME", effect: effect,
      take: { text, all in
        if text == none {
          all[keyPath: path] = nil
          return true
        }
        guard let period = try? Period(spelling: text), range.contains(period) else { return false }
        all[keyPath: path] = UInt64(period.nanoseconds)
        return true
      }, spell: { $0[keyPath: path].map(spelled) ?? none })
  }

  static func choice<Choice>(
    _ group: Group, _ name: String, _ path: Path<Choice>, _ effect: String
  ) -> Setting where Choice: RawRepresentable<String> & CaseIterable & Sendable {
    let words = Choice.allCases.map(\.rawValue)
    return Setting(
      name: name, group: group, expected: words.joined(separator: " or "),
      placeholder: words.joined(separator: "|"), effect: effect,
      take: { text, all in
        guard let choice = Choice(rawValue: text) else { return false }
        all[keyPath: path] = choice
        return true
      }, spell: { $0[keyPath: path].rawValue })
  }

  static func toggle(_ group: Group, _ name: String, _ path: Path<Bool>, _ effect: String) -> Setting {
    Setting(
      name: name, group: group, expected: "on or off", placeholder: "on|off", effect: effect,
      take: { text, all in
        switch text {
        case "on", "true": all[keyPath: path] = true
        case "off", "false": all[keyPath: path] = false
        default: return false
        }
        return true
      }, spell: { $0[keyPath: path] ? "on" : "off" })
  }

  static let none = "none"

  /// Whole, in decimal digits, and without a sign.
  static func whole(_ text: String) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int(text)
  }

  /// Nothing here is longer than a period can be.
  private static func spelled(_ nanoseconds: UInt64) -> String {
    Period(nanoseconds: Int64(clamping: nanoseconds)).map { "\($0)" } ?? "0s"
  }
}

/// Sizes as people write them: `64MiB`, `4KiB`, `900B`. Units are powers of 1024, and said so; `MB` is refused, because
/// it is 1000² to some and 1024² to others.
package enum ByteSize {
  private static let units: [(name: String, shift: Int)] = [
    ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0),
  ]

  package static func read(_ text: String) -> Int? {
    let digits = text.prefix { "0"..."9" ~= $0 }
    guard let unit = units.first(where: { $0.name == text[digits.endIndex...] }),
      let count = Int(digits)
    else { return nil }
    let (size, overflow) = count.multipliedReportingOverflow(by: 1 << unit.shift)
    return overflow ? nil : size
  }

  package static func spelled(_ size: Int) -> String {
    let unit = units.first { size >> $0.shift > 0 && size & ((1 << $0.shift) - 1) == 0 }
    return unit.map { "\(size >> $0.shift)\($0.name)" } ?? "\(size)B"
  }
}
