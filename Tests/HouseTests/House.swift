import Foundation

/// The repository this test was compiled in, as files relative to its root. Folders that do not exist are empty.
struct House: Sendable {
  let root: String

  /// Three folders up from this file.
  static let here = House(
    root: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path(percentEncoded: false))

  /// Every file of the repository a person wrote, sorted: what the top level holds, less what tools left there.
  var files: [String] {
    let top = ["Sources", "Tests", "Benchmarks", "Config", "Deploy", "Clients", ".ci"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let loose = names.filter { !isFolder($0) && $0 != ".git" && $0 != ".DS_Store" }
    return (loose + top.flatMap { files(in: $0) }).sorted()
  }

  private func files(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
    return names.flatMap { name -> [String] in
      let path = folder + "/" + name
      guard isFolder(path) else { return [path] }
      let isMade = name.hasPrefix(".") || ["__pycache__", "node_modules"].contains(name)
      return isMade ? [] : files(in: path)
    }
  }

  /// The text of a file, or nil when it is not there, is not text, or is too large to have been written by hand.
  func text(of path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: root + "/" + path), data.count < 1 << 20 else {
      return nil
    }
    return data.contains(0) ? nil : String(data: data, encoding: .utf8)
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

  func isExecutable(_ path: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: root + "/" + path)
  }

  private func isFolder(_ path: String) -> Bool {
    let values = try? URL(filePath: root + "/" + path).resourceValues(forKeys: [.isDirectoryKey])
    return values?.isDirectory == true
  }

  /// The Swift files in rooms, benchmarks and tests.
  var swiftFiles: [SwiftSource] {
    files.filter { path in
      path.hasSuffix(".swift") && ["Sources/", "Benchmarks/", "Tests/"].contains { path.hasPrefix($0) }
    }.compactMap { path in
      text(of: path).map { SwiftSource(path: path, text: $0) }
    }
  }

  /// The folders that hold a module: Swift files somewhere below, or a module map.
  var moduleFolders: [String] {
    let holders = files.filter { $0.hasSuffix(".swift") || $0.hasSuffix("module.modulemap") }
    let folders = holders.compactMap { path in
      SwiftSource.module(of: path).map { "\(path.split(separator: "/")[0])/\($0)" }
    }
    return Set(folders).sorted()
  }
}
