// What a person reads: what happened, and what becomes of the index.

import ApusBytes
import ApusSystem

extension IndexError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .inUse(let folder, let process):
      "\(folder) is in use by \(process.map { "process \($0)" } ?? "another process")"
    case .damaged(let damage): "the index is damaged and must be rebuilt: \(damage)"
    case .full(.quota(let byteCount)): "the index is full: its quota is \(byteCount) bytes"
    case .full(.map): "the index is full: its map has no more addresses"
    case .full(.disk(let fault)): "the disk is full: \(fault)"
    case .abandoned(let fault): "the index is given up and must be rebuilt: \(fault)"
    case .tooManyReaders: "more than \(IndexFormat.readersMax) transactions read at a time"
    case .lmdb(let fault): "\(fault)"
    case .system(let error): "\(error)"
    }
  }
}

extension LMDBFault: CustomStringConvertible {
  package var description: String { "\(call) says \(words) (\(code))" }
}

extension IndexDamage: CustomStringConvertible {
  package var description: String {
    switch self {
    case .value(let key, let fault): "the value of key \(hex(key)) \(fault)"
    case .tree(let fault): "the tree is broken: \(fault)"
    case .record(let key): "record \(hex(key)) is missing or malformed"
    case .transaction(let expected, let found): "the tree is of transaction \(found) instead of \(expected)"
    case .entries(let expected, let found): "the tree has \(found) entries instead of \(expected)"
    case .key(let key): "\(hex(key)) is no key"
    case .order(let key): "key \(hex(key)) is out of order"
    case .lookup(let key): "key \(hex(key)) cannot be found where it stands"
    case .tally(let view, let expected, let found):
      "view version \(view) has \(found.count) keys instead of \(expected.count)"
        + (found.count == expected.count ? ", but others" : "")
    case .freePage(let page): "the list of free pages is wrong about page \(page)"
    case .freeRecord: "a record of the list of free pages is malformed"
    case .pages(let expected, let found):
      "\(found) pages are neither a key's nor free, instead of \(expected)"
    case .page(let page): "the head of page \(page) is wrong"
    case .row(let key): "the row of key \(hex(key)) cannot be read"
    }
  }
}

extension ValueFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .place: "lies outside of the file"
    case .short(let byteCount): "has only \(byteCount) bytes"
    case .checksum: "has a wrong checksum"
    case .flags(let flags): "has unknown flags \(flags)"
    case .lsn(let lsn, let touched): "is of LSN \(lsn), beyond \(touched)"
    }
  }
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Runs `body`, whose refusals by the kernel become this room's error.
func wrapping<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(IndexError) -> T {
  do throws(SystemError) { return try body() } catch { throw .system(error) }
}

extension Errno {
  /// Whether something stands where a file should: a folder, a pipe, a link that leads nowhere.
  var meansNoFile: Bool {
    self == .isAFolder || self == .notAFolder || self == .linkLoop || self == .noDevice
  }
}

extension SystemError {
  /// `open` says "invalid" to what is neither a file nor a folder.
  var meansNoFile: Bool { errno.meansNoFile || call == "open" && errno == .invalid }
}
