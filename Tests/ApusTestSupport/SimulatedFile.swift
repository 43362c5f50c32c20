// An open file of the simulated disk. It dies with the disk it was opened on: after a crash every call of
// it fails with EIO, as it would with the power gone.

package import ApusSystem
import Synchronization

package final class SimulatedFile: DiskFile {
  package let path: String
  private let disk: SimulatedDisk
  private let inode: Int
  private let mayWrite: Bool
  private let isClosed = Atomic(false)

  init(on disk: SimulatedDisk, inode: Int, path: String, mayWrite: Bool) {
    self.disk = disk
    self.inode = inode
    self.path = path
    self.mayWrite = mayWrite
  }

  deinit { close() }

  package func close() {
    if isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
    disk.state.withLock { state in
      if !state.isOff { state.hold(inode, handles: -1) }
    }
  }

  /// What the kernel answers with EBADF, and the funnel with a trap.
  private func check(writes: Bool = false) {
    if isClosed.load(ordering: .acquiring) { Kernel.trap("\(path) is used after it was closed") }
    if writes && !mayWrite { Kernel.trap("\(path) was opened for reading: \(Errno.badDescriptor)") }
  }

  package func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int {
    check()
    let start = Int(clamping: offset)
    return try disk.state.withLock { state throws(SystemError) in
      let wanted = min(buffer.byteCount, max(0, state.inodes[inode].current.count - start))
      switch try state.begin(.read, path, offset: start, count: wanted) {
      case .error(let errno): throw state.refusal(.read, errno, path)
      case .short(let most): return state.inodes[inode].current.read(from: start, upTo: most, into: &buffer)
      case nil: return state.inodes[inode].current.read(from: start, upTo: wanted, into: &buffer)
      }
    }
  }

  package func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int {
    check(writes: true)
    return try disk.state.withLock { state throws(SystemError) in
      let start = Int(clamping: offset)
      var count = bytes.byteCount
      switch try state.begin(.write, path, offset: start, count: count) {
      case .error(let errno): throw state.refusal(.write, errno, path)
      case .short(let most): count = min(count, most)
      case nil: break
      }
      guard start <= SimulatedState.fileSizeMax - count else {
        throw state.refusal(.write, .fileTooLarge, path)
      }
      // What does not fit is cut off; only a write of which nothing fits is an error.
      let room = state.sizeMax(of: inode)
      if count > 0, start >= room { throw state.refusal(.write, .noSpace, path) }
      count = min(count, room - start)
      state.change(inode) { $0.write(bytes.extracting(first: count), at: start) }
      return count
    }
  }

  package func syncData() throws(SystemError) { try sync(.syncData) }

  package func syncAll() throws(SystemError) { try sync(.syncAll) }

  private func sync(_ call: DiskCall) throws(SystemError) {
    check()
    try disk.state.withLock { state throws(SystemError) in
      guard case .error(let errno) = try state.begin(call, path) else { return state.inodes[inode].sync() }
      var random = state.random
      let likely = state.faults.failedSyncArrivals
      state.inodes[inode].failSync { _ in random.chance(likely) }
      state.random = random
      throw state.refusal(call, errno, path)
    }
  }

  package func size() throws(SystemError) -> UInt64 {
    check()
    return try disk.state.withLock { state throws(SystemError) in
      try state.enter(.size, path)
      return UInt64(state.inodes[inode].current.count)
    }
  }

  package func allocate(_ size: UInt64) throws(SystemError) {
    check(writes: true)
    try disk.state.withLock { state throws(SystemError) in
      try state.enter(.allocate, path)
      let size = try state.fitting(size, .allocate, path)
      if size <= state.inodes[inode].current.count { return }
      // All or nothing.
      guard size <= state.sizeMax(of: inode) else { throw state.refusal(.allocate, .noSpace, path) }
      state.change(inode) { $0.grow(to: size) }
    }
  }

  package func truncate(_ size: UInt64) throws(SystemError) {
    check(writes: true)
    try disk.state.withLock { state throws(SystemError) in
      try state.enter(.truncate, path)
      let size = try state.fitting(size, .truncate, path)
      guard size <= state.sizeMax(of: inode) else { throw state.refusal(.truncate, .noSpace, path) }
      state.change(inode) { $0.cut(to: size) }
    }
  }

  package func dropCache() throws(SystemError) {
    check()
    try disk.state.withLock { state throws(SystemError) in
      try state.enter(.dropCache, path)
      state.inodes[inode].dropCache()
    }
  }
}

extension SimulatedState {
  /// How large a file may become with the space that is left; never smaller than it is.
  fileprivate func sizeMax(of inode: Int) -> Int {
    let now = inodes[inode].current.count
    return max(now, SimulatedInode.sizeMax(within: inodes[inode].charge + free))
  }

  fileprivate func fitting(_ size: UInt64, _ call: DiskCall, _ path: String) throws(SystemError) -> Int {
    guard size <= UInt64(Self.fileSizeMax) else { throw refusal(call, .fileTooLarge, path) }
    return Int(size)
  }
}
