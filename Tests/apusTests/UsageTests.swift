import Foundation
import Testing

@Suite("The command line")
struct UsageTests {
  @Test(
    "that makes no sense is refused in three lines, with what was probably meant",
    arguments: [
      ("", "no verb", "apus help"),
      ("chekc --data x", "not a verb", "did you mean `check`?"),
      ("frobnicate", "not a verb of this version", "there is `serve`, `plan`, `apply`, `promote`, `retire`,"),
      ("--data x check", "the verb comes first", "apus help"),
      ("check", "needs to know the store's folder", "apus check --data DIR"),
      ("check --data", "--data needs a value", "apus help check"),
      ("check --data --json", "--data needs a value", "apus help check"),
      ("check --data=", "--data needs a value", "apus help check"),
      ("check --data ''", "--data needs a value", "apus help check"),
      ("check --dta x", "no option --dta", "did you mean `--data`?"),
      ("check --data x --limit 3", "no option --limit", "there is --data, --deep, --scratch, --json"),
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
      ("plan --data x", "`plan` needs files of definitions", "say `apus plan PATH... --data DIR`"),
      (
        "plan defs --data x --server y", "--server is for a server, and --data for a folder",
        "say one of the two"
      ),
      ("describe --server", "--server needs a value", "apus help describe"),
      ("describe --server nowhere", "`nowhere` is no address of a server", "write HOST:PORT"),
      ("ping --server 127.0.0.1:0", "is no address of a server", "tcp://HOST:PORT"),
      ("ping --server unix:x", "is no address of a server", "unix:/PATH"),
      ("ping --data x", "`ping` has no option --data", "--server"),
      ("serve now", "`now` is one word too many", "apus help serve"),
      (
        "serve --max-conections 3", "`serve` has no option --max-conections",
        "did you mean `--max-connections`?"
      ),
      ("config shwo", "knows nothing of `shwo`", "did you mean `show`?"),
      ("config defaults --tls none", "--tls is for show", "apus config show"),
      (
        "token", "`token` needs to know what",
        "`apus token create` or `apus token list` or `apus token revoke`"
      ),
      ("token create --scope read --data x", "needs the name of a token", "say `apus token create NAME`"),
      ("token create a/b --scope read --data x", "`a/b` is no name of a token", "apus help token create"),
      ("token create a --data x", "`token create` needs --scope", "apus help token create"),
      ("token create a --scope write --data x", "--scope is read, ingest, admin", "apus help token create"),
      ("token list", "which store's tokens?", "say --data DIR, or set $APUS_DATA"),
      (
        "completions fish", "there are no completions for `fish`",
        "there is bash, zsh; see `apus help completions`"
      ),
      ("plna defs --data x", "not a verb", "did you mean `plan`?"),
      ("plan defs --data x --chekc", "no option --chekc", "did you mean `--check`?"),
      ("apply defs --data x --expect 12ab", "64 hexadecimal digits", "`apus plan` prints it"),
      ("apply defs --data x --accept reader", "knows nothing of `reader`", "did you mean `readers`?"),
      ("apply defs --data x --accept readers,", "knows nothing of ``", "there is producers, readers"),
      ("promote --data x", "needs a version of a view", "say `apus promote NAME@N --data DIR`"),
      ("promote card --data x", "`card` names no version", "apus help promote"),
      ("promote card@0 --data x", "`card@0` names no version", "apus help promote"),
      ("promote card@2 card@3 --data x", "one word too many", "apus help promote"),
      (
        "promote card@2 --project 9x --data x", "`9x` is none: a name begins with a letter",
        "apus help promote"
      ),
      ("retire --data x", "needs to know what", "`apus retire --service NAME@N`"),
      ("retire card@1 --service fraud@1 --data x", "one version is retired at a time", "leave out"),
      ("retire --service fraud --data x", "`fraud` names no version", "apus help retire"),
      ("describe card@two --data x", "`card@two` is no name", "apus help describe"),
      ("get card=1 --data x", "needs to know which features", "--service NAME, --view NAME"),
      ("get card --view v --data x", "`card` is no key", "apus help get"),
      ("get c=1 c=2 --view v --data x", "`c` is given twice", "apus help get"),
      ("get c=1 --view v --service s --data x", "are two things", "say one of"),
      ("get --view v --data x", "`get` needs keys", "say `apus get KEY=VALUE... --data DIR`"),
      ("scan v --limit 0 --data x", "--limit is at least 1", "apus help scan"),
      ("scan v --after xyz --data x", "--after needs hexadecimal digits", "apus help scan"),
      ("delete v --data x", "`delete` needs a view and the keys of an entity", "apus delete VIEW KEY=VALUE"),
      ("erase 42 --data x", "`42` is no key: write NAME=VALUE", "apus help erase"),
      ("dead-letters shwo --data x", "knows nothing of `shwo`", "did you mean `show`?"),
      ("dead-letters --lsn 3 --data x", "--lsn is for show", "apus dead-letters show"),
      ("dead-letters show --limit x --data x", "--limit needs a whole number", "apus help dead-letters"),
      ("dead-letters --all --data x", "--all is for replay and purge", "apus dead-letters replay"),
      ("dead-letters replay --data x", "needs to know which letters", "--all means every one"),
      ("dead-letters purge --limit 3 --data x", "needs to know which letters", "--all means every one"),
      ("dead-letters purge --all --rule key --data x", "--all means every letter", "leave one of them out"),
      (
        "dead-letters purge --older-than 7 --data x", "as in 7d or 12h, and not `7`", "apus help dead-letters"
      ),
      ("dead-letters replay --from 9 --to 3 --data x", "no LSN is from 9 to 3", "apus help dead-letters"),
      ("dead-letters replay --from 9 --lsn 3 --data x", "for several letters", "say one of the two"),
      ("pin list --data x", "would be the name of a pin", "`apus pin` alone lists all of them"),
      ("pin release --data x", "would be the name of a pin", "`apus pin NAME --release`"),
      ("pin --release --data x", "--release is for one pin", "say its name"),
      ("pin a --release --note x --data x", "--note is what is pinned", "leave out --release"),
      (
        "pin a --at-lsn 3 --at 2026-01-01T00:00:00Z --data x", "another moment than --at-lsn",
        "say one of them"
      ),
      ("pin a --expires 7 --data x", "as in 7d or 12h, and not `7`", "apus help pin"),
      ("get c=1 --view v --pin a --at-lsn 3 --data x", "another moment than --pin", "say one of them"),
      (
        "get c=1 --view v --pin a --min-lsn 3 --data x", "--min-lsn is about what is served now",
        "leave it out"
      ),
      ("backfill card@2 --data x", "`backfill` needs --from", "apus help backfill"),
      ("backfill card --from card@1 --data x", "`card` names no version", "apus help backfill"),
      ("backfill card@2 --from card@1 --map a --data x", "--map needs OLD=NEW", "apus help backfill"),
      (
        "backfill card@2 --from card@1 --batch 0 --data x", "--batch is 1 to 65536 rows", "apus help backfill"
      ),
      ("backfill card@2 --from card@1 --seconds 0 --data x", "--seconds is at least 1", "apus help backfill"),
      ("check --scratch y --data x", "only with --deep", "add --deep"),
      (
        "repair --rebuild-index --confirm-clock --data x", "one thing is mended at a time",
        "one after another"
      ),
      ("repair --accept-loss 7..3 --data x", "from the first to the last", "apus help repair"),
      ("repair --accept-loss 0..3 --data x", "from the first to the last", "apus help repair"),
      ("repair --accept-loss all --data x", "as in 1200..1207", "apus help repair"),
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
      ["help", "inspect", "manifest"], ["help", "plan"], ["help", "apply"], ["help", "promote"],
      ["help", "retire"], ["help", "push"], ["help", "describe"], ["help", "get"], ["help", "scan"],
      ["help", "delete"], ["help", "erase"], ["help", "dead-letters"], ["help", "pin"], ["help", "backfill"],
      ["help", "repair"], ["help", "diff"], ["help", "skew"],
      ["help", "serve"], ["help", "config"], ["help", "status"], ["help", "ping"], ["help", "token"],
      ["token", "--help"], ["help", "completions"],
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
    #expect(run.output.hasPrefix("apus ") && run.output.contains("log format 1"))
  }

  @Test("says in its help what the reference says, flag by flag and code by code")
  func reference() throws {
    let page = try Reference.page()
    let verbs = [
      "plan", "apply", "promote", "retire", "describe", "push", "get", "scan", "delete", "erase",
      "dead-letters", "check", "repair", "diff", "skew",
      "inspect log",
      "inspect manifest", "serve", "config", "status", "ping", "token create", "token list", "token revoke",
      "completions",
    ]
    for verb in verbs {
      let section = try #require(Reference.section("apus \(verb)", of: page))
      let help = try Program.shell("exec \"$APUS\" help \(verb)").output
      let flags = Set(
        help.split { !($0.isLetter || $0 == "-") }.map(String.init).filter { $0.hasPrefix("--") })
      #expect(flags.contains("--data") || ["ping", "completions"].contains(verb))
      for flag in flags { #expect(section.contains("`\(flag)"), "\(flag) of \(verb) is not on the page") }
      let codes = help.split(separator: "Exit codes:")[1].split(separator: "\n")
        .compactMap { $0.split(separator: " ").first }
      for code in codes { #expect(section.contains("| \(code) |"), "exit code \(code) of \(verb)") }
    }
  }
}
