import Testing

@Suite("The floor plan")
struct FloorPlanTests {
  @Test("no room stands on itself")
  func acyclic() {
    #expect(FloorPlan.apus.onACycle == [])
  }

  @Test("a circle of rooms is noticed, and every room on it named")
  func cyclic() {
    let plan = FloorPlan(
      rooms: ["A": ["B"], "B": ["C"], "C": ["B"], "D": ["A"], "E": ["E"]], cellar: [], toolchain: [:])
    #expect(plan.onACycle == ["B", "C", "E"])
  }

  @Test(
    "each C module of the cellar is imported by exactly one room", arguments: FloorPlan.apus.cellar.sorted())
  func cellar(module: String) {
    #expect(FloorPlan.apus.users(ofCellar: module).count == 1)
  }

  @Test("a room names only rooms of the plan, and none of the product names what is built for tests")
  func closed() {
    let plan = FloorPlan.apus
    let known = Set(plan.rooms.keys).union(plan.cellar)
    for (room, row) in plan.rooms { #expect(row.subtracting(known) == [], "row of \(room)") }
    #expect(
      plan.everythingBelow("apus").isDisjoint(with: [
        "ApusTestSupport", "ApusLife", "ApusBench", "CLoad", "CBareLMDB", "CAllocations",
      ]))
  }

  @Test("the tests of a room may see it and what it stands on, and nothing beside it")
  func tests() {
    let plan = FloorPlan.apus
    #expect(plan.allowed(in: "ApusLogTests") == ["ApusLog", "ApusSystem", "ApusBytes", "ApusTestSupport"])
    #expect(plan.allowed(in: "ApusAtticTests") == nil)
    #expect(plan.allowed(in: "ApusAttic") == nil)
  }

  private let manifest = """
    func room(_ name: String, uses: [Target.Dependency] = []) -> Target {
      .target(name: name, dependencies: uses)
    }
    let package = Package(
      name: "apus", products: [.executable(name: "apus", targets: ["apus"])],
      targets: [
        room("ApusLog", uses: ["ApusSystem", "ApusBytes"], exclude: ["Format.md"]),
        .target(name: "CLoad", path: "Benchmarks/CLoad"),
        // room("ApusGone", uses: ["ApusLog"]),
        tests(of: "ApusLogTests", uses: ["ApusLog"]),
      ])
    """

  @Test("a manifest within the plan passes, in SwiftPM's words and in the house's")
  func declared() {
    let targets = DeclaredTarget.all(in: manifest)
    #expect(targets.map(\.name) == ["ApusLog", "CLoad", "ApusLogTests"])
    #expect(targets.map(\.folder) == ["Sources/ApusLog", "Benchmarks/CLoad", "Tests/ApusLogTests"])
    #expect(targets.map(\.dependencies) == [["ApusSystem", "ApusBytes"], [], ["ApusLog"]])
    #expect(ManifestRule.findings(manifest: manifest, plan: .apus) == [])
  }

  @Test("a dependency sideways or up, and a target without a row, are found")
  func outsideThePlan() {
    let text = "let p = [room(\"ApusBytes\", uses: [\"ApusLog\"]),\n.target(name: \"Attic\")]"
    #expect(ManifestRule.findings(manifest: text, plan: .apus).map(\.line) == [1, 2])
    #expect(
      ManifestRule.findings(folders: ["Sources/Attic", "Sources/ApusLog"], plan: .apus).map(\.path) == [
        "Sources/Attic"
      ])
  }

  @Test("an import the target does not declare is found, although SwiftPM would let it pass")
  func undeclared() {
    let good = SwiftSource(path: "Tests/ApusLogTests/A.swift", text: "import ApusLog\nimport Testing")
    let bad = SwiftSource(path: "Sources/ApusLog/A.swift", text: "import ApusSystem\nimport CLoad")
    #expect(ManifestRule.findings(undeclaredIn: good, manifest: manifest) == [])
    #expect(ManifestRule.findings(undeclaredIn: bad, manifest: manifest).map(\.line) == [2])
  }
}
