// A disk on which something happens just before a call: what another thread or process may do at that very moment. Or the
// call fails, or tells of less space than there is.

package import ApusSystem

package final class HookedDisk: Disk {
  package typealias Hook = @Sendable (DiskCall, String) -> Void

  package let base: any Disk
  private let hook = Monitor<Hook?>(nil)
  private let fault = Monitor<Fault?>(nil)
  private let space = Monitor<UInt64?>(nil)

  package typealias Fault = @Sendable (DiskCall, String) -> Errno?

  package init(_ base: any Disk) { self.base = base }

  /// Runs `hook` before every call, until it is set to something else. A call from within a hook runs none.
  package func before(_ hook: Hook?) { self.hook.withLock { $0 = hook } }

  /// Lets calls fail of which `fault` names an error, instead of being made, until it is set to something else.
  package func fail(_ fault: Fault?) { self.fault.withLock { $0 = fault } }

  /// Says that so many bytes are free; nil: the truth.
  package func say(freeByteCount: UInt64?) { space.withLock { $0 = freeByteCount } }

  fileprivate var toldFreeByteCount: UInt64? { space.withLock { $0 } }

  fileprivate func enter(_ call: DiskCall, _ path: String) throws(SystemError) {
    happen(call, path)
    if let errno = fault.withLock({ $0 })?(call, path) { throw SystemError("\(call)", errno, on: path) }
  }

  private func happen(_ call: DiskCall, _ path: String) {
    let hook = hook.withLock { hook in
      defer { hook = nil }
      return hook
    }
    guard let hook else { return }
    hook(call, path)
    self.hook.withLock { if $0 == nil { $0 = hook } }
  }

  package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
    try enter(access == .create ? .create : .open, path)
    return HookedFile(try base.open(path, access), on: self)
  }

  package func rename(_ path: String, to target: String) throws(SystemError) {
    try enter(.rename, path)
    try base.rename(path, to: target)
  }

  package func remove(_ path: String) throws(SystemError) {
    try enter(.remove, path)
    try base.remove(path)
  }

  package func makeFolder(_ path: String) throws(SystemError) {
    try enter(.makeFolder, path)
    try base.makeFolder(path)
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    try enter(.syncFolder, path)
    try base.syncFolder(path)
  }

  package func names(in folder: String) throws(SystemError) -> [String] {
    try enter(.names, folder)
    return try base.names(in: folder)
  }

  package func entry(at path: String) throws(SystemError) -> DiskEntry? {
    try enter(.entry, path)
    return try base.entry(at: path)
  }

  package func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome {
    try enter(.lock, path)
    return try base.lock(path, mode)
  }

  package func freeBytes(at folder: String) throws(SystemError) -> UInt64 {
    try enter(.freeBytes, folder)
    if let told = toldFreeByteCount { return told }
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
    try disk.enter(.read, path)
    return try base.read(into: &buffer, at: offset)
  }

  func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int {
    try disk.enter(.write, path)
    return try base.write(bytes, at: offset)
  }

  func syncData() throws(SystemError) {
    try disk.enter(.syncData, path)
    try base.syncData()
  }

  func syncAll() throws(SystemError) {
    try disk.enter(.syncAll, path)
    try base.syncAll()
  }

  func size() throws(SystemError) -> UInt64 {
    try disk.enter(.size, path)
    return try base.size()
  }

  func allocate(_ size: UInt64) throws(SystemError) {
    try disk.enter(.allocate, path)
    try base.allocate(size)
  }

  func truncate(_ size: UInt64) throws(SystemError) {
    try disk.enter(.truncate, path)
    try base.truncate(size)
  }

  func dropCache() throws(SystemError) {
    try disk.enter(.dropCache, path)
    try base.dropCache()
  }

  func close() { base.close() }
}
