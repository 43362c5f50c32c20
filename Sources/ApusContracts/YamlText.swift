// The other way: text as YAML that any reader, of 1.1, 1.2 or JSON, takes for the same text.

package enum YamlText {
  /// In double quotes, as JSON would.
  package static func quoted(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: shown += "\\\""
      case 0x5C: shown += "\\\\"
      case 0x0A: shown += "\\n"
      case 0x09: shown += "\\t"
      case ..<0x20, 0x7F...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE...0xFFFF, 0xE000...0xF8FF:
        let digits = String(scalar.value, radix: 16)
        shown += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown + "\""
  }
}
