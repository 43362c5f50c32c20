// Locks as `flock` keeps them: between open files, not processes.

package import ApusSystem
import Synchronization

extension SimulatedDisk {
  package func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome {
    try state.withLock { state throws(SystemError) in
      try state.enter(.lock, path)
      let inode = try state.lockFile(at: path, mode)
      let sharers = state.locks[inode] ?? 0
      // There is but one process here, so whoever has it is us.
      guard sharers == 0 || (mode == .shared && sharers > 0) else { return .taken(by: SystemProcess.id) }
      state.locks[inode] = mode == .exclusive ? -1 : sharers + 1
      state.hold(inode, handles: 1)
      return .held(SimulatedLock(on: self, inode: inode))
    }
  }
}

extension SimulatedState {
  fileprivate mutating func lockFile(at path: String, _ mode: LockMode) throws(SystemError) -> Int {
    guard mode == .exclusive, case .place(let place, nil) = try find(path, .open) else {
      return try file(at: path, .open)
    }
    guard free >= SimulatedInode.charge(of: 0) else { throw refusal(.open, .noSpace, path) }
    let inode = newFile()
    tree.add(.file(inode), at: place)
    hold(inode, links: 1)
    return inode
  }
}

package final class SimulatedLock: FileLock {
  private let disk: SimulatedDisk
  private let inode: Int
  private let isReleased = Atomic(false)

  init(on disk: SimulatedDisk, inode: Int) {
    self.disk = disk
    self.inode = inode
  }

  deinit { release() }

  package func release() {
    if isReleased.exchange(true, ordering: .acquiringAndReleasing) { return }
    disk.state.withLock { state in
      if state.isOff { return }
      let sharers = state.locks[inode] ?? 0
      state.locks[inode] = sharers > 1 ? sharers - 1 : nil
      state.hold(inode, handles: -1)
    }
  }
}
