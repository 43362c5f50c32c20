import ApusContracts
import ApusStore
import Foundation
import Testing

@Suite("apus plan, apply, promote and retire")
struct DefinitionsTests {
  private var examplePath: String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Config/examples/fraud").path(percentEncoded: false)
  }

  @Test("the example is planned against nothing, and makes no store before it is applied")
  func example() throws {
    let shop = try Shop()
    let path = examplePath
    let plan = try Program.run("plan", path, "--data", shop.data)
    #expect(plan.code == Code.done)
    #expect(plan.output.contains("+ fraud@1   4 features\n  producers: safe      readers: safe\n"))
    #expect(plan.output.contains("(there is no store yet: everything is new, and apply makes it)"))
    #expect(!FileManager.default.fileExists(atPath: shop.data))
    let dry = try Program.run("apply", path, "--dry-run", "--data", shop.data)
    #expect(dry.code == Code.done && dry.output.hasSuffix("dry run: nothing was done\n"))
    #expect(!FileManager.default.fileExists(atPath: shop.data))

    let applied = try Program.run("apply", path, "--data", shop.data)
    #expect(applied.code == Code.done && applied.errors == "")
    #expect(
      applied.output.contains("made store ") && applied.output.contains("applied to project fraud, LSN 1\n"))
    let again = try Program.run("apply", path, "--data", shop.data)
    #expect(again.output == "nothing to change: project fraud is as the files say\n")
    let check = try Program.run("plan", path, "--data", shop.data, "--check")
    #expect(check.code == Code.done)
  }

  @Test("a wider one_of names the service that reads it, and is applied only when its readers accept it")
  func newValue() throws {
    let shop = try Shop()
    try shop.apply()
    try shop.change("[buy, refund]", to: "[buy, refund, add_to_cart]")
    let plan = try Program.run("plan", shop.files, "--data", shop.data, "--check")
    #expect(plan.code == Code.checkFailed)
    #expect(
      plan.output.hasPrefix(
        "~ activity@1.action   one_of + add_to_cart\n  producers: safe      readers: NEW VALUE (read by score@1)\n"
      ))
    let command = try #require(plan.lines.first { $0.hasPrefix("next: ") })
    #expect(command.contains("--accept readers --expect "))

    let before = try shop.everything()
    let refused = try shop.apply()
    #expect(refused.code == Code.failed)
    #expect(
      refused.errorLines == [
        "apus: not applied: 1 change must be accepted for readers",
        "  at:   activity@1.action: one_of + add_to_cart",
        "  next: if it is meant, apply again with --accept readers",
      ])
    #expect(try shop.everything() == before)
    let json = try #require(try shop.apply("--json").json()["error"] as? [String: Any])
    #expect(json["code"] as? String == "not_accepted" && json["needs"] as? [String] == ["readers"])

    // What the plan proposes can be pasted.
    let pasted = try Program.shell(command.replacingOccurrences(of: "next: apus", with: "exec \"$APUS\""))
    #expect(pasted.code == Code.done && pasted.errors == "")
    #expect(try shop.apus("describe", "activity").output.contains("[\"buy\", \"refund\", \"add_to_cart\"]"))
  }

  @Test("a fingerprint that is not the project's any more is refused")
  func raced() throws {
    let shop = try Shop()
    try shop.apply()
    let old = try #require(try shop.apus("plan", shop.files, "--json").json()["fingerprint"] as? String)
    try shop.change("min: 0", to: "min: -5")
    try shop.apply("--accept", "readers")
    try shop.change("min: -5", to: "min: -9")
    let run = try shop.apply("--accept", "readers", "--expect", old)
    #expect(run.code == Code.failed)
    #expect(
      run.errorLines.first
        == "apus: the definitions are not those that were expected: their fingerprint is not \(old)")
    #expect(run.errorLines.last == "  next: plan again, and look whether it is still what you want")
  }

  @Test("every mistake is told with its file, line and column, and what was probably meant")
  func mistakes() throws {
    let shop = try Shop()
    try shop.write(
      "project: shop\nviews:\n  other:\n    entity: crad\n    ttl: 0\n    featurs: {}\n", to: "a.yaml")
    let run = try shop.apus("plan", shop.files)
    #expect(run.code == Code.failed && run.output == "")
    #expect(run.errorLines.first == "apus: there are 4 mistakes in the definitions")
    #expect(run.errors.contains("  at:   \(shop.files)/a.yaml:6:5: "))
    #expect(run.errors.contains("did you mean \"features\"?"))
    #expect(
      run.errors.contains("\(shop.files)/a.yaml:4:13: there is no entity \"crad\"; did you mean \"card\"?"))
    #expect(run.errorLines.last == "  next: mend them, then plan again")
    let error = try #require(try shop.apus("plan", shop.files, "--json").json()["error"] as? [String: Any])
    let mistakes = try #require(error["mistakes"] as? [[String: Any]])
    #expect(mistakes.count == 4 && Set(mistakes.map { $0["line"] as? Int }).isSuperset(of: [4, 5, 6]))

    try shop.write("project: shop\nviews: [\n", to: "a.yaml")
    let broken = try shop.apus("apply", shop.files)
    #expect(broken.code == Code.failed && broken.errorLines.count == 3)
    #expect(broken.errors.contains("a.yaml:3:1: this is not YAML"))
    #expect(!FileManager.default.fileExists(atPath: shop.data))

    try shop.write("project: shop\nservices: {s: {features: [{view: activity@7}]}}\n", to: "a.yaml")
    let unfit = try shop.apus("plan", shop.files)
    #expect(unfit.errorLines.count == 3 && unfit.errors.contains("at:   s: there is no activity@7"))
  }

  @Test("paths that hold no definitions, and folders that hold no store, are refused in three lines")
  func wrongPaths() throws {
    let shop = try Shop()
    let missing = shop.path("nowhere")
    expectTrouble(
      try shop.apus("plan", missing), code: Code.failed, what: "there is no such file or folder", at: missing)
    try FileManager.default.createDirectory(atPath: missing, withIntermediateDirectories: false)
    expectTrouble(
      try shop.apus("plan", missing), code: Code.failed, what: "this folder holds no definitions", at: missing
    )
    let big = "\(shop.files)/big.json"
    try Data(count: 1_048_577).write(to: URL(filePath: big))
    expectTrouble(
      try shop.apus("plan", big), code: Code.failed, what: "1,048,577 bytes, more than the 1,048,576", at: big
    )

    let file = "\(shop.files)/shop.yaml"
    expectTrouble(
      try Program.run("apply", file, "--data", file), code: Code.failed, what: "a file of that name", at: file
    )
    expectTrouble(
      try Program.run("apply", file, "--data", shop.files), code: Code.failed,
      what: "this is no store's folder: there is ", at: shop.files)
    for verb in [
      ["promote", "activity@1"], ["retire", "activity@1"], ["describe"], ["dead-letters"], ["repair"],
    ] {
      let run = try Program.run(verb + ["--data", missing])
      expectTrouble(run, code: Code.failed, what: "there is no store", at: missing)
      #expect(run.errorLines.last == "  next: check the path; `apus apply` makes a store")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: missing).isEmpty)
  }

  @Test("a retyped feature makes a version, which promote makes current, and the old one is retired last")
  func versions() throws {
    let shop = try Shop(Shop.text.replacingOccurrences(of: "    defaults: {count: 0}\n", with: ""))
    try shop.apply()
    try shop.change("{type: int64, min: 0}", to: "{type: float64, min: 0}")
    #expect(try shop.apply().output.contains("activity@2"))
    let before = try shop.everything()
    expectTrouble(
      try shop.apus("retire", "activity@1"), code: Code.failed, what: "activity@1 is read by score@1",
      at: shop.data)
    expectTrouble(
      try shop.apus("promote", "activty@2"), code: Code.failed, what: "there is no view `activty`",
      at: "project shop")
    #expect(try shop.apus("promote", "activty@2").errors.contains("did you mean `activity`?"))
    let unknown = try shop.apus("promote", "activity@3")
    expectTrouble(unknown, code: Code.failed, what: "there is no activity@3", at: "project shop")
    #expect(unknown.errorLines.last == "  next: there is activity@1 (current), activity@2")
    #expect(try shop.everything() == before)

    let promoted = try shop.apus("promote", "activity@2")
    #expect(promoted.code == Code.done)
    #expect(promoted.output.hasPrefix("`activity` means activity@2 now, and was activity@1 before (LSN "))
    #expect(try shop.apus("promote", "activity@2").output == "activity@2 is the current version already\n")
    #expect(try shop.apply().output.contains("~ score@2"))
    #expect(try shop.apus("retire", "--service", "score@1").output.hasPrefix("service score@1 is retired"))
    #expect(try shop.apus("retire", "--service", "score@1").output == "service score@1 is retired already\n")
    let json = try shop.apus("retire", "activity@1", "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus retire --json")))
    #expect(json["changed"] as? Bool == true)
    let late = try shop.apus("promote", "activity@1")
    expectTrouble(
      late, code: Code.failed, what: "activity@1 is retired, and no version comes back", at: shop.data)
  }

  @Test("the current version does not retire before the others")
  func currentLast() throws {
    let shop = try Shop(Shop.text.components(separatedBy: "services:")[0])
    try shop.apply()
    try shop.change("{type: int64, min: 0}", to: "{type: float64, min: 0}")
    try shop.apply()
    let run = try shop.apus("retire", "activity@1")
    expectTrouble(run, code: Code.failed, what: "activity@1 is what `activity` means", at: shop.data)
    #expect(try shop.apus("retire", "activity@2").code == Code.done)
    #expect(try shop.apus("retire", "activity@1").code == Code.done)
  }

  @Test("with several projects the one that is meant must be named")
  func projects() throws {
    let shop = try Shop()
    try shop.apply()
    try shop.change("project: shop", to: "project: bank")
    try shop.apply()
    let run = try shop.apus("promote", "activity@1")
    expectTrouble(run, code: Code.failed, what: "the store has several projects: shop, bank", at: shop.data)
    #expect(run.errorLines.last == "  next: say which one: --project NAME")
    #expect(try shop.apus("promote", "activity@1", "--project", "bank").code == Code.done)
    expectTrouble(
      try shop.apus("describe", "--project", "bnak"), code: Code.failed, what: "there is no project `bnak`",
      at: shop.data)
    let described = try shop.apus("describe", "--project", "bank").output
    #expect(described.contains("project bank") && !described.contains("project shop"))
  }

  @Test("a store that another process uses is left alone, and the process is named")
  func inUse() throws {
    let shop = try Shop()
    try shop.prepare()
    let own = ProcessInfo.processInfo.processIdentifier
    try shop.open { _ in
      for words in [
        ["plan", shop.files], ["apply", shop.files], ["promote", "activity@1"], ["describe"],
        ["dead-letters"],
        ["repair"], ["repair", "--rebuild-index"], ["check"],
      ] {
        let run = try Program.run(words + ["--data", shop.data])
        expectTrouble(run, code: Code.failed, what: "the store is in use by process \(own)", at: shop.data)
      }
    }
  }

  @Test("a plan and what was applied have the promised keys")
  func json() throws {
    let shop = try Shop()
    let plan = try shop.apus("plan", shop.files, "--json").json()
    #expect(Set(plan.keys) == (try Reference.keys(under: "apus plan --json")))
    let done = try shop.apply("--json").json()
    #expect(Set(done.keys) == (try Reference.keys(under: "apus apply --json")).union(plan.keys))
    #expect(done["applied"] as? Bool == true && done["lsn"] as? Int == 1)
    let again = try shop.apply("--json").json()
    #expect(again["applied"] as? Bool == false && again["empty"] as? Bool == true)
    #expect(again["new_fingerprint"] as? String == done["new_fingerprint"] as? String)
  }
}
