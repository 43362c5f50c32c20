// A disk on which something happens just before a call: what another thread or process may do at that very moment.

package import ApusSystem

package final class HookedDisk: Disk {
  package typealias Hook = @Sendable (DiskCall, String) -> Void

  package let base: any Disk
  private let hook = Monitor<Hook?>(nil)

  package init(_ base: any Disk) { self.base = base }

  /// Runs `hook` before every call, until it is set to something else. A call from within a hook runs none.
  package func before(_ hook: Hook?) { self.hook.withLock { $0 = hook } }

  fileprivate func enter(_ call: DiskCall, _ path: String) {
    let hook = hook.withLock { hook in
      defer { hook = nil }
      return hook
    }
    guard let hook else { return }
    hook(call, path)
    self.hook.withLock { if $0 == nil { $0 = hook } }
  }

  package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
    enter(access == .create ? .create : .open, path)
    return HookedFile(try base.open(path, access), on: self)
  }

  package func rename(_ path: String, to target: String) throws(SystemError) {
    enter(.rename, path)
    try base.rename(path, to: target)
  }

  package func remove(_ path: String) throws(SystemError) {
    enter(.remove, path)
    try base.remove(path)
  }

  package func makeFolder(_ path: String) throws(SystemError) {
    enter(.makeFolder, path)
    try base.makeFolder(path)
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    enter(.syncFolder, path)
    try base.syncFolder(path)
  }

  package func names(in folder: String) throws(SystemError) -> [String] {
    enter(.names, folder)
    return try base.names(in: folder)
  }

  package func entry(at path: String) throws(SystemError) -> DiskEntry? {
    enter(.entry, path)
    return try base.entry(at: path)
  }

  package func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome {
    enter(.lock, path)
    return try base.lock(path, mode)
  }

  package func freeBytes(at folder: String) throws(SystemError) -> UInt64 {
    enter(.freeBytes, folder)
    return try base.freeBytes(at: folder)
  }
}

private final class HookedFile: DiskFile {
  private let base: any DiskFile
  private let disk: HookedDisk

  init(_ base: any DiskFile, on disk: HookedDisk) {
    self.base = base
    self.disk = disk
  }

  var path: String { base.path }

  func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int {
    disk.enter(.read, path)
    return try base.read(into: &buffer, at: offset)
  }

  func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int {
    disk.enter(.write, path)
    return try base.write(bytes, at: offset)
  }

  func syncData() throws(SystemError) {
    disk.enter(.syncData, path)
    try base.syncData()
  }

  func syncAll() throws(SystemError) {
    disk.enter(.syncAll, path)
    try base.syncAll()
  }

  func size() throws(SystemError) -> UInt64 {
    disk.enter(.size, path)
    return try base.size()
  }

  func allocate(_ size: UInt64) throws(SystemError) {
    disk.enter(.allocate, path)
    try base.allocate(size)
  }

  func truncate(_ size: UInt64) throws(SystemError) {
    disk.enter(.truncate, path)
    try base.truncate(size)
  }

  func dropCache() throws(SystemError) {
    disk.enter(.dropCache, path)
    try base.dropCache()
  }

  func close() { base.close() }
}
