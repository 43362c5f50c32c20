// What a load needs to know of a view, as a server describes it in JSON: its version, its keys, its features, and whether it
// ever held an event. A description that lacks any of it is none, so that no row is typed by a guess.

import ApusContracts

package struct DescribedView: Equatable, Sendable {
  package let target: LoadTarget
  package let isRetired: Bool
  package let hasEvents: Bool

  /// `json` is what `apus describe VIEW --json` prints.
  package init?(json: String) {
    guard let view = JSONTree(json)?["view"], let spelling = view["name"]?.text,
      case .bool(let isRetired)? = view["retired"], case .number(let events)? = view["events"],
      let keys = view["entity"]?["keys"]?.list, let features = view["feature_list"]?.list
    else { return nil }
    var target = LoadTarget(spelling: spelling, keys: [], features: [])
    for key in keys {
      guard let name = key["name"]?.text, let type = key["type"]?.text.flatMap({ KeyType(spelling: $0) })
      else { return nil }
      target.keys.append(KeyDefinition(name: name, type: type))
    }
    for feature in features {
      guard let name = feature["name"]?.text,
        let type = feature["type"]?.text.flatMap({ try? FeatureType(spelling: $0) })
      else { return nil }
      target.features.append(LoadTarget.Feature(name, type))
    }
    guard !target.keys.isEmpty else { return nil }
    self.target = target
    self.isRetired = isRetired
    hasEvents = events != "0"
  }
}

/// A whole JSON value; numbers as they are spelled.
private enum JSONTree {
  case null
  case bool(Bool)
  case number(String)
  case text(String)
  case list([JSONTree])
  case object([String: JSONTree])

  /// Nil when it is not JSON.
  init?(_ json: String) {
    let bytes = Array(json.utf8)
    do throws(JSONFault) {
      var parser = JSONParser(bytes.span)
      let value = try parser.value()
      try parser.finish()
      self = try JSONTree(value, in: bytes.span)
    } catch {
      return nil
    }
  }

  private init(_ value: JSONValue, in bytes: Span<UInt8>) throws(JSONFault) {
    switch value {
    case .null: self = .null
    case .bool(let bit): self = .bool(bit)
    case .number(let range): self = .number(Texts.string(bytes.extracting(range)) ?? "")
    case .string(let text): self = .text(JSONParser(bytes).string(text))
    case .array(let range):
      let inner = bytes.extracting(range)
      var parser = JSONParser(inner)
      var list: [JSONTree] = []
      try parser.beginArray()
      while try parser.hasElement(isFirst: list.isEmpty) {
        list.append(try JSONTree(try parser.value(), in: inner))
      }
      self = .list(list)
    case .object(let range):
      let inner = bytes.extracting(range)
      var parser = JSONParser(inner)
      var members: [String: JSONTree] = [:]
      try parser.beginObject()
      while let key = try parser.nextKey(isFirst: members.isEmpty) {
        members[parser.string(key)] = try JSONTree(try parser.value(), in: inner)
      }
      self = .object(members)
    }
  }

  subscript(_ key: String) -> JSONTree? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var list: [JSONTree]? { if case .list(let list) = self { list } else { nil } }
}
