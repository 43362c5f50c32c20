import Foundation
import Testing

@Suite("apus config and completions")
struct ConfigCommandTests {
  private func write(_ text: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString).yaml")
    try Data(text.utf8).write(to: path)
    return path.path(percentEncoded: false)
  }

  @Test("shows every effective value and who said it: default, file, environment, flag")
  func show() throws {
    let file = try write("max_rows: 7\nmax_in_flight: 9\ndata: /srv/a b\n")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let run = try Program.shell(
      "APUS_MAX_IN_FLIGHT=8 APUS_MAX_ROWZ=1 exec \"$APUS\" config show --config \"$1\" --log-level warn", file
    )
    #expect(run.code == Code.done)
    func line(_ name: String) -> String? { run.lines.first { $0.hasPrefix(name + " ") } }
    #expect(
      line("max_rows")?.hasSuffix("7                \(file):1:11") == true
        || line("max_rows")?.contains("\(file):1:11") == true)
    #expect(
      line("max_in_flight")?.contains(" 8 ") == true
        && line("max_in_flight")?.hasSuffix("$APUS_MAX_IN_FLIGHT") == true)
    #expect(line("log_level")?.hasSuffix("--log-level") == true && line("data")?.contains("/srv/a b") == true)
    #expect(line("max_frame")?.hasSuffix("default") == true)
    #expect(run.output.contains("did you mean $APUS_MAX_ROWS?"))
  }

  @Test("answers programs with one object, and with why a server would not start")
  func json() throws {
    let run = try Program.run("config", "show", "--listen", "0.0.0.0:7399", "--json")
    #expect(run.code == Code.failed && run.errors == "")
    let json = try run.json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus config show --json")))
    #expect((json["refused"] as? [String: String])?["setting"] == "listen")
    let settings = try #require(json["settings"] as? [[String: String]])
    #expect(settings.first { $0["name"] == "listen" }?["from"] == "--listen")
    let text = try Program.run("config", "show", "--listen", "0.0.0.0:7399")
    #expect(
      text.output.contains(
        "REFUSED at `listen`: 0.0.0.0:7399 can be reached from other machines, and tokens are off"))
  }

  @Test("tells every mistake of a file with its place, and a file that is not there")
  func mistakes() throws {
    let file = try write("max_rows: x\nloop: 3\n")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let run = try Program.run("config", "show", "--config", file)
    #expect(run.code == Code.failed)
    #expect(
      run.errorLines == [
        "apus: there are 2 mistakes in the settings",
        "  at:   \(file):1:11: `max_rows` is a whole number from 1 to 65535, and not `x`",
        "  at:   \(file):2:1: there is no setting `loop`; did you mean `loops`?",
        "  next: mend them; `apus config defaults` explains every setting",
      ])
    expectTrouble(
      try Program.run("config", "--config", "/nowhere/x.yaml"), code: Code.failed,
      what: "a file of settings cannot be read",
      at: "/nowhere/x.yaml")
  }

  @Test("prints the file of defaults as the repository has it")
  func defaults() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "Config/apus.yaml"), encoding: .utf8)
    #expect(try Program.run("config", "defaults").output == page)
  }

  @Test(
    "completions are good shell, and offer every verb, its options and its values",
    arguments: ["bash", "zsh"])
  func completions(_ shell: String) throws {
    let run = try Program.run("completions", shell)
    #expect(run.code == Code.done)
    let help = try Program.run("help").lines.filter { $0.hasPrefix("  ") }
    let verbs = help.compactMap { $0.split(separator: "   ").first.map { $0.drop { $0 == " " } } }
      .filter { $0.first?.isLetter == true && !$0.hasPrefix("help") }
    #expect(verbs.count >= 18)
    for verb in verbs {
      let row = try #require(run.lines.first { $0.contains("'\(verb)')") }, "\(verb)")
      let usage = try Program.shell("exec \"$APUS\" help \(verb)").lines
      let options = usage.drop { $0 != "Options:" }.prefix { $0 != "Examples:" }.compactMap { line in
        line.split(separator: " ").first { $0.hasPrefix("--") }
      }
      for option in options {
        #expect(row.contains(" \(option)") || row.contains("'\(option)"), "\(option) of \(verb)")
      }
    }
    #expect(run.output.contains("--durability) ") && run.output.contains("durable buffered"))
    let check = try Program.shell(
      "command -v \(shell) > /dev/null || exit 77; \"$APUS\" completions \(shell) | \(shell) -n")
    #expect(check.code == 0 || check.code == 77, "\(check.errors)")
  }

  @Test("bash offers what fits the words that were typed")
  func bash() throws {
    func offered(_ words: String) throws -> Set<String> {
      let count = words.split(separator: " ", omittingEmptySubsequences: false).count
      let run = try Program.shell(
        "source <(\"$APUS\" completions bash); COMP_WORDS=(\(words.hasSuffix(" ") ? words + "''" : words)); COMP_CWORD=\(count - 1); _apus; printf '%s\\n' \"${COMPREPLY[@]}\""
      )
      return Set(run.output.split(separator: "\n").map(String.init))
    }
    #expect(try offered("apus pl") == ["plan"])
    #expect(try offered("apus inspect ") == ["log", "manifest", "--help"])
    #expect(try offered("apus inspect log --fr") == ["--from"])
    #expect(try offered("apus token create --sc") == ["--scope"])
    #expect(try offered("apus serve --durability ") == ["durable", "buffered"])
    #expect(try offered("apus completions ") == ["bash", "zsh", "--help"])
  }
}
