// A disk in memory that does to its user whatever a real one may do, and always the same for one seed.
//
// A name is durable after `syncFolder`, bytes after `syncData`, and until then a power cut may take, keep,
// tear or reorder them (SimulatedDisk+Crash.swift). Any call can be made to fail (DiskFaults.swift).
// Every method may be called from any thread; the story is the same every time only with one thread.

package import ApusSystem

package final class SimulatedDisk: Disk {
  let state: Monitor<SimulatedState>

  /// An empty disk, but for `folders`, which are there for good. Without a capacity it is never full.
  package init(seed: UInt64 = 0, capacity: Int? = nil, folders: [String] = []) {
    var state = SimulatedState(random: SplitMix64(seed: seed))
    state.capacity = capacity
    self.state = Monitor(state)
    for folder in folders { plantFolder(folder) }
  }

  init(_ state: consuming SimulatedState) { self.state = Monitor(state) }

  package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
    try state.withLock { state throws(SystemError) in
      let inode: Int
      switch access {
      case .read, .readWrite:
        try state.enter(.open, path)
        inode = try state.file(at: path, .open)
      case .create:
        try state.enter(.create, path)
        let place = try state.vacancy(at: path, .create)
        guard state.free >= SimulatedInode.charge(of: 0) else { throw state.refusal(.create, .noSpace, path) }
        inode = state.newFile()
        state.tree.add(.file(inode), at: place)
        state.hold(inode, links: 1)
      }
      state.hold(inode, handles: 1)
      return SimulatedFile(on: self, inode: inode, path: path, mayWrite: access != .read)
    }
  }

  package func rename(_ path: String, to target: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      let subject = "\(path) to \(target)"
      try state.enter(.rename, subject)
      // Where either is to be comes before what is there.
      let source = try state.find(path, .rename, on: subject)
      let goal = try state.find(target, .rename, on: subject)
      guard case .place(let from, let moved) = source, case .place(let to, let replaced) = goal else {
        throw state.refusal(.rename, .busy, subject)
      }
      guard let moved else { throw state.refusal(.rename, .noEntry, subject) }
      if moved == replaced { return }
      if let errno = state.objection(to: moved, from: from, at: to, replacing: replaced) {
        throw state.refusal(.rename, errno, subject)
      }
      state.tree.rename(from, to: to)
      if case .file(let inode) = replaced { state.hold(inode, links: -1) }
    }
  }

  package func remove(_ path: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      try state.enter(.remove, path)
      let inode = try state.file(at: path, .remove)
      guard case .place(let place, _) = try state.find(path, .remove) else { return }
      state.tree.remove(place)
      state.hold(inode, links: -1)
    }
  }

  package func makeFolder(_ path: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      try state.enter(.makeFolder, path)
      let place = try state.vacancy(at: path, .makeFolder)
      let folder = state.tree.makeFolder()
      state.tree.add(.folder(folder), at: place)
    }
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      let fault = try state.begin(.syncFolder, path)
      let folder = try state.folder(at: path)
      if case .error(let errno) = fault {
        state.tree.failSync(folder)
        throw state.refusal(.syncFolder, errno, path)
      }
      state.tree.sync(folder)
      state.forgetReleased()
    }
  }

  package func names(in folder: String) throws(SystemError) -> [String] {
    try state.withLock { state throws(SystemError) in
      try state.enter(.names, folder)
      return state.tree.names(in: try state.folder(at: folder))
    }
  }

  package func entry(at path: String) throws(SystemError) -> DiskEntry? {
    try state.withLock { state throws(SystemError) in
      try state.enter(.entry, path)
      guard let found = try? state.find(path, .entry) else { return nil }
      switch found {
      case .root, .place(_, .folder): return DiskEntry(isFolder: true, size: 0)
      case .place(_, .file(let inode)):
        return DiskEntry(isFolder: false, size: UInt64(state.inodes[inode].current.count))
      case .place(_, nil): return nil
      }
    }
  }

  package func freeBytes(at folder: String) throws(SystemError) -> UInt64 {
    try state.withLock { state throws(SystemError) in
      try state.enter(.freeBytes, folder)
      _ = try state.folder(at: folder, .freeBytes)
      return UInt64(state.free)
    }
  }
}

extension SimulatedState {
  /// Why a rename cannot be, as the kernel sees it.
  fileprivate func objection(
    to moved: SimulatedNode, from source: SimulatedTree.Place, at target: SimulatedTree.Place,
    replacing replaced: SimulatedNode?
  ) -> Errno? {
    if case .folder(let folder) = moved, tree.isFolder(target.folder, within: folder) { return .invalid }
    if case .folder(let folder) = replaced, tree.isFolder(source.folder, within: folder) { return .notEmpty }
    switch (moved, replaced) {
    case (_, nil), (.file, .file): return nil
    case (.file, .folder): return .isAFolder
    case (.folder, .file): return .notAFolder
    case (.folder, .folder(let folder)): return tree.names(in: folder).isEmpty ? nil : .notEmpty
    }
  }
}
