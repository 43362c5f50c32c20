import Foundation
import Testing

@Suite("The command line")
struct UsageTests {
  @Test(
    "that makes no sense is refused in three lines, with what was probably meant",
    arguments: [
      ("", "no verb", "apus help"),
      ("chekc --data x", "not a verb", "did you mean `check`?"),
      ("serve", "not a verb of this version", "there is `check`, `inspect log`, `inspect manifest`"),
      ("--data x check", "the verb comes first", "apus help"),
      ("check", "needs to know the store's folder", "apus check --data DIR"),
      ("check --data", "--data needs a value", "apus help check"),
      ("check --data --json", "--data needs a value", "apus help check"),
      ("check --data=", "--data needs a value", "apus help check"),
      ("check --data ''", "--data needs a value", "apus help check"),
      ("check --dta x", "no option --dta", "did you mean `--data`?"),
      ("check --data x --limit 3", "no option --limit", "there is --data, --json"),
      ("check --data x --data y", "given twice", "apus help check"),
      ("check --data x y", "one word too many", "apus help check"),
      ("check --data x --json=1", "--json takes no value", "apus help check"),
      ("inspect", "needs to know what", "`apus inspect log` or `apus inspect manifest`"),
      ("inspect lgo --data x", "knows nothing of `lgo`", "did you mean `log`?"),
      ("inspect log dmup --data x", "knows nothing of `dmup`", "did you mean `dump`?"),
      ("inspect log --data x --from 3", "--from is for dump", "apus inspect log dump"),
      ("inspect log dump --data x --from three", "--from needs a whole number", "apus help inspect log"),
      ("inspect log dump --data x --limit -1", "--limit needs a whole number", "apus help inspect log"),
      ("inspect log dump --data x --from 99999999999999999999", "whole number", "apus help inspect log"),
      ("help frobnicate", "not a verb", "apus help"),
    ])
  func refused(_ words: String, _ what: String, _ next: String) throws {
    let run = try Program.shell("exec \"$APUS\" \(words)")
    #expect(run.code == Code.usage)
    if words.contains("--json") && !words.contains("--json=") {
      #expect(run.errors == "")
      #expect((try run.json()["error"] as? [String: String])?["code"] == "usage")
    } else {
      #expect(run.output == "")
      #expect(run.errorLines.count == 3)
      #expect(run.errorLines.first?.contains(what) == true, "\(run.errors)")
      #expect(run.errorLines.last?.contains(next) == true, "\(run.errors)")
    }
  }

  @Test(
    "asks for help in any way",
    arguments: [
      ["help"], ["--help"], ["-h"], ["help", "check"], ["check", "--help"], ["check", "--data", "x", "-h"],
      ["help", "inspect"], ["inspect", "--help"], ["help", "inspect", "log"],
      ["inspect", "log", "dump", "--help"],
      ["help", "inspect", "manifest"],
    ])
  func help(_ words: [String]) throws {
    let run = try Program.shell("exec \"$APUS\" \(words.joined(separator: " "))")
    #expect(run.code == Code.done)
    #expect(run.errors == "")
    #expect(run.output.contains("Usage: apus "))
    #expect(run.lines.allSatisfy { $0.count <= 100 })
    for word in words where word.first?.isLetter == true && !["help", "x", "dump"].contains(word) {
      #expect(run.output.contains(word))
    }
  }

  @Test("tells the version of the program and of the format")
  func version() throws {
    let run = try Program.run("--version")
    #expect(run.code == Code.done)
    #expect(run.output.hasPrefix("apus ") && run.output.contains("log format 0"))
  }

  @Test("says in its help what the reference says, flag by flag and code by code")
  func reference() throws {
    let page = try Reference.page()
    for verb in ["check", "inspect log", "inspect manifest"] {
      let section = try #require(Reference.section("apus \(verb)", of: page))
      let help = try Program.shell("exec \"$APUS\" help \(verb)").output
      let flags = Set(
        help.split { !($0.isLetter || $0 == "-") }.map(String.init).filter { $0.hasPrefix("--") })
      #expect(flags.contains("--data"))
      for flag in flags { #expect(section.contains("`\(flag)"), "\(flag) of \(verb) is not on the page") }
      let codes = help.split(separator: "Exit codes:")[1].split(separator: "\n")
        .compactMap { $0.split(separator: " ").first }
      for code in codes { #expect(section.contains("| \(code) |"), "exit code \(code) of \(verb)") }
    }
  }
}
