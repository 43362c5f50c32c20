// Checks out of a file or a text of another process, and profiles out of a manifest. Whatever is wrong is told at once, each with its place; nothing is guessed.

package import ApusContracts

/// Why a text has no checks.
package struct SetChecksError: Error, Equatable, Sendable {
  package struct Mistake: Equatable, Sendable {
    package var place: SourcePlace
    package var what: String
  }

  package var file: String
  /// In the order of their places; never empty.
  package var mistakes: [Mistake]

  package var lines: [String] { mistakes.map { "\(file):\($0.place): \($0.what)" } }
}

extension SetChecks {
  /// What a file says, or the spelling of another process; `file` is its name in what is told.
  package init(
    reading bytes: [UInt8], named file: String, byteCountMax: Int = SetChecksReader.byteCountMax
  ) throws(SetChecksError) {
    var reader = SetChecksReader()
    let root = try SetChecksReader.root(bytes, file, byteCountMax)
    self = reader.checks(root)
    try reader.finish(file)
  }
}

extension SetReference {
  /// The profiles of an earlier set, from its manifest.
  package init(manifest bytes: [UInt8], named file: String) throws(SetChecksError) {
    var reader = SetChecksReader()
    let root = try SetChecksReader.root(bytes, file, SetChecksReader.byteCountMax)
    self = reader.reference(manifest: root, named: file)
    try reader.finish(file)
  }
}

package struct SetChecksReader {
  /// A manifest has a few kilobytes for each feature.
  package static let byteCountMax = 1 << 26
  private static let mistakesMax = 100

  private var mistakes: [SetChecksError.Mistake] = []

  static func root(
    _ bytes: [UInt8], _ file: String, _ byteCountMax: Int
  ) throws(SetChecksError) -> YamlNode {
    let document: YamlDocument
    do throws(YamlProblem) { document = try YamlReader.read(bytes, byteCountMax: byteCountMax) } catch {
      throw SetChecksError(file: file, mistakes: [.init(place: error.place, what: Self.words(error.fault))])
    }
    guard document.problems.isEmpty else {
      throw SetChecksError(
        file: file, mistakes: document.problems.map { .init(place: $0.place, what: Self.words($0.fault)) })
    }
    return document.root
  }

  private static func words(_ fault: YamlFault) -> String {
    switch fault {
    case .empty: "the file is empty; expected checks, as in `duplicates: 0.01`"
    case .directive(let text): "\(text) is not allowed; checks are YAML 1.2"
    default: "\(fault)"
    }
  }

  func finish(_ file: String) throws(SetChecksError) {
    guard !mistakes.isEmpty else { return }
    throw SetChecksError(file: file, mistakes: mistakes.sorted { $0.place < $1.place })
  }

  // MARK: What is wrong

  private mutating func complain(_ what: String, _ node: YamlNode) {
    if case .refused = node.content { return }
    complain(what, node.place)
  }

  private mutating func complain(_ what: String, _ place: SourcePlace) {
    if mistakes.count < Self.mistakesMax { mistakes.append(.init(place: place, what: what)) }
  }

  private static func found(_ node: YamlNode) -> String {
    switch node.content {
    case .scalar(let scalar): "\(scalar)"
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .refused: "what is not allowed"
    }
  }

  private mutating func expected(_ what: String, _ node: YamlNode) {
    complain("expected \(what), found \(Self.found(node))", node)
  }

  // MARK: Nodes

  private mutating func mapping(_ node: YamlNode, _ what: String) -> [YamlEntry] {
    if case .mapping(let entries) = node.content { return entries }
    expected(what, node)
    return []
  }

  private mutating func list(_ node: YamlNode, _ what: String) -> [YamlNode] {
    if case .sequence(let nodes) = node.content { return nodes }
    expected(what, node)
    return []
  }

  /// The settings of a thing, and complaints about what it does not have.
  private mutating func settings(_ node: YamlNode, of thing: String, _ known: [String]) -> [String: YamlNode]
  {
    var settings: [String: YamlNode] = [:]
    for entry in mapping(node, "the settings of \(thing) (a mapping)") {
      if known.contains(entry.key) {
        settings[entry.key] = entry.value
      } else if let near = Suggestion.nearest(to: entry.key, among: known) {
        complain(
          "\(thing) has no setting \(Quoted(entry.key)); did you mean \(Quoted(near))?", entry.keyPlace)
      } else {
        complain(
          "\(thing) has no setting \(Quoted(entry.key)); it has \(known.joined(separator: ", "))",
          entry.keyPlace)
      }
    }
    return settings
  }

  private mutating func text(_ node: YamlNode, _ what: String) -> String? {
    if case .scalar(.string(let text)) = node.content { return text }
    if case .scalar(let scalar) = node.content, scalar != .null {
      complain("expected \(what), found \(scalar), which is text only in quotes", node)
    } else {
      expected(what, node)
    }
    return nil
  }

  private mutating func names(_ node: YamlNode, _ what: String) -> [String] {
    var names: [String] = []
    for node in list(node, "a list of \(what)") {
      guard let name = text(node, "a name") else { continue }
      if names.contains(name) {
        complain("\(Quoted(name)) is in the list twice", node)
      } else {
        names.append(name)
      }
    }
    return names
  }

  private mutating func limit(_ node: YamlNode, through most: Double) -> SetChecks.Limit {
    let range = most.isInfinite ? "0 or more" : "from 0 to 1"
    switch node.content {
    case .scalar(.string("none")): return .none
    case .scalar(.integer(let number)) where number >= 0 && Double(number) <= most: return Double(number)
    case .scalar(.float(let number)) where number >= 0 && number <= most && number.isFinite: return number
    default:
      expected("a number \(range), or none", node)
      return .none
    }
  }

  // MARK: Checks

  mutating func checks(_ root: YamlNode) -> SetChecks {
    var checks = SetChecks()
    let known =
      ["duplicates", "coverage"] + FeatureCheck.allCases.map(\.rawValue)
      + ["segments", "features", "against", "reference"]
    let settings = settings(root, of: "a file of checks", known)
    if let node = settings["duplicates"] { checks.duplicates = limit(node, through: 1) }
    if let node = settings["coverage"] { checks.coverage = limit(node, through: 1) }
    checks.limits.merge(limits(settings)) { $1 }
    if let node = settings["segments"] { checks.segments = segments(node) }
    for entry in settings["features"].map({ mapping($0, "a mapping of features to their thresholds") }) ?? []
    {
      checks.ofFeatures[entry.key] = limits(
        self.settings(entry.value, of: "a feature", FeatureCheck.allCases.map(\.rawValue)))
    }
    if let node = settings["against"] {
      switch text(node, "the path of a manifest, or online") {
      case "online": checks.against = .online
      case "": complain("expected the path of a manifest, or online, found an empty text", node)
      case let path?: checks.against = .manifest(path)
      case nil: break
      }
    }
    if let node = settings["reference"] {
      if checks.against != nil { complain("against and reference cannot both stand", node) }
      let settings = self.settings(node, of: "a reference", ["name", "profiles"])
      let name = settings["name"].flatMap { text($0, "the name of a set") } ?? ""
      if settings["profiles"] == nil { complain("a reference needs profiles", node) }
      checks.against = .reference(
        SetReference(name: name, settings["profiles"].map { profiles($0) } ?? []))
    }
    return checks
  }

  private mutating func limits(_ settings: [String: YamlNode]) -> [FeatureCheck: SetChecks.Limit] {
    var limits: [FeatureCheck: SetChecks.Limit] = [:]
    for check in FeatureCheck.allCases {
      guard let node = settings[check.rawValue] else { continue }
      let found: SetChecks.Limit
      switch check {
      case .constant:
        switch node.content {
        case .scalar(.string("refuse")): found = 0
        case .scalar(.string("tell")): found = .none
        default:
          expected("refuse or tell", node)
          found = .none
        }
      case .psi: found = limit(node, through: .infinity)
      default: found = limit(node, through: 1)
      }
      limits.updateValue(found, forKey: check)
    }
    return limits
  }

  private mutating func segments(_ node: YamlNode) -> [SetChecks.Segment] {
    let entries = mapping(node, "a mapping of names to segments")
    if entries.count > SetChecks.segmentsMax {
      complain("there are too many segments, at most \(SetChecks.segmentsMax) allowed", node)
    }
    return entries.prefix(SetChecks.segmentsMax).map { entry in
      var segment = SetChecks.Segment(name: entry.key)
      if case .scalar(.string("all")) = entry.value.content { return segment }
      guard case .mapping = entry.value.content else {
        expected("all, or the settings of a segment (a mapping)", entry.value)
        return segment
      }
      let settings = settings(
        entry.value, of: "a segment", ["column", "in", "min", "max", "features", "coverage"])
      if let node = settings["features"] { segment.features = names(node, "features") }
      if let node = settings["coverage"] { segment.coverage = .some(limit(node, through: 1)) }
      segment.rows = rows(settings, entry)
      if let node = settings["column"] {
        segment.column = text(node, "the name of a column") ?? ""
        if segment.rows == .all { complain("a segment with a column needs in, min or max", entry.keyPlace) }
      } else if segment.rows != .all {
        complain("a segment with in, min or max needs column", entry.keyPlace)
      }
      return segment
    }
  }

  private mutating func rows(
    _ settings: [String: YamlNode], _ entry: YamlEntry
  ) -> SetChecks.Segment.Rows {
    let least = settings["min"].flatMap { value($0) }
    let greatest = settings["max"].flatMap { value($0) }
    guard let node = settings["in"] else {
      return settings["min"] == nil && settings["max"] == nil ? .all : .within(least, greatest)
    }
    if settings["min"] != nil || settings["max"] != nil {
      complain("a segment has in, or min and max, not both", entry.keyPlace)
    }
    let nodes = list(node, "a list of values")
    if case .sequence(let found) = node.content, found.isEmpty { complain("in is empty", node) }
    return .among(nodes.compactMap { value($0) })
  }

  private mutating func value(_ node: YamlNode) -> YamlScalar? {
    switch node.content {
    case .scalar(.float(let number)) where !number.isFinite: break
    case .scalar(let scalar):
      switch scalar {
      case .bool, .integer, .float, .string: return scalar
      case .null, .hugeInteger: break
      }
    default: break
    }
    expected("a text, a number of 64 bits, true or false", node)
    return nil
  }
}

// MARK: - Profiles

extension SetChecksReader {
  mutating func reference(manifest root: YamlNode, named file: String) -> SetReference {
    guard case .mapping(let entries) = root.content,
      entries.contains(where: { $0.key == "apus_training_set" })
    else {
      complain("this is no manifest of a training set", root.place)
      return SetReference(name: file, [])
    }
    guard case .mapping(let quality)? = entries.first(where: { $0.key == "quality" })?.value.content,
      let node = quality.first(where: { $0.key == "profiles" })?.value
    else {
      complain("the manifest has no profiles: make that set again, without `--checks none`", root.place)
      return SetReference(name: file, [])
    }
    return SetReference(name: file, profiles(node))
  }

  private mutating func profiles(_ node: YamlNode) -> [FeatureProfile] {
    list(node, "a list of profiles").compactMap { profile($0) }
  }

  private mutating func profile(_ node: YamlNode) -> FeatureProfile? {
    guard case .mapping(let entries) = node.content else {
      expected("a profile (a mapping)", node)
      return nil
    }
    let members = Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
    func text(_ key: String) -> String? {
      if case .scalar(.string(let text))? = members[key]?.content { text } else { nil }
    }
    func number(_ key: String) -> Int? {
      guard case .scalar(.integer(let number))? = members[key]?.content, number >= 0 else { return nil }
      return Int(exactly: number)
    }
    guard let name = text("name"), let kind = text("kind").flatMap(FeatureProfile.Kind.init),
      let rows = number("rows"), let present = number("present"), let nan = number("nan"), present <= rows,
      nan <= present
    else {
      complain("this is no profile: it lacks name, kind, rows, present or nan", node)
      return nil
    }
    var profile = FeatureProfile(name: name, kind: kind)
    (profile.rows, profile.present, profile.nan) = (rows, present, nan)
    profile.nulls = number("nulls") ?? 0
    profile.blanks = number("blanks") ?? 0
    profile.zeros = number("zeros") ?? 0
    if case .scalar(.bool(true))? = members["constant"]?.content { profile.isConstant = true }
    profile.least = Self.extreme(members["least"])
    profile.greatest = Self.extreme(members["greatest"])
    profile.notKnownThen = number("not_known_then")
    guard let values = Self.values(kind, members, number("shift"), text("buckets")) else {
      complain("the profile of \(Quoted(name)) is damaged", node)
      return nil
    }
    profile.values = values
    guard profile.valueCount.map({ $0 == present - nan }) ?? true else {
      complain("the profile of \(Quoted(name)) is damaged: its counts do not add up", node)
      return nil
    }
    return profile
  }

  private static func values(
    _ kind: FeatureProfile.Kind, _ members: [String: YamlNode], _ shift: Int?, _ buckets: String?
  ) -> FeatureProfile.Values? {
    switch kind {
    case .vector: return FeatureProfile.Values.none
    case .number, .length:
      guard let shift, let buckets else { return nil }
      return Histogram(shift: shift, spelling: buckets).map { .numbers($0) }
    case .category, .bytes:
      if case .sequence(let nodes)? = members["bins"]?.content {
        let bins = nodes.compactMap { count($0) }
        return bins.count == ProfileLimits.binCount ? .categories(.bins(bins)) : nil
      }
      guard case .sequence(let nodes)? = members["categories"]?.content,
        nodes.count <= ProfileLimits.categoriesMax
      else { return nil }
      var categories: [Category] = []
      for node in nodes {
        guard case .sequence(let pair) = node.content, pair.count == 2,
          case .scalar(.string(let shown)) = pair[0].content, let bytes = CategorySpelling.bytes(shown),
          let count = count(pair[1]),
          categories.last.map({ $0.bytes.lexicographicallyPrecedes(bytes) }) ?? true
        else { return nil }
        categories.append(Category(bytes: bytes, count: count))
      }
      return .categories(.texts(categories))
    }
  }

  private static func extreme(_ node: YamlNode?) -> String? {
    guard case .scalar(let scalar)? = node?.content else { return nil }
    switch scalar {
    case .integer(let number): return "\(number)"
    case .float(let number) where number.isFinite: return "\(number)"
    case .string(let text): return JSONText.quoted(text)
    default: return nil
    }
  }

  /// Zero or more, and small enough for as many as there may be to be added up.
  private static func count(_ node: YamlNode) -> Int? {
    guard case .scalar(.integer(let count)) = node.content, (0...(1 << 48)).contains(count) else {
      return nil
    }
    return Int(exactly: count)
  }
}

extension FeatureProfile {
  /// Cells that the values tell of; nil where there are none.
  var valueCount: Int? {
    switch values {
    case .numbers(let histogram): histogram.count
    case .categories(.texts(let categories)): categories.reduce(0) { $0 + $1.count }
    case .categories(.bins(let bins)): bins.reduce(0, +)
    case .none: nil
    }
  }
}
