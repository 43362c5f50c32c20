// Defaults, then the file, then the environment, then flags: the later one wins, and each setting remembers who spoke last.
// A pure function of texts. Everything that is wrong is told at once, each with the place where it stands.

package import ApusContracts

/// Where an effective value came from.
package enum SettingOrigin: Equatable, Sendable, CustomStringConvertible {
  case usual
  case file(String, SourcePlace)
  case environment(String)
  case flag(String)

  package var description: String {
    switch self {
    case .usual: "default"
    case .file(let name, let place): "\(name):\(place)"
    case .environment(let name): "$\(name)"
    case .flag(let name): name
    }
  }
}

/// What is wrong in one place of what was configured.
package struct ConfigurationFault: Equatable, Sendable, CustomStringConvertible {
  package let origin: SettingOrigin
  package let words: String

  package var description: String { "\(origin): \(words)" }
}

package struct ConfigurationFaults: Error, Equatable, Sendable {
  package let all: [ConfigurationFault]
}

package struct EffectiveConfiguration: Equatable, Sendable {
  package private(set) var values = Configuration()
  private var origins: [String: SettingOrigin] = [:]
  /// What was given and means nothing, though it nearly does.
  package private(set) var warnings: [String] = []

  package func origin(of setting: Setting) -> SettingOrigin { origins[setting.name] ?? .usual }

  /// `flags` are of settings, by name; the environment is the whole of it.
  package init(
    file: (name: String, bytes: [UInt8])? = nil, environment: [String: String] = [:],
    flags: [String: String] = [:]
  ) throws(ConfigurationFaults) {
    var faults: [ConfigurationFault] = []
    if let file { take(file.name, file.bytes, &faults) }
    for setting in Settings.all {
      if let text = environment[setting.environmentName] {
        take(setting, text, .environment(setting.environmentName), &faults)
      }
      if let text = flags[setting.name] { take(setting, text, .flag(setting.flag), &faults) }
    }
    guard faults.isEmpty else { throw ConfigurationFaults(all: faults) }
    warnings = Self.warnings(environment)
  }

  private mutating func take(
    _ setting: Setting, _ text: String, _ origin: SettingOrigin, _ faults: inout [ConfigurationFault]
  ) {
    if setting.take(text, &values) {
      origins[setting.name] = origin
    } else {
      let words = "`\(setting.name)` is \(setting.expected), and not `\(text)`"
      faults.append(ConfigurationFault(origin: origin, words: words))
    }
  }

  // MARK: The file

  private mutating func take(_ name: String, _ bytes: [UInt8], _ faults: inout [ConfigurationFault]) {
    let document: YamlDocument
    do throws(YamlProblem) { document = try YamlReader.read(bytes) } catch {
      // A file of comments is a file of defaults.
      if error.fault != .empty { faults.append(Self.fault(error, in: name, bytes)) }
      return
    }
    faults += document.problems.map { Self.fault($0, in: name, bytes) }
    let entries: [YamlEntry]
    switch document.root.content {
    case .mapping(let found): entries = found
    case .refused, .scalar(.null): return
    case .scalar, .sequence:
      let words = "expected settings, each as `name: value`"
      faults.append(ConfigurationFault(origin: .file(name, document.root.place), words: words))
      return
    }
    for entry in entries {
      let place = SettingOrigin.file(name, entry.keyPlace)
      guard let setting = Settings.named(entry.key) else {
        faults.append(ConfigurationFault(origin: place, words: Self.unknown(entry.key)))
        continue
      }
      switch Self.text(of: entry.value) {
      case .some(let text): take(setting, text, .file(name, entry.value.place), &faults)
      case nil:
        let words = "`\(setting.name)` is \(setting.expected)"
        faults.append(ConfigurationFault(origin: .file(name, entry.value.place), words: words))
      }
    }
  }

  private static func unknown(_ key: String) -> String {
    let words = "there is no setting `\(key)`"
    guard let near = Suggestion.nearest(to: key, among: Settings.all.map(\.name)) else {
      return words + "; `apus config defaults` lists them"
    }
    return words + "; did you mean `\(near)`?"
  }

  /// A list is its elements with commas between. Nil for what no setting takes.
  private static func text(of node: YamlNode) -> String? {
    switch node.content {
    case .scalar(let scalar): text(of: scalar)
    case .sequence(let nodes):
      nodes.isEmpty
        ? Setting.none
        : nodes.reduce("" as String?) { all, node in
          guard let all, case .scalar(let scalar) = node.content, let next = text(of: scalar) else {
            return nil
          }
          return all.isEmpty ? next : all + "," + next
        }
    case .mapping, .refused: nil
    }
  }

  private static func text(of scalar: YamlScalar) -> String? {
    switch scalar {
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .hugeInteger(let text), .string(let text): text
    case .float(let value): "\(value)"
    case .null: nil
    }
  }

  private static func fault(
    _ problem: YamlProblem, in name: String, _ bytes: [UInt8]
  ) -> ConfigurationFault {
    let words =
      switch problem.fault {
      case .syntax(let words, let context, _):
        "this is not YAML: \(words)" + (context.map { " (\($0))" } ?? "")
          + (line(problem.place.line, of: bytes).contains("]:")
            ? "; an address with brackets needs quotes, as in \"[::1]:7399\"" : "")
      case .directive(let text): "\(text) is not allowed; a configuration is YAML 1.2"
      default: "\(problem.fault)"
      }
    return ConfigurationFault(origin: .file(name, problem.place), words: words)
  }

  private static func line(_ number: Int, of bytes: [UInt8]) -> String {
    let lines = bytes.split(separator: 0x0A, maxSplits: number, omittingEmptySubsequences: false)
    return number <= lines.count ? String(decoding: lines[number - 1], as: UTF8.self) : ""
  }

  // MARK: The environment

  /// Variables that are no setting, and look as if they were meant to be one. Others that begin with APUS_ may be anybody's.
  private static func warnings(_ environment: [String: String]) -> [String] {
    let known = Settings.all.map(\.environmentName)
    return environment.keys.sorted().compactMap { name in
      guard name.hasPrefix("APUS_"), !known.contains(name),
        let near = Suggestion.nearest(to: name, among: known)
      else { return nil }
      return "$\(name) is no setting and was not read; did you mean $\(near)?"
    }
  }
}
