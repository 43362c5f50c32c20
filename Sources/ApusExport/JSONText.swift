// JSON as text, written member by member. The text is also YAML 1.2, since what the checks say is read by the parser of definitions.

package struct JSONText: Sendable {
  package private(set) var text = ""
  private var isFirst = true

  package init() {}

  private mutating func begin() {
    if !isFirst { text += "," }
    isFirst = false
  }

  private mutating func begin(_ key: String) {
    begin()
    append(quoted: key)
    text += ":"
  }

  // MARK: Members of an object

  package mutating func add(_ key: String, _ value: String?) {
    begin(key)
    if let value { append(quoted: value) } else { text += "null" }
  }

  package mutating func add(_ key: String, _ value: Int) { add(key, raw: "\(value)") }
  package mutating func add(_ key: String, _ value: Bool) { add(key, raw: "\(value)") }
  package mutating func add(_ key: String, _ value: Double?) {
    add(key, raw: value.map { $0.isFinite ? "\($0)" : "null" } ?? "null")
  }

  /// What is JSON already.
  package mutating func add(_ key: String, raw json: String) {
    begin(key)
    text += json
  }

  package static func object(_ body: (inout JSONText) -> Void) -> String {
    var json = JSONText()
    body(&json)
    return "{\(json.text)}"
  }

  package static func list(_ elements: some Sequence<String>) -> String {
    "[\(elements.joined(separator: ","))]"
  }

  package static func quoted(_ text: String) -> String {
    var json = JSONText()
    json.append(quoted: text)
    return json.text
  }

  private mutating func append(quoted value: String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case _ where Self.isPlain(scalar): text.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      }
    }
    text += "\""
  }

  /// What stands in JSON, in YAML and on a terminal as it is. All that does not has four digits at most.
  static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: false
    default: true
    }
  }
}
