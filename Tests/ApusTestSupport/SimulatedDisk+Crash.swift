// Ends of the story: the power is cut, or the process is killed. Either way the disk lives on as a new one,
// and the old one is off: whoever still has it, or a file or a lock of it, gets EIO, as a thread would that
// runs on for a moment too long.
//
// After a power cut, each unsynced sector is as it was, as it is, as it has been in between, or torn from
// two of these; a file has one of the sizes it had since its last sync; each unsynced change of a name has
// happened or not. No file system orders its writes as little as this one: what survives here survives there.

import ApusSystem

extension SimulatedDisk {
  /// Cuts the power; the disk's own dice say what survives.
  package func crash() -> SimulatedDisk {
    var state = turnOff()
    var random = state.random.split()
    state.crash(&random)
    return SimulatedDisk(state)
  }

  /// Cuts the power; `seed` says what survives.
  package func crash(seed: UInt64) -> SimulatedDisk {
    var state = turnOff()
    var random = SplitMix64(seed: seed)
    state.crash(&random)
    return SimulatedDisk(state)
  }

  /// Kills the process, as kill -9 does: what was written is still there to be read, and what was not synced
  /// is still there to be lost.
  package func killProcess() -> SimulatedDisk {
    var state = turnOff()
    state.tree.forgive()
    state.recount()
    return SimulatedDisk(state)
  }

  /// The same disk once more, with a life of its own. Nobody has anything open or locked on the copy.
  package func copy() -> SimulatedDisk { copy { _ in } }

  /// A copy to which something has happened.
  func copy(_ happens: (inout SimulatedState) -> Void) -> SimulatedDisk {
    var copy = state.withLock { $0 }
    precondition(!copy.isOff, "this disk has lived on as another")
    happens(&copy)
    copy.recount()
    return SimulatedDisk(copy)
  }

  /// Takes the disk's content out of the old disk, so that it need not be copied.
  private func turnOff() -> SimulatedState {
    state.withLock { state in
      var rest = SimulatedState(random: state.random)
      rest.isOff = true
      rest.calls = state.calls
      rest.keepsLog = state.keepsLog
      rest.log = state.log
      swap(&rest, &state)
      rest.startAnew()
      return rest
    }
  }
}

extension SimulatedState {
  /// A new life: counted from zero, and with nothing planned or likely to go wrong.
  mutating func startAnew() {
    isOff = false
    powerFailsAt = nil
    faults = DiskFaults()
    plan = FaultPlan()
    calls = CallCounts()
    log = []
  }

  fileprivate mutating func crash(_ random: inout SplitMix64) {
    let namesLuck = Luck(&random)
    tree.crash { _ in random.chance(namesLuck.survival) }
    for inode in inodes.indices {
      let luck = Luck(&random)
      let sizes = inodes[inode].sizes
      let size = random.chance(luck.survival) ? sizes[sizes.count - 1] : random.pick(sizes)
      inodes[inode].crash(size: size) { _, old, versions in luck.draw(old, versions, &random) }
    }
    recount()
  }

  /// How kind this crash is to one file. Drawn anew for each, so that all and nothing come up often too.
  private struct Luck {
    let survival: Double
    let tearing: Double

    init(_ random: inout SplitMix64) {
      survival = random.pick([0, 0.1, 0.5, 0.5, 0.9, 1])
      tearing = random.pick([0, 0, 0.3])
    }

    /// A sector after the crash; nil leaves it as it was.
    func draw(_ old: [UInt8], _ versions: [[UInt8]], _ random: inout SplitMix64) -> [UInt8]? {
      if random.chance(tearing) {
        return tear(old, random.pick(versions), &random)
      }
      guard random.chance(survival) else { return nil }
      // The last version is the likeliest, but any may be the one that was written.
      return random.coin() ? versions[versions.count - 1] : random.pick(versions)
    }

    private func tear(_ old: [UInt8], _ new: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
      let seam = random.within(0...SimulatedInode.sectorLength)
      let newFirst = random.coin()
      var torn = newFirst ? new : old
      torn.resize(to: SimulatedInode.sectorLength)
      var tail = newFirst ? old : new
      tail.resize(to: SimulatedInode.sectorLength)
      torn.overlay(at: seam, with: tail[seam...])
      return torn
    }
  }
}
