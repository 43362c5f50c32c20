// Stores of every version of the format that was ever released, kept for good: each opens, and answers as it did when it was
// made. Which kinds of files and records they hold, `Tests/Vectors/store-1/make.sh` says.

import ApusTestSupport
import Foundation
import Testing

@Suite("Stores of released formats")
struct FrozenStoreTests {
  private static let vectors =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors"

  /// A copy of the store of a version, as the process left it that was killed there.
  private func unpacked(_ version: String) throws -> (TemporaryFolder, String) {
    let folder = try TemporaryFolder("apus-frozen")
    let run = try Program.shell(
      "tar -xzf '\(Self.vectors)/\(version)/store.tar.gz' -C \"$1\"", folder.path(""))
    try #require(run.code == 0, "\(run.errors)")
    return (folder, folder.path("store"))
  }

  /// What is said of rows, events and letters. A compaction and an erasure change what `describe` counts, and which LSN is the newest.
  private func expectAnswers(_ store: String, _ version: String, isAsItWas: Bool = true) throws {
    let answers = try String(contentsOfFile: "\(Self.vectors)/\(version)/answers.txt", encoding: .utf8)
    let run = try Program.shell("'\(Self.vectors)/\(version)/ask.sh' \"$APUS\" \"$1\"", store)
    let (now, then) = (try lines(run.output, isAsItWas), try lines(answers, isAsItWas))
    try #require(now.count == then.count, "as many lines as then")
    #expect(then.filter { $0.hasPrefix("$") }.count >= 30, "the questions are there")
    var question = ""
    for (now, then) in zip(now, then) {
      if then.hasPrefix("$") { question = then }
      if !isAsItWas, question.contains(" describe ") { continue }
      #expect(now == then, "\(question)")
    }
  }

  private func lines(_ text: String, _ isAsItWas: Bool) throws -> [String] {
    var text = text
    if !isAsItWas {
      let newest = try #require(text.firstMatch(of: /"lsn":(\d+),"read_time"/)).1
      text = text.replacing("\"lsn\":\(newest),", with: "\"lsn\":newest,")
    }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test(
    "a store of each released format opens after its process was killed, is sound, and answers as it did",
    arguments: ["store-1"])
  func opens(version: String) throws {
    let (folder, store) = try unpacked(version)
    defer { withExtendedLifetime(folder) {} }
    try expectAnswers(store, version)
    #expect(try Program.run("check", "--deep", "--data", store).code == Code.done)
  }

  @Test("so it does when its index is made anew from runs, ledgers and the log", arguments: ["store-1"])
  func rebuilds(version: String) throws {
    let (folder, store) = try unpacked(version)
    defer { withExtendedLifetime(folder) {} }
    try FileManager.default.removeItem(atPath: store + "/index")
    try expectAnswers(store, version)
    #expect(try Program.run("check", "--deep", "--data", store).code == Code.done)
  }

  @Test(
    "its log becomes history and its erasures are carried out, and it answers as it did",
    arguments: ["store-1"])
  func compacts(version: String) throws {
    let (folder, store) = try unpacked(version)
    defer { withExtendedLifetime(folder) {} }
    #expect(try Program.run("compact", "--erase", "--data", store).code == Code.done)
    try expectAnswers(store, version, isAsItWas: false)
    #expect(try Program.run("check", "--deep", "--data", store).code == Code.done)
  }
}
