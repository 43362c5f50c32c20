/// Rooms use only rooms below them: every import stands in the floor plan, and none is re-exported.
extension Rule {
  static let imports = Rule(name: "import", covers: Reach.everywhere) { source in
    Import.all(in: source).compactMap { breach(of: $0, at: source.path, plan: .apus) }
  }

  private static func breach(of one: Import, at path: String, plan: FloorPlan) -> Breach? {
    func breach(_ what: String, _ instead: String) -> Breach {
      Breach(line: one.line, what: what, instead: instead)
    }
    guard !one.isTestable else {
      return breach(
        "@testable import \(one.module)", "tests are built in release; make what they need `package`")
    }
    if one.isExported {
      return breach(
        "@_exported import \(one.module) lends a room to others", "let each file import what it uses")
    }
    // Files beside the module folders (a manifest, a script) belong to no room.
    guard let module = SwiftSource.module(of: path) else { return nil }
    guard one.module != module, !plan.toolchainAllowed(at: path).contains(one.module) else { return nil }
    guard let allowed = plan.allowed(in: module) else { return nil }
    guard !allowed.contains(one.module) else { return nil }

    let what = "\(module) imports \(one.module)"
    switch one.module {
    case "ApusTestSupport":
      return breach(what, "what the product needs too belongs in a room of Sources")
    case "Foundation", "FoundationEssentials":
      return breach(
        what, "Foundation stays out of every room but the executable; use the standard library or ApusSystem")
    case "Glibc":
      return breach(what, "only ApusSystem talks to the kernel; ask it, or add the call there")
    case "Testing", "XCTest":
      return breach(what, "tests are written with Swift Testing, and live in Tests")
    case let cellar where plan.cellar.contains(cellar):
      let owner = plan.users(ofCellar: cellar).joined(separator: ", ")
      return breach(what, "only \(owner) may; use what that room offers")
    case let room where plan.rooms[room] != nil:
      let list = allowed.sorted().joined(separator: ", ")
      return breach(
        what,
        "\(module) may import \(list.isEmpty ? "no room" : list); move the code to where both can see it")
    default:
      return breach(what, "no such module is in the house's plan; see Tests/HouseTests/FloorPlan.swift")
    }
  }
}

/// An import as it is written, whatever attributes, access level or kind go with it.
struct Import: Equatable, Sendable {
  let module: String
  let line: Int
  let isTestable: Bool
  let isExported: Bool

  private static let kinds: Set<String> = [
    "struct", "class", "enum", "protocol", "typealias", "func", "var", "let",
  ]

  static func all(in source: SwiftSource) -> [Import] {
    let code = source.code
    return source.places(of: "import").compactMap { place in
      guard place + 1 < code.count, place == 0 || !code[place - 1].reads(".") else { return nil }
      var name = place + 1
      if kinds.contains(code[name].text), name + 1 < code.count { name += 1 }
      guard code[name].kind == .word, code[name].line == code[place].line else { return nil }
      let attributes = attributes(before: place, in: code)
      return Import(
        module: code[name].text, line: code[place].line,
        isTestable: attributes.contains("testable"), isExported: attributes.contains("_exported"))
    }
  }

  /// The words between this import and whatever statement comes before it: `@` words and access levels.
  private static func attributes(before place: Int, in code: [Token]) -> Set<String> {
    let levels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    var found: Set<String> = []
    var at = place - 1
    while at >= 0 {
      if at > 0, code[at].kind == .word, code[at - 1].reads("@") {
        found.insert(code[at].text)
        at -= 2
      } else if code[at].kind == .word, levels.contains(code[at].text) {
        at -= 1
      } else {
        break
      }
    }
    return found
  }
}
