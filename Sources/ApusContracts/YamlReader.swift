// One YAML document becomes one tree of nodes, or a problem with its place; whatever the bytes, nothing else happens.
//
// Refused, because a file must mean what it shows: anchors and aliases (and with them every bomb made of them), tags,
// merge keys, directives other than `%YAML 1.2`, a second document, keys that are not strings or come twice. JSON is a
// subset. The depth is checked before descending, so recursion is bounded; the size before anything else.

internal import ApusBytes
internal import CYAML

package enum YamlReader {
  package static let byteCountMax = 1 << 20
  package static let depthMax = 24

  package static func read(
    _ bytes: [UInt8], byteCountMax: Int = byteCountMax
  ) throws(YamlProblem) -> YamlDocument {
    guard bytes.count <= byteCountMax else {
      throw YamlProblem(place: .start, fault: .tooLarge(byteCount: bytes.count, limit: byteCountMax))
    }
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw YamlProblem(place: place(ofByte: error.byteOffsets.lowerBound, in: bytes), fault: .invalidUTF8)
    }
    // Some editors begin a file with a byte order mark. libyaml, told that it reads UTF-8, would count it as a column.
    var tree = YamlTree(bytes: bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(3)) : bytes)
    let root = try tree.document()
    return YamlDocument(root: root, problems: tree.problems)
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Where a byte stands. Bytes before it are UTF-8, of which only first bytes of characters count.
  fileprivate static func place(ofByte offset: Int, in bytes: [UInt8]) -> SourcePlace {
    var place = SourcePlace.start
    for byte in bytes.prefix(offset) {
      if byte == UInt8(ascii: "\n") {
        place = SourcePlace(line: place.line + 1, column: 1)
      } else if byte & 0xC0 != 0x80 {
        place.column += 1
      }
    }
    return place
  }
}

/// Builds nodes from events, one at a time.
private struct YamlTree: ~Copyable {
  private var events: YamlEvents
  fileprivate private(set) var problems: [YamlProblem] = []

  init(bytes: [UInt8]) { events = YamlEvents(bytes: bytes) }

  mutating func document() throws(YamlProblem) -> YamlNode {
    _ = try events.next()  // the stream's start
    let start = try events.next()
    guard case .documentStart = start.kind else { throw YamlProblem(place: .start, fault: .empty) }
    note(start.problems)
    let first = try events.next()
    note(first.problems)
    let root = try node(first, depth: 0)
    _ = try events.next()  // the document's end
    let after = try events.next()
    if case .documentStart = after.kind {
      problems.append(YamlProblem(place: after.place, fault: .secondDocument))
    }
    return root
  }

  private mutating func node(_ event: YamlEvent, depth: Int) throws(YamlProblem) -> YamlNode {
    guard depth < YamlReader.depthMax else {
      throw YamlProblem(place: event.place, fault: .tooDeep(limit: YamlReader.depthMax))
    }
    switch event.kind {
    case .scalar(let scalar): return YamlNode(place: event.place, content: .scalar(scalar))
    case .sequenceStart: return YamlNode(place: event.place, content: .sequence(try sequence(depth: depth)))
    case .mappingStart: return YamlNode(place: event.place, content: .mapping(try mapping(depth: depth)))
    case .alias, .documentStart, .streamStart, .end: return YamlNode(place: event.place, content: .refused)
    }
  }

  private mutating func sequence(depth: Int) throws(YamlProblem) -> [YamlNode] {
    var nodes: [YamlNode] = []
    while true {
      let event = try events.next()
      note(event.problems)
      if case .end = event.kind { return nodes }
      nodes.append(try node(event, depth: depth + 1))
    }
  }

  private mutating func mapping(depth: Int) throws(YamlProblem) -> [YamlEntry] {
    var entries: [YamlEntry] = []
    var seen: [String: SourcePlace] = [:]
    while true {
      let event = try events.next()
      note(event.problems)
      if case .end = event.kind { return entries }
      let keyNode = try node(event, depth: depth + 1)
      let valueEvent = try events.next()
      note(valueEvent.problems)
      let value = try node(valueEvent, depth: depth + 1)
      guard let key = key(of: keyNode) else { continue }
      if event.isPlain, key == "<<" {
        problems.append(YamlProblem(place: event.place, fault: .mergeKey))
      } else if let first = seen[key] {
        problems.append(YamlProblem(place: event.place, fault: .duplicateKey(key, first: first)))
      } else {
        seen[key] = event.place
        entries.append(YamlEntry(key: key, keyPlace: event.place, value: value))
      }
    }
  }

  private mutating func key(of node: YamlNode) -> String? {
    switch node.content {
    case .scalar(.string(let key)): return key
    case .scalar(let other):
      problems.append(YamlProblem(place: node.place, fault: .keyNotAString("\(other)")))
    case .sequence: problems.append(YamlProblem(place: node.place, fault: .keyNotAString("a list")))
    case .mapping: problems.append(YamlProblem(place: node.place, fault: .keyNotAString("a mapping")))
    case .refused: break
    }
    return nil
  }

  private mutating func note(_ found: [YamlProblem]) { problems += found }
}

private struct YamlEvent {
  enum Kind {
    case streamStart, documentStart, sequenceStart, mappingStart, alias
    /// Of a sequence, a mapping, the document or the stream.
    case end
    case scalar(YamlScalar)
  }
  var kind: Kind
  var place: SourcePlace
  var isPlain = false
  var problems: [YamlProblem] = []
}

/// libyaml's parser over bytes that live as long as it does.
@safe private struct YamlEvents: ~Copyable {
  /// Owned by this value alone, from `init` to `deinit`; `input` outlives the parser that reads it.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>
  private let bytes: [UInt8]
  private let isReady: Bool

  init(bytes: [UInt8]) {
    self.bytes = bytes
    unsafe input = .allocate(capacity: max(1, bytes.count))
    _ = unsafe input.initialize(from: bytes)
    unsafe parser = .allocate(capacity: 1)
    isReady = unsafe yaml_parser_initialize(parser) == 1
    if isReady {
      unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
      unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }
  }

  deinit {
    if isReady { unsafe yaml_parser_delete(parser) }
    unsafe parser.deallocate()
    unsafe input.deallocate()
  }

  mutating func next() throws(YamlProblem) -> YamlEvent {
    guard isReady else { throw YamlProblem(place: .start, fault: .outOfMemory) }
    var raw = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw problem }
    defer { unsafe yaml_event_delete(&raw) }
    return unsafe event(raw)
  }

  /// The event in our words. Pointers in it are libyaml's, valid until it is deleted, and are only read here.
  private func event(_ raw: yaml_event_t) -> YamlEvent {
    let place = unsafe place(raw.start_mark)
    var event = YamlEvent(kind: .end, place: place)
    switch unsafe raw.type {
    case YAML_STREAM_START_EVENT: event.kind = .streamStart
    case YAML_DOCUMENT_START_EVENT:
      event.kind = .documentStart
      let start = unsafe raw.data.document_start
      if let version = unsafe start.version_directive?.pointee, (version.major, version.minor) != (1, 2) {
        let spelling = "%YAML \(version.major).\(version.minor)"
        event.problems.append(YamlProblem(place: place, fault: .directive(spelling)))
      }
      if unsafe start.tag_directives.start != start.tag_directives.end {
        event.problems.append(YamlProblem(place: place, fault: .directive("%TAG")))
      }
    case YAML_ALIAS_EVENT:
      event.kind = .alias
      event.problems.append(YamlProblem(place: place, fault: .alias(unsafe text(raw.data.alias.anchor))))
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      // libyaml gives `length` bytes of the UTF-8 it checked.
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let text = unsafe String(decoding: bytes, as: UTF8.self)
      event.isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      event.kind = .scalar(event.isPlain ? YamlScalar(plain: text) : .string(text))
      event.problems += unsafe properties(anchor: scalar.anchor, tag: scalar.tag, at: place)
    case YAML_SEQUENCE_START_EVENT:
      event.kind = .sequenceStart
      let start = unsafe raw.data.sequence_start
      event.problems += unsafe properties(anchor: start.anchor, tag: start.tag, at: place)
    case YAML_MAPPING_START_EVENT:
      event.kind = .mappingStart
      let start = unsafe raw.data.mapping_start
      event.problems += unsafe properties(anchor: start.anchor, tag: start.tag, at: place)
    default: event.kind = .end
    }
    return event
  }

  private func properties(
    anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, at place: SourcePlace
  ) -> [YamlProblem] {
    var problems: [YamlProblem] = []
    if unsafe anchor != nil {
      problems.append(YamlProblem(place: place, fault: .anchor(unsafe text(anchor))))
    }
    if unsafe tag != nil { problems.append(YamlProblem(place: place, fault: .tag(unsafe text(tag)))) }
    return problems
  }

  private var problem: YamlProblem {
    let failed = unsafe parser.pointee
    let words = unsafe failed.problem.map { unsafe String(cString: $0) } ?? "unknown"
    switch unsafe failed.error {
    case YAML_MEMORY_ERROR: return YamlProblem(place: .start, fault: .outOfMemory)
    case YAML_READER_ERROR:
      let place = YamlReader.place(ofByte: Int(clamping: unsafe failed.problem_offset), in: bytes)
      let value = UInt32(truncatingIfNeeded: unsafe failed.problem_value)
      return YamlProblem(place: place, fault: .controlCharacter(value))
    default:
      var context: String?
      if let began = unsafe failed.context {
        context = unsafe "\(String(cString: began)) at \(place(failed.context_mark))"
      }
      let place = unsafe place(failed.problem_mark)
      let fault = YamlFault.syntax(words, context: context, isBracket: scalar(at: place) == "[")
      return YamlProblem(place: place, fault: fault)
    }
  }

  private func scalar(at place: SourcePlace) -> Unicode.Scalar? {
    let lines = bytes.split(
      separator: UInt8(ascii: "\n"), maxSplits: place.line, omittingEmptySubsequences: false)
    guard place.line <= lines.count else { return nil }
    return String(decoding: lines[place.line - 1], as: UTF8.self).unicodeScalars.dropFirst(place.column - 1)
      .first
  }

  private func place(_ mark: yaml_mark_t) -> SourcePlace {
    SourcePlace(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
  }

  private func text(_ cString: UnsafeMutablePointer<yaml_char_t>?) -> String {
    guard let start = unsafe cString else { return "" }
    return unsafe String(cString: start)
  }
}
