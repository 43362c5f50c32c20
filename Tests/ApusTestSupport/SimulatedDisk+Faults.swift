// What a test says to the disk behind the program's back.

package import ApusSystem

extension SimulatedDisk {
  /// What goes wrong by chance.
  package var faults: DiskFaults {
    get { state.withLock { $0.faults } }
    set { state.withLock { $0.faults = newValue } }
  }

  /// How many bytes fit, each file's own sector included. Nil is never full.
  package var capacity: Int? {
    get { state.withLock { $0.capacity } }
    set { state.withLock { $0.capacity = newValue } }
  }

  package var calls: CallCounts { state.withLock { $0.calls } }

  /// Whether calls are written down in `callLog`.
  package var keepsLog: Bool {
    get { state.withLock { $0.keepsLog } }
    set { state.withLock { $0.keepsLog = newValue } }
  }

  package var callLog: [DiskCallRecord] { state.withLock { $0.log } }

  /// Makes the n-th call of a kind fail, or of all calls without a kind. The first is 1; calls are counted
  /// from the disk's beginning, which is its last crash.
  package func failCall(_ number: Int, of call: DiskCall? = nil, with errno: Errno) {
    state.withLock { $0.plan.add(.error(errno), at: FaultPlan.Moment(call: call, number: number)) }
  }

  /// Makes the next call of a kind fail.
  package func failNext(_ call: DiskCall, with errno: Errno) {
    state.withLock {
      let moment = FaultPlan.Moment(call: call, number: $0.calls[call] + 1)
      $0.plan.add(.error(errno), at: moment)
    }
  }

  /// Makes the n-th read or write give or take at most so many bytes.
  package func shortenCall(_ number: Int, of call: DiskCall, to bytes: Int) {
    precondition(call == .read || call == .write, "only reads and writes can be short")
    state.withLock { $0.plan.add(.short(bytes), at: FaultPlan.Moment(call: call, number: number)) }
  }

  /// Fails the power just before the n-th call, counted over all kinds: it and all later ones give EIO and do
  /// nothing. `crash` or `killProcess` then tells what is left.
  package func failPower(beforeCall number: Int) { state.withLock { $0.powerFailsAt = number } }

  /// Whether the power is to fail.
  package var willFail: Bool { state.withLock { $0.powerFailsAt != nil } }

  /// Takes back that the power is to fail.
  package func spare() { state.withLock { $0.powerFailsAt = nil } }

  /// Whether the power has failed, or the disk has lived on as another.
  package var isOff: Bool { state.withLock { $0.isOff } }
}

// Bits and bytes

extension SimulatedDisk {
  /// Flips a bit on the disk; also in the cache, unless reads are to notice only after `dropCache`.
  package func flipBit(_ path: String, byte: Int, bit: Int, inCache: Bool = true) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      let inode = try state.file(at: path, .open)
      state.inodes[inode].flip(byte: byte, bit: bit, inCache: inCache)
    }
  }

  /// Puts a file on the disk with its name, durable both, as if it had always been there. An older one of
  /// that name is gone for good.
  package func plant(_ bytes: [UInt8], at path: String) throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      guard case .place(let place, let old) = try state.find(path, .create) else {
        throw state.refusal(.create, .isAFolder, path)
      }
      if case .folder = old { throw state.refusal(.create, .isAFolder, path) }
      let inode = state.newFile()
      state.tree.plant(.file(inode), at: place)
      state.hold(inode, links: 1)
      state.change(inode) { $0.plant(bytes) }
      if case .file(let replaced) = old { state.hold(replaced, links: -1) }
    }
  }

  /// Makes a folder and those above it, durable all.
  package func plantFolder(_ path: String) {
    state.withLock { state in
      var folder = SimulatedTree.root
      for name in path.split(separator: "/") where name != "." {
        let place = SimulatedTree.Place(folder: folder, name: String(name))
        switch state.tree[place] {
        case .folder(let below): folder = below
        case .file: preconditionFailure("a file stands where a folder is planted")
        case nil:
          folder = state.tree.makeFolder()
          state.tree.plant(.folder(folder), at: place)
        }
      }
    }
  }

  /// What reads see of a file, without a call.
  package func contents(of path: String) throws(SystemError) -> [UInt8] {
    try state.withLock { state throws(SystemError) in
      state.inodes[try state.file(at: path, .open)].current
    }
  }

  /// What is surely on the disk of the file that has this name now.
  package func durableContents(of path: String) throws(SystemError) -> [UInt8] {
    try state.withLock { state throws(SystemError) in
      state.inodes[try state.file(at: path, .open)].durable
    }
  }

  /// The names in a folder that are surely on the disk.
  package func durableNames(in folder: String) throws(SystemError) -> [String] {
    try state.withLock { state throws(SystemError) in
      state.tree.durableNames(in: try state.folder(at: folder))
    }
  }
}
