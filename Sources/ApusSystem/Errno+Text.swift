// An errno reads as its manual page and its meaning: "ENOSPC (no space left on device)".
// The C library knows both; its table is constant and untranslated, so a log line is the same anywhere.

import CLinux

extension Errno: CustomStringConvertible {
  package var description: String {
    guard let name = unsafe linux_errno_name(rawValue), let text = unsafe linux_errno_text(rawValue) else {
      return "errno \(rawValue) (unknown)"
    }
    return "\(unsafe String(cString: name)) (\(Self.asClause(unsafe String(cString: text))))"
  }

  /// Starts in lower case, unless the first word is an acronym.
  private static func asClause(_ sentence: String) -> String {
    let start = sentence.prefix(2)
    guard let first = start.first, let second = start.last, !second.isUppercase else { return sentence }
    return first.lowercased() + sentence.dropFirst()
  }
}
