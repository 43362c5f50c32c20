// A folder on the measured file system, and the bare file that stands for what the disk can do without us.

import ApusBytes
import Foundation

final class Scratch {
  let path: String
  private var made = 0

  init(in parent: String) throws {
    path = "\(parent)/bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// A path nobody had yet.
  func fresh() -> String {
    made += 1
    return "\(path)/\(made)"
  }

  func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
  func remove() { remove(path) }
}

/// A file without anything between it and the kernel.
final class BareFile {
  private let descriptor: Int32

  /// A new file with all its space reserved.
  init(creating path: String, byteCount: Int) throws {
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0, posix_fallocate(descriptor, 0, byteCount) == 0 else {
      throw BareFile.failure(path)
    }
  }

  init(reading path: String) throws {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BareFile.failure(path) }
  }

  deinit { close(descriptor) }

  private static func failure(_ what: String) -> BenchError {
    BenchError("\(what): \(unsafe String(cString: strerror(errno)))")
  }

  @inline(__always) func write(_ bytes: RawSpan, at offset: Int) throws {
    let count = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
    guard count == bytes.byteCount else { throw BareFile.failure("pwrite") }
  }

  /// Fills the block from `offset` on as far as the file goes.
  @inline(__always) func read(into block: inout ByteBlock, at offset: Int) throws -> Int {
    var target = block.mutableBytes
    let count = unsafe target.withUnsafeMutableBytes {
      unsafe pread(descriptor, $0.baseAddress, $0.count, offset)
    }
    guard count >= 0 else { throw BareFile.failure("pread") }
    return count
  }

  func syncData() throws {
    guard fdatasync(descriptor) == 0 else { throw BareFile.failure("fdatasync") }
  }

  /// Asks the kernel to forget what it has cached of the file.
  func dropCache() throws {
    guard posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
      throw BareFile.failure("posix_fadvise")
    }
  }
}
