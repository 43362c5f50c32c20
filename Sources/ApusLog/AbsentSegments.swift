package import ApusBytes
package import ApusSystem

// A segment that the manifest lists and that is not there keeps a store from opening: it may be on a disk that was not mounted, and whoever
// went on without it would never ask. When a person says that its records are gone for good, an empty file takes its name. From then on it is
// a damaged segment like any other, all of whose records are lost.

extension StoreFolder {
  /// Puts an empty file in the place of every segment that is not there, or no file, and whose records lie in the range. What has the name and is no file is moved
  /// aside. Returns the names.
  ///
  /// A segment is given up whole or not at all. Nobody has the store open, and nobody opens it meanwhile. Doing it again does nothing.
  package static func replaceAbsentSegments(
    of range: LSNRange, in path: String, on disk: any Disk
  ) throws(LogError) -> [String] {
    let folder = StoreFolder(path, on: disk)
    guard try folder.holdsStore() else { throw .noStore(folder: folder.path) }
    let lock = try folder.lock(.exclusive)
    defer { lock.release() }
    let reading = try ManifestReading(in: folder, syncing: true)
    defer { reading.file.close() }
    var absent: [FileRecord] = []
    for record in reading.state.segments {
      let lsns = reading.state.whole(record).lsns
      guard lsns.first <= range.last, range.first <= lsns.last else { continue }
      let entry = try wrapping { () throws(SystemError) in try disk.entry(at: folder.at(record.name)) }
      if entry?.isFile != true { absent.append(record) }
    }
    guard !absent.isEmpty else { return [] }
    let whole = absent.map { reading.state.whole($0) }
    guard whole.allSatisfy({ range.contains($0.lsns.first) && range.contains($0.lsns.last) }) else {
      throw .lossReachesOut(of: range, whole: whole)
    }
    try wrapping { () throws(SystemError) in
      try folder.makeFolder(folder.log)
      for record in absent {
        if try disk.entry(at: folder.at(record.name)) != nil { _ = try folder.moveAside([record.name]) }
        let file = try folder.prepare(folder.at(record.name)) { (_) throws(SystemError) in }
        file.close()
        try folder.reveal(folder.at(record.name))
      }
      try disk.syncFolder(folder.log)
    }
    return absent.map(\.name)
  }
}
