// LMDB under the same keys with values of the same size: what the index could be at best for who reads, and what a store
// without a log could do for who writes.

import ApusBytes
import CBareLMDB
import Foundation

@safe final class BareLMDB {
  private let handle: OpaquePointer

  /// An environment of its own. Reads are the same either way; unsynced writes are LMDB's fastest.
  init(_ path: String, isSynced: Bool = false) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var found: OpaquePointer?
    let code = unsafe apus_bare_open(path, 1 << 40, isSynced ? 1 : 0, &found)
    guard code == 0, let found = unsafe found else { throw Self.failure("open", code) }
    unsafe handle = found
  }

  deinit { unsafe apus_bare_close(handle) }

  private static func failure(_ what: String, _ code: Int32) -> BenchError {
    BenchError("bare LMDB: \(what): \(unsafe String(cString: apus_bare_words(code)))")
  }

  private func check(_ what: String, _ code: Int32) throws {
    if code != 0 { throw Self.failure(what, code) }
  }

  /// Puts rows in one transaction.
  func write(_ body: (BareLMDB) throws -> Void) throws {
    try check("begin", unsafe apus_bare_begin(handle))
    try body(self)
    try check("commit", unsafe apus_bare_commit(handle))
  }

  @inline(__always) func put(_ key: RawSpan, _ value: RawSpan) throws {
    let code = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
        unsafe apus_bare_put(handle, key.baseAddress, key.count, value.baseAddress, value.count)
      }
    }
    try check("put", code)
  }

  /// One read as the index does one: renew, get, reset. The value is looked at in between.
  @inline(__always) func read<T>(_ key: RawSpan, _ body: (UnsafeRawBufferPointer) -> T) throws -> T {
    try check("renew", unsafe apus_bare_renew(handle))
    defer { unsafe apus_bare_reset(handle) }
    var start: UnsafeRawPointer?
    var count = 0
    let code = unsafe key.withUnsafeBytes {
      unsafe apus_bare_get(handle, $0.baseAddress, $0.count, &start, &count)
    }
    try check("get", code)
    return unsafe body(UnsafeRawBufferPointer(start: start, count: count))
  }
}
