// The files of a project, found and read. In a folder those are files that are called .yaml, .yml or .json, in the order of
// their names, and not in folders below; a file that is named is read whatever it is called.

import ApusBytes
import ApusContracts
import ApusLog
import ApusSystem

enum DefinitionSources {
  private static let suffixes = [".yaml", ".yml", ".json"]

  static func read(_ paths: [String], from source: Source) throws(Trouble) -> ProjectDefinition {
    let files =
      switch source {
      case .folder: try files(at: paths)
      // Whoever asked has read them where they are.
      case .open(_, let files): files
      }
    do throws(DefinitionErrors) { return try DefinitionReader.read(files) } catch { throw Trouble(error) }
  }

  /// Each once, in the order of the paths.
  static func files(at paths: [String]) throws(Trouble) -> [DefinitionFile] {
    var files: [DefinitionFile] = []
    for path in paths {
      for name in try names(at: path) where !files.contains(where: { $0.name == name }) {
        files.append(DefinitionFile(name: name, bytes: try bytes(of: name)))
      }
    }
    return files
  }

  private static func names(at path: String) throws(Trouble) -> [String] {
    let disk = RealDisk()
    let entry = try asking(path) { () throws(SystemError) in try disk.entry(at: path) }
    guard let entry else {
      throw Trouble(
        "no_definitions", "there is no such file or folder", at: path,
        next: "check the path of the definitions")
    }
    guard entry.isFolder else { return [path] }
    let all = try asking(path) { () throws(SystemError) in try disk.names(in: path) }
    let found = all.filter { name in !name.hasPrefix(".") && suffixes.contains(where: name.hasSuffix) }
    guard !found.isEmpty else {
      throw Trouble(
        "no_definitions", "this folder holds no definitions: no file in it ends in .yaml, .yml or .json",
        at: path, next: "name the folder that holds them, or the files themselves")
    }
    let folder = path.hasSuffix("/") ? path : path + "/"
    return found.map { folder + $0 }
  }

  private static func bytes(of path: String) throws(Trouble) -> [UInt8] {
    try asking(path) { () throws(SystemError) -> Result<[UInt8], Trouble> in
      let file = try RealDisk().open(path, .read)
      defer { file.close() }
      let size = try file.size()
      guard size <= UInt64(YamlReader.byteCountMax) else {
        return .failure(
          Trouble(
            "definitions_wrong",
            "the file has \(Numbers.count(size, "byte")), more than the \(Numbers.grouped(YamlReader.byteCountMax)) of a file of definitions",
            at: path, next: "name a file of definitions, or split this one"))
      }
      var block = ByteBlock(byteCount: Int(size))
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      return .success(block.bytes.extracting(..<count).copied())
    }.get()
  }

  private static func asking<T>(_ path: String, _ body: () throws(SystemError) -> T) throws(Trouble) -> T {
    do throws(SystemError) { return try body() } catch { throw Trouble(LogError.system(error), data: path) }
  }
}
