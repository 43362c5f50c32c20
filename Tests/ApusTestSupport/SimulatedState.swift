// Everything a simulated disk knows, under its one lock.
//
// `used` is the sum of `charge` over the files that are held, that is, named or open.

import ApusSystem

struct SimulatedState: Sendable {
  /// Arrays stand in for the disk, so a file has to fit into memory.
  static let fileSizeMax = 1 << 30

  var tree = SimulatedTree()
  var inodes: [SimulatedInode] = []
  /// Locked files: how many share it, or minus one for an exclusive lock.
  var locks: [Int: Int] = [:]
  var capacity: Int?
  private(set) var used = 0

  var random: SplitMix64
  var faults = DiskFaults()
  var plan = FaultPlan()
  /// The power fails before the call of this number.
  var powerFailsAt: Int?
  var isOff = false
  var calls = CallCounts()
  var keepsLog = false
  var log: [DiskCallRecord] = []
  /// Files that nobody holds but whose bytes a crash might bring back.
  private var released: [Int] = []

  init(random: SplitMix64) { self.random = random }

  var free: Int { capacity.map { max(0, $0 - used) } ?? 1 << 50 }
}

/// How many calls there were, by kind.
package struct CallCounts: Equatable, Sendable {
  package internal(set) var total = 0
  private var byKind = [Int](repeating: 0, count: DiskCall.allCases.count)

  package subscript(call: DiskCall) -> Int { byKind[call.rawValue] }

  mutating func count(_ call: DiskCall) {
    total += 1
    byKind[call.rawValue] += 1
  }
}

// Every call begins here

extension SimulatedState {
  /// What is to happen to a call: nothing special, an error, or fewer bytes.
  mutating func begin(
    _ call: DiskCall, _ path: String, offset: Int = 0, count: Int = 0
  ) throws(SystemError) -> FaultPlan.Fault? {
    if isOff { throw refusal(call, .inputOutput, path) }
    calls.count(call)
    if let powerFailsAt, calls.total >= powerFailsAt {
      isOff = true
      throw refusal(call, .inputOutput, path)
    }
    if keepsLog { log.append(DiskCallRecord(call: call, path: path, offset: offset, count: count)) }
    if let planned = plan.fault(at: call, number: calls[call], ofAll: calls.total) { return planned }
    return chanceFault(call, count: count)
  }

  /// Begins a call that either happens or does not.
  mutating func enter(_ call: DiskCall, _ path: String) throws(SystemError) {
    if case .error(let errno) = try begin(call, path) { throw refusal(call, errno, path) }
  }

  private mutating func chanceFault(_ call: DiskCall, count: Int) -> FaultPlan.Fault? {
    switch call {
    case .read:
      if random.chance(faults.readErrors) { return .error(.inputOutput) }
      if count > 1, random.chance(faults.shortReads) { return .short(random.within(1...count - 1)) }
    case .write:
      if random.chance(faults.writeErrors) { return .error(.inputOutput) }
      if count > 1, random.chance(faults.shortWrites) { return .short(random.within(1...count - 1)) }
    case .syncData, .syncAll, .syncFolder:
      if random.chance(faults.syncErrors) { return .error(.inputOutput) }
    default: break
    }
    return nil
  }

  func refusal(_ call: DiskCall, _ errno: Errno, _ path: String) -> SystemError {
    SystemError(call.name, errno, on: path)
  }
}

// Who holds a file, and what space that takes

extension SimulatedState {
  mutating func newFile() -> Int {
    inodes.append(SimulatedInode())
    return inodes.count - 1
  }

  /// Changes who holds a file, and frees its space with the last holder.
  mutating func hold(_ inode: Int, links: Int = 0, handles: Int = 0) {
    let before = inodes[inode].isHeld
    inodes[inode].links += links
    inodes[inode].handles += handles
    let after = inodes[inode].isHeld
    if !before && after { used += inodes[inode].charge }
    if before && !after {
      used -= inodes[inode].charge
      released.append(inode)
      forgetReleased()
    }
  }

  /// Changes a file's content and keeps the account of space.
  mutating func change(_ inode: Int, _ body: (inout SimulatedInode) -> Void) {
    let before = inodes[inode].charge
    body(&inodes[inode])
    if inodes[inode].isHeld { used += inodes[inode].charge - before }
  }

  /// Frees the bytes of files that no crash can bring back.
  mutating func forgetReleased() {
    guard tree.unsynced.isEmpty else { return }
    for inode in released where !inodes[inode].isHeld { inodes[inode].forget() }
    released = []
  }

  /// Counts anew who holds what, when the names have changed at once and every handle is dead.
  mutating func recount() {
    locks = [:]
    used = 0
    let links = tree.links(ofFiles: inodes.count)
    released = []
    for inode in inodes.indices {
      inodes[inode].handles = 0
      inodes[inode].links = links[inode]
      if links[inode] > 0 { used += inodes[inode].charge } else { released.append(inode) }
    }
    forgetReleased()
  }
}
