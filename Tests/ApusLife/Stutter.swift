// A real disk whose every write is short, so that a kill between two writes leaves half a frame.

import ApusSystem
import ApusTestSupport
import Synchronization

final class StutteringDisk: Disk {
  private let disk = RealDisk()
  private let dice: Mutex<SplitMix64>

  init(seed: UInt64) { dice = Mutex(SplitMix64(seed: seed)) }

  func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
    StutteringFile(try disk.open(path, access), seed: dice.withLock { $0.next() })
  }

  func rename(_ path: String, to target: String) throws(SystemError) { try disk.rename(path, to: target) }
  func remove(_ path: String) throws(SystemError) { try disk.remove(path) }
  func makeFolder(_ path: String) throws(SystemError) { try disk.makeFolder(path) }
  func syncFolder(_ path: String) throws(SystemError) { try disk.syncFolder(path) }
  func names(in folder: String) throws(SystemError) -> [String] { try disk.names(in: folder) }
  func entry(at path: String) throws(SystemError) -> DiskEntry? { try disk.entry(at: path) }
  func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome { try disk.lock(path, mode) }
  func freeBytes(at folder: String) throws(SystemError) -> UInt64 { try disk.freeBytes(at: folder) }
}

final class StutteringFile: DiskFile {
  private let file: any DiskFile
  private let dice: Mutex<SplitMix64>

  init(_ file: any DiskFile, seed: UInt64) {
    self.file = file
    dice = Mutex(SplitMix64(seed: seed))
  }

  var path: String { file.path }

  /// Writes a part, two or three of which make a frame.
  func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int {
    let count = dice.withLock { $0.within(min(bytes.byteCount, 1 + bytes.byteCount / 3)...bytes.byteCount) }
    return try file.write(bytes.extracting(..<count), at: offset)
  }

  func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int {
    try file.read(into: &buffer, at: offset)
  }
  func syncData() throws(SystemError) { try file.syncData() }
  func syncAll() throws(SystemError) { try file.syncAll() }
  func size() throws(SystemError) -> UInt64 { try file.size() }
  func allocate(_ size: UInt64) throws(SystemError) { try file.allocate(size) }
  func truncate(_ size: UInt64) throws(SystemError) { try file.truncate(size) }
  func dropCache() throws(SystemError) { try file.dropCache() }
  func close() { file.close() }
}
