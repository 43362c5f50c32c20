import ApusSystem

// A file that no manifest lists is moved aside, never deleted: it is what a crash left half made, or what a person put
// there, and in neither case ours to destroy.

extension StoreFolder {
  /// The path of a listed file, which must be there.
  func checked(_ record: FileRecord) throws(LogError) -> String {
    let path = at(record.name)
    guard let entry = try wrapping({ () throws(SystemError) in try disk.entry(at: path) }) else {
      throw .fileMissing(path: path)
    }
    guard entry.isFile else { throw .foreignFile(path: path, why: StoreFolder.noFileWords) }
    return path
  }

  /// Of a name whose file is needed.
  package static let noFileWords = "it is no file but a folder, a pipe, a socket or a device"

  /// Names, relative to the store's folder, that belong to the log and are in no manifest.
  ///
  /// A segment among them that holds whole frames under an id never used proves that the manifest lost an edit.
  func strays(beside manifest: ManifestReading) throws(LogError) -> [String] {
    let state = manifest.state
    let known = Set((state.files + state.removed).map(\.name))
    var strays = try wrapping { () throws(SystemError) in
      try disk.names(in: path).filter { name in
        name.hasPrefix(StoreFolder.manifestPrefix) && name != manifest.name
          || name.hasSuffix(StoreFolder.temporarySuffix)
      }
    }
    let inLog = try wrapping { () throws(SystemError) in try disk.names(in: log) }
    for name in inLog {
      let relative = StoreFolder.logFolder + "/" + name
      guard !known.contains(relative) else { continue }
      let isFile = try wrapping { () throws(SystemError) in try disk.entry(at: at(relative))?.isFile }
      if let id = StoreFolder.segmentID(inName: name), id >= state.nextFile, isFile == true {
        try refuseFrames(in: at(relative), id: id, storeID: manifest.storeID)
      }
      strays.append(relative)
    }
    let inHistory = try wrapping { () throws(SystemError) in
      try disk.entry(at: history)?.isFolder == true ? try disk.names(in: history) : []
    }
    strays += inHistory.map { StoreFolder.historyFolder + "/" + $0 }.filter { !known.contains($0) }
    return strays
  }

  /// Frames are written into a segment only after the manifest lists it.
  private func refuseFrames(in path: String, id: FileID, storeID: StoreID) throws(LogError) {
    let frame = try wrapping { () throws(SystemError) in
      let file = try disk.open(path, .read)
      defer { file.close() }
      var walker = FrameWalker(
        file: file, seed: FrameSeed(storeID: storeID, fileID: id), end: try file.size())
      return try walker.seek(from: UInt64(Format.headerByteCount))
    }
    guard let frame else { return }
    throw .manifestLost(path: path, why: "is not listed, and holds a whole frame at byte \(frame.offset)")
  }

  /// Moves strays into `aside/`, trailing zeroes trimmed: a segment cut off in the making is 64 MiB of them.
  ///
  /// Returns the names they have there.
  func moveAside(_ strays: [String]) throws(SystemError) -> [String] {
    guard !strays.isEmpty else { return [] }
    try makeFolder(aside)
    var taken = Set(try disk.names(in: aside))
    var moved: [String] = []
    for stray in strays {
      let base = stray.split(separator: "/").last.map(String.init) ?? stray
      var name = base
      var copy = 1
      while taken.contains(name) {
        copy += 1
        name = "\(base).\(copy)"
      }
      taken.insert(name)
      // A pipe or a link cannot be trimmed, and is moved as it is.
      if try disk.entry(at: at(stray))?.isFile == true { try? trim(at(stray)) }
      try disk.rename(at(stray), to: aside + "/" + name)
      moved.append(StoreFolder.asideFolder + "/" + name)
    }
    try disk.syncFolder(aside)
    try disk.syncFolder(log)
    if strays.contains(where: { $0.hasPrefix(StoreFolder.historyFolder + "/") }) {
      try disk.syncFolder(history)
    }
    try disk.syncFolder(path)
    return moved
  }

  private func trim(_ path: String) throws(SystemError) {
    let file = try disk.open(path, .readWrite)
    defer { file.close() }
    let size = try file.size()
    // The walker's buffer serves to look for content; nothing is walked.
    var walker = FrameWalker(file: file, seed: FrameSeed(prefix: 0), end: size)
    try file.truncate(try walker.endOfContent(from: 0) ?? 0)
  }
}

extension StoreFolder {
  /// Removes for good what was moved aside; what it was called. Only a person asks for it, and nobody has the store open.
  package static func clearAside(_ path: String) throws(LogError) -> [String] {
    let disk = RealDisk()
    let folder = StoreFolder(path, on: disk)
    guard try folder.holdsStore() else { throw .noStore(folder: folder.path) }
    let lock = try folder.lock(.exclusive)
    defer { lock.release() }
    return try wrapping { () throws(SystemError) in
      guard try disk.entry(at: folder.aside) != nil else { return [] }
      let names = try disk.names(in: folder.aside).sorted()
      for name in names { try removeAll(folder.aside + "/" + name, on: disk) }
      try disk.syncFolder(folder.aside)
      return names.map { asideFolder + "/" + $0 }
    }
  }

  /// A folder with all that is in it, or a file. A link is removed, and not what it leads to.
  private static func removeAll(_ path: String, on disk: RealDisk) throws(SystemError) {
    guard try disk.entry(at: path)?.isFolder == true else { return try disk.remove(path) }
    for name in try disk.names(in: path) { try removeAll(path + "/" + name, on: disk) }
    try disk.removeFolder(path)
  }
}
