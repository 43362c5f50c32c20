/// The manifest and the folders agree with the floor plan, and files import only what their target declares,
/// which SwiftPM itself does not enforce.
enum ManifestRule {
  static let name = "manifest"
  static let path = "Package.swift"

  static func findings(manifest text: String, plan: FloorPlan) -> [Finding] {
    DeclaredTarget.all(in: text).flatMap { target -> [Finding] in
      guard let allowed = plan.allowed(in: target.name) else {
        return [
          Finding(
            path: path, line: target.line, rule: name, what: "\(target.name) has no row in the floor plan",
            instead: "add it to Tests/HouseTests/FloorPlan.swift, below whatever may use it")
        ]
      }
      return target.dependencies.filter { !allowed.contains($0) }.map {
        Finding(
          path: path, line: target.line, rule: name, what: "\(target.name) depends on \($0)",
          instead: "it may use \(allowed.sorted().joined(separator: ", ")); move what is shared below both")
      }
    }
  }

  /// Imports of this package's modules that the target of the file does not declare.
  static func findings(undeclaredIn source: SwiftSource, manifest text: String) -> [Finding] {
    let targets = DeclaredTarget.all(in: text)
    guard let own = targets.first(where: { source.path.hasPrefix($0.folder + "/") }) else { return [] }
    let names = Set(targets.map(\.name)).subtracting([own.name]).subtracting(own.dependencies)
    return Import.all(in: source).filter { names.contains($0.module) }.map {
      Finding(
        path: source.path, line: $0.line, rule: name,
        what: "\(own.name) imports \($0.module) without declaring it",
        instead: "name it among the dependencies of \(own.name) in Package.swift")
    }
  }

  /// Module folders that the plan does not know.
  static func findings(folders: [String], plan: FloorPlan) -> [Finding] {
    folders.filter { plan.allowed(in: String($0.split(separator: "/").last ?? "")) == nil }.map {
      Finding(
        path: $0, line: 1, rule: name, what: "the folder has no row in the floor plan",
        instead: "add it to Tests/HouseTests/FloorPlan.swift, or remove the folder")
    }
  }
}

/// A target as `Package.swift` writes it, by SwiftPM's own words or by the manifest's `room` and `tests`.
struct DeclaredTarget: Equatable, Sendable {
  let name: String
  let dependencies: Set<String>
  let folder: String
  let line: Int

  private static let words: [String: String] = [
    "target": "Sources", "executableTarget": "Sources", "systemLibrary": "Sources", "room": "Sources",
    "testTarget": "Tests", "tests": "Tests",
  ]

  static func all(in manifest: String) -> [DeclaredTarget] {
    let source = SwiftSource(path: "Package.swift", text: manifest)
    let code = source.code
    return code.indices.compactMap { place in
      guard code[place].kind == .word, let root = words[code[place].text], place + 1 < code.count else {
        return nil
      }
      guard code[place + 1].reads("("), place == 0 || !code[place - 1].reads("func") else { return nil }
      return target(from: place, root: root, in: code)
    }
  }

  private static func target(from place: Int, root: String, in code: [Token]) -> DeclaredTarget? {
    var name: String?
    var folder: String?
    var dependencies: Set<String> = []
    var label = ""
    var depth = 0
    for (index, token) in code[(place + 1)...].enumerated() {
      if token.reads("(") || token.reads("[") { depth += 1 }
      if token.reads(")") || token.reads("]") { depth -= 1 }
      if depth == 0 { break }
      if depth == 1, token.reads(":") { label = code[place + index].text }
      guard token.kind == .string else { continue }
      switch label {
      case "", "name", "of": name = name ?? token.text
      case "path": folder = token.text
      case "dependencies", "uses": dependencies.insert(token.text)
      default: break
      }
    }
    guard let name else { return nil }
    return DeclaredTarget(
      name: name, dependencies: dependencies, folder: folder ?? "\(root)/\(name)", line: code[place].line)
  }
}
