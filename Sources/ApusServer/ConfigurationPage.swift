// The file that documents every setting: made from the table, so that neither can say what the other does not.

package enum ConfigurationPage {
  private static let width = 100

  /// As `Config/apus.yaml` and `apus config defaults` have it, to the byte.
  package static var text: String {
    var lines = comment(
      "The configuration of `apus serve`, with every setting at its default: what is as you want it may be left out. "
        + "A setting is also read from the environment (APUS_ and its name, as in APUS_MAX_FRAME) and from a flag "
        + "(as in --max-frame); a flag wins over the environment, and the environment over this file. "
        + "`apus config show` prints what is in force, and who said it.")
    lines.append("#")
    lines += comment("Sizes are whole numbers with B, KiB, MiB, GiB or TiB; times with ms, s, m, h or d.")
    for group in Setting.Group.allCases {
      lines += ["", "# \(group.rawValue)"]
      for setting in Settings.all where setting.group == group {
        lines.append("")
        lines += comment(setting.effect)
        lines += comment("Takes \(setting.expected).")
        lines.append("\(setting.name): \(setting.usual)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Wrapped at blanks.
  private static func comment(_ words: String) -> [String] {
    var lines: [String] = []
    var line = "#"
    for word in words.split(separator: " ") {
      if line.count + 1 + word.count > width, line != "#" {
        lines.append(line)
        line = "#"
      }
      line += " " + word
    }
    return lines + [line]
  }
}
