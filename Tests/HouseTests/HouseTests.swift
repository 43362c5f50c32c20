import Foundation
import Testing

/// What the whole tree promises. Each rule is proved on examples in the tests beside this one.
@Suite("The house")
struct HouseTests {
  let house = House.here

  @Test("every Swift file keeps the rules of the house")
  func rules() {
    report(house.swiftFiles.flatMap { Inspection.findings(in: $0) })
  }

  @Test("the manifest and the folders agree with the floor plan")
  func floorPlan() throws {
    let manifest = try #require(house.text(of: "Package.swift"))
    report(ManifestRule.findings(manifest: manifest, plan: .apus))
    report(ManifestRule.findings(folders: house.moduleFolders, plan: .apus))
    report(house.swiftFiles.flatMap { ManifestRule.findings(undeclaredIn: $0, manifest: manifest) })
  }

  @Test("a page of specification and the code beside it state the same constants")
  func constants() {
    let sources = house.swiftFiles.filter { $0.path.hasPrefix("Sources/") }
    for page in house.files where page.hasPrefix("Sources/") && page.hasSuffix(".md") {
      guard let text = house.text(of: page) else { continue }
      let folder = page.prefix(through: page.lastIndex(of: "/") ?? page.startIndex)
      let isNear = Dictionary(grouping: sources) { $0.path.hasPrefix(folder) }
      report(
        ConstantsRule.findings(page: page, text: text, code: isNear[true] ?? [], house: isNear[false] ?? []))
    }
  }

  @Test("no file names a folder of one machine or a package registry")
  func places() {
    report(house.files.flatMap { path in TextRules.findings(path: path, text: house.text(of: path) ?? "") })
  }

  @Test("every verb of the Makefile explains itself, and the robot runs what a person runs")
  func verbs() throws {
    report(PromiseRules.findings(makefile: try #require(house.text(of: "Makefile"))))
    report(PromiseRules.findings(robot: try #require(house.text(of: ".ci/run"))))
    #expect(house.isExecutable(".ci/run"), ".ci/run: robot: not executable — chmod +x .ci/run")
  }

  @Test("every link from page to page leads somewhere")
  func links() {
    for page in house.files where page.hasSuffix(".md") {
      report(PromiseRules.findings(page: page, text: house.text(of: page) ?? "", exists: house.exists))
    }
  }

  @Test("every file is formatted as .swift-format says")
  func formatting() throws {
    let paths = ["Package.swift", "Sources", "Tests", "Benchmarks"].filter(house.exists)
    let formatter = Process()
    formatter.executableURL = URL(filePath: "/usr/bin/env")
    formatter.arguments = ["swift", "format", "lint", "--strict", "--parallel", "--recursive"] + paths
    formatter.currentDirectoryURL = URL(filePath: house.root)
    let output = Pipe()
    formatter.standardOutput = output
    formatter.standardError = output
    try formatter.run()
    let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    formatter.waitUntilExit()
    #expect(formatter.terminationStatus == 0, "\(words)run `make format`")
  }

  /// Records each finding by itself, so that all are seen at once.
  private func report(_ findings: [Finding]) {
    for finding in findings { Issue.record(Comment(rawValue: finding.description)) }
  }
}
