// How settings are taken from nodes: each asks for what it expects, complains when it finds something else, and lets the
// reader go on. A node that was refused while it was read draws no second complaint.

/// The complaints so far, at most `DefinitionErrors.countMax`: a file full of slips costs no more to judge.
struct DefinitionComplaints {
  var files: [String] = []
  private var found: [(file: Int, error: DefinitionError)] = []
  private var isCut = false

  var isFull: Bool { found.count >= DefinitionErrors.countMax }

  mutating func add(_ fault: @autoclosure () -> DefinitionFault, at place: SourcePlace, in file: Int) {
    guard !isFull else {
      isCut = true
      return
    }
    let name = file < files.count ? files[file] : "definitions"
    found.append((file, DefinitionError(file: name, place: place, fault: fault())))
  }

  /// In the order of the files and of the places; those in one place as they were found.
  var sorted: DefinitionErrors? {
    guard !found.isEmpty else { return nil }
    let ordered = found.enumerated().sorted { a, b in
      (a.element.file, a.element.error.place, a.offset) < (b.element.file, b.element.error.place, b.offset)
    }
    return DefinitionErrors(errors: ordered.map(\.element.error), isCut: isCut)
  }
}

extension YamlNode {
  /// As a complaint names what is there instead.
  var found: String {
    switch content {
    case .scalar(let scalar): "\(scalar)"
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .refused: "what is not allowed"
    }
  }

  var isRefused: Bool { if case .refused = content { true } else { false } }
}

extension DefinitionReader {
  mutating func complain(_ fault: @autoclosure () -> DefinitionFault, _ place: SourcePlace) {
    errors.add(fault(), at: place, in: file)
  }

  private mutating func expected(_ what: String, _ node: YamlNode) {
    if !node.isRefused { complain(.expected(what, found: node.found), node.place) }
  }

  /// What was probably meant; not sought once nobody would be told.
  func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    errors.isFull ? nil : Suggestion.nearest(to: name, among: candidates)
  }

  mutating func checkName(_ entry: YamlEntry) {
    if let fault = DefinitionName.fault(in: entry.key) {
      complain(.badName(entry.key, fault), entry.keyPlace)
    }
  }

  mutating func mapping(_ node: YamlNode, _ what: String) -> [YamlEntry]? {
    if case .mapping(let entries) = node.content { return entries }
    expected(what, node)
    return nil
  }

  mutating func sequence(_ node: YamlNode, _ what: String) -> [YamlNode]? {
    if case .sequence(let nodes) = node.content { return nodes }
    expected(what, node)
    return nil
  }

  /// The settings of a thing, by name. Unknown ones are complained about; a misspelt one then counts as what was meant, so
  /// that nobody is told that it is missing too.
  mutating func fields(_ node: YamlNode, of thing: String, _ known: [String]) -> [String: YamlNode]? {
    guard let entries = mapping(node, "the settings of \(thing) (a mapping)") else { return nil }
    var fields: [String: YamlNode] = [:]
    for entry in entries where known.contains(entry.key) { fields[entry.key] = entry.value }
    for entry in entries where !known.contains(entry.key) {
      let near = nearest(to: entry.key, among: known)
      complain(.unknownSetting(entry.key, of: thing, suggestion: near, known: known), entry.keyPlace)
      if let near, fields[near] == nil { fields[near] = entry.value }
    }
    return fields
  }

  mutating func string(_ node: YamlNode, _ what: String = "text") -> String? {
    switch node.content {
    case .scalar(.string(let text)): return text
    case .scalar(.null), .sequence, .mapping, .refused: expected(what, node)
    case .scalar(let scalar):
      complain(.expected(what, found: "\(scalar), which is text only in quotes"), node.place)
    }
    return nil
  }

  /// A setting that is text, empty when it is left out.
  mutating func text(_ node: YamlNode?) -> String {
    node.flatMap { string($0) } ?? ""
  }

  mutating func bool(_ node: YamlNode?, _ otherwise: Bool) -> Bool {
    guard let node else { return otherwise }
    if case .scalar(.bool(let value)) = node.content { return value }
    expected("true or false", node)
    return otherwise
  }

  mutating func integer(_ node: YamlNode?, in range: ClosedRange<Int64>) -> Int64? {
    guard let node else { return nil }
    guard case .scalar(.integer(let value)) = node.content else {
      expected("a whole number", node)
      return nil
    }
    if range.contains(value) { return value }
    complain(.outOfRange(value, range), node.place)
    return nil
  }

  /// The first of the nodes; the others cost a complaint and nothing more.
  mutating func limited(_ nodes: [YamlNode], _ what: String, to limit: Int) -> ArraySlice<YamlNode> {
    if nodes.count > limit { complain(.tooMany(what, limit: limit), nodes[limit].place) }
    return nodes.prefix(limit)
  }

  /// A list of different texts.
  mutating func tags(_ node: YamlNode?) -> [String] {
    guard let node, let nodes = sequence(node, "a list of texts") else { return [] }
    var tags: [String] = []
    for node in limited(nodes, "tags", to: Self.tagCountMax) {
      guard let tag = string(node) else { continue }
      if tags.contains(tag) {
        complain(.twice(Quoted(tag).description), node.place)
      } else {
        tags.append(tag)
      }
    }
    return tags
  }

  /// A length of time, or one of the words that may stand in its place.
  enum PeriodOrWord {
    case period(Period)
    case word(String)
  }

  mutating func period(_ node: YamlNode?, or words: [String]) -> PeriodOrWord? {
    guard let node else { return nil }
    let text: String
    switch node.content {
    case .scalar(.string(let found)): text = found
    case .scalar(.integer(let number)): text = "\(number)"
    default:
      expected((["a length of time as in 30d"] + words).joined(separator: " or "), node)
      return nil
    }
    if words.contains(text) { return .word(text) }
    do throws(Period.Fault) {
      return .period(try Period(spelling: text))
    } catch {
      complain(.badPeriod(text, error, or: words), node.place)
      return nil
    }
  }

  /// A length of time, `none`, or nothing, which is the same.
  mutating func periodOrNone(_ node: YamlNode?) -> Period? {
    if case .period(let period)? = period(node, or: ["none"]) { period } else { nil }
  }

  /// A value for one element of a type.
  mutating func value(_ node: YamlNode, ofElementOf type: FeatureType) -> Value? {
    if case .scalar(let scalar) = node.content, let literal = Literal(scalar),
      let value = Value(literal, as: .scalar(type.element))
    {
      return value
    }
    if !node.isRefused { complain(.badValue(node.found, expected: .scalar(type.element)), node.place) }
    return nil
  }

  /// A value of the whole type: a list for lists and vectors.
  mutating func value(_ node: YamlNode, of type: FeatureType) -> Value? {
    if type.shape == .scalar { return value(node, ofElementOf: type) }
    guard case .sequence(let nodes) = node.content else {
      if !node.isRefused { complain(.badValue(node.found, expected: type), node.place) }
      return nil
    }
    let values = nodes.compactMap { value($0, ofElementOf: type) }
    guard values.count == nodes.count else { return nil }
    if let value = Value(.many(values.map(\.literal)), as: type) { return value }
    complain(.badValue("a list of \(values.count)", expected: type), node.place)
    return nil
  }

  /// A value whose type only the registry knows.
  mutating func literal(_ node: YamlNode) -> Literal? {
    if case .sequence(let nodes) = node.content {
      let literals = nodes.compactMap { literal($0) }
      return literals.count == nodes.count ? .many(literals) : nil
    }
    if case .scalar(let scalar) = node.content, let literal = Literal(scalar) { return literal }
    expected("a value", node)
    return nil
  }
}
