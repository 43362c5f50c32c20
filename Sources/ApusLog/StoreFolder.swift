import ApusBytes
package import ApusSystem

/// The names inside a store's folder, and the steps that make a new name durable.
package struct StoreFolder: Sendable {
  package let path: String
  package let disk: any Disk

  package init(_ path: String, on disk: any Disk) {
    // What lies above a folder is told from its name, which must not end in a slash.
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = String(path)
    self.disk = disk
  }

  package static let temporarySuffix = ".tmp"
  package static let logFolder = "log"
  package static let asideFolder = "aside"
  package static let historyFolder = "history"
  static let manifestPrefix = "manifest-"

  package var lock: String { at("LOCK") }
  package var current: String { at("CURRENT") }
  package var log: String { at(StoreFolder.logFolder) }
  package var history: String { at(StoreFolder.historyFolder) }
  package var aside: String { at(StoreFolder.asideFolder) }
  /// The path of a name relative to the store's folder.
  package func at(_ name: String) -> String { path + "/" + name }

  static func manifestName(_ number: UInt64) -> String { manifestPrefix + padded(number, width: 10) }

  /// A segment's name, relative to the store's folder.
  static func segmentName(first: LSN, id: FileID) -> String {
    logFolder + "/" + padded(first.rawValue, width: 20) + "-" + padded(id.rawValue, width: 8, radix: 16)
      + ".log"
  }

  /// The id in a segment's file name (without its folder); nil when it is no such name.
  static func segmentID(inName name: String) -> FileID? {
    let base = name.hasSuffix(temporarySuffix) ? name.dropLast(temporarySuffix.count) : name[...]
    guard base.hasSuffix(".log") else { return nil }
    let parts = base.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].count == 20, parts[1].count >= 8, UInt64(parts[0]) != nil else {
      return nil
    }
    return UInt64(parts[1], radix: 16).map { FileID($0) }
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes the names in the folders of these, relative to the store's, durable.
  func syncFolders(of names: [String]) throws(SystemError) {
    // A folder that somebody took away has no names.
    for folder in Set(names.map { StoreFolder.folder(of: at($0)) }).sorted()
    where try disk.entry(at: folder) != nil { try disk.syncFolder(folder) }
  }

  /// Whether a name is that of a run or a ledger in the making. A folder is neither, whatever it is called.
  func isUnfinishedHistory(_ name: String) throws(LogError) -> Bool {
    guard name.hasPrefix(StoreFolder.historyFolder + "/"), name.hasSuffix(StoreFolder.temporarySuffix) else {
      return false
    }
    return try wrapping { () throws(SystemError) in try disk.entry(at: at(name)) }?.isFolder == false
  }

  /// Whether a name is that of a run or a ledger that was made and never listed: its id was given out, and the edit that would have used it never took
  /// effect. So all that it was made of is listed still.
  func isUnlistedCopy(_ name: String, beside state: ManifestState) throws(LogError) -> Bool {
    guard let id = StoreFolder.historyID(inName: name), state.reserved.contains(id) else { return false }
    return try wrapping { () throws(SystemError) in try disk.entry(at: at(name)) }?.isFile == true
  }

  /// The id in the name of a run or a ledger, relative to the store's folder; nil when it is no such name.
  static func historyID(inName name: String) -> FileID? {
    guard name.hasPrefix(historyFolder + "/"), let dot = name.lastIndex(of: "."),
      [".parquet", ".apus"].contains(name[dot...])
    else { return nil }
    let parts = name[..<dot].split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, let last = parts.last, last.count >= 8 else { return nil }
    return UInt64(last, radix: 16).map { FileID($0) }
  }

  /// Makes a folder unless it is there, and its name durable.
  func makeFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try disk.makeFolder(path)
    } catch {
      guard error.errno == .exists, try disk.entry(at: path)?.isFolder == true else { throw error }
    }
    try disk.syncFolder(StoreFolder.folder(of: path))
  }

  /// Writes and syncs `path.tmp`, which a rename then makes `path`.
  ///
  /// fsync before the rename: otherwise a crash can show the name with the bytes of before. On an error nothing is left but, at
  /// worst, a temporary name, which the next start moves aside.
  func prepare(
    _ path: String, size: UInt64 = 0, fill: (any DiskFile) throws(SystemError) -> Void
  ) throws(SystemError) -> any DiskFile {
    let temporary = path + StoreFolder.temporarySuffix
    if try disk.entry(at: temporary) != nil { try disk.remove(temporary) }
    let file = try disk.open(temporary, .create)
    do throws(SystemError) {
      if size > 0 { try file.allocate(size) }
      try fill(file)
      try file.syncAll()
    } catch {
      file.close()
      try? disk.remove(temporary)
      throw error
    }
    return file
  }

  /// Gives a prepared file its name. Durable after `syncFolder`.
  func reveal(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try disk.rename(path + StoreFolder.temporarySuffix, to: path)
    } catch {
      try? disk.remove(path + StoreFolder.temporarySuffix)
      throw error
    }
  }
}
