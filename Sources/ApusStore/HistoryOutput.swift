// A run or a ledger in the making: written under a temporary name, synced, read again past the cache and compared, and only then named.
// Whatever ends it before, `discard` leaves nothing of it.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

final class HistoryOutput {
  let record: FileRecord
  let byteCount: UInt64
  private let folder: StoreFolder
  private var isNamed = false

  private var path: String { folder.at(record.name) }
  private var temporary: String { path + StoreFolder.temporarySuffix }

  /// Writes what `fill` says, and syncs it. It returns the attributes and the size.
  init(
    _ kind: FileKind, _ id: FileID, _ name: String, first: LSN, in folder: StoreFolder,
    fill: (any DiskFile) throws(HistoryError) -> (attributes: [UInt8], byteCount: UInt64)
  ) throws(HistoryError) {
    self.folder = folder
    let temporary = folder.at(name) + StoreFolder.temporarySuffix
    do throws(HistoryError) {
      let file = try Self.wrapping { () throws(SystemError) in
        // What a killed process left half made has the same name when it is made again.
        if try folder.disk.entry(at: temporary)?.isFolder == false { try folder.disk.remove(temporary) }
        return try folder.disk.open(temporary, .create)
      }
      defer { file.close() }
      let filled = try fill(file)
      try Self.wrapping { () throws(SystemError) in try file.syncAll() }
      record = FileRecord(
        kind: kind, id: id, name: name, first: first, epoch: 0, headerCRC: 0, attributes: filled.attributes)
      byteCount = filled.byteCount
    } catch {
      try? folder.disk.remove(temporary)
      throw error
    }
  }

  /// Opens what was written, to be compared with what was meant: what comes is the disk's word.
  func reopen() throws(HistoryError) -> any DiskFile {
    let (folder, path) = (folder, temporary)
    return try Self.wrapping { () throws(SystemError) in
      let file = try folder.disk.open(path, .read)
      try file.dropCache()
      return file
    }
  }

  /// Gives it its name, which lasts when the folder was synced.
  func reveal() throws(HistoryError) {
    let (folder, from, to) = (folder, temporary, path)
    try Self.wrapping { () throws(SystemError) in try folder.disk.rename(from, to: to) }
    isNamed = true
  }

  func discard() { try? folder.disk.remove(isNamed ? path : temporary) }

  static func wrapping<T>(_ body: () throws(SystemError) -> T) throws(HistoryError) -> T {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
  }
}

/// A cursor that takes the digest of all that passes, and counts it.
final class DigestedEvents: EventCursor {
  private let source: any EventCursor
  private var digester = EventDigester()
  private(set) var count: UInt64 = 0
  private let pace: (Int) -> Bool

  /// `pace` is told the bytes of each event; when it says false, the events end.
  init(_ source: any EventCursor, pace: @escaping (Int) -> Bool = { _ in true }) {
    self.source = source
    self.pace = pace
  }

  var digest: EventDigest { digester.digest }
  var current: EventPlace { source.current }
  private(set) var isCut = false

  func advance() throws(HistoryError) -> Bool {
    guard !isCut, try source.advance() else { return false }
    let place = source.current
    digester.take(place.event)
    count += 1
    if !pace(place.event.rawByteCount) { isCut = true }
    return !isCut
  }
}
