import ApusBytes
package import ApusSystem

/// The names of one built index, and the steps that make it appear, be distrusted, and go.
package struct IndexFolder: Equatable, Sendable {
  package let parent: String
  package let epoch: UInt64

  package init(in parent: String, epoch: UInt64) {
    self.parent = parent
    self.epoch = epoch
  }

  static let prefix = "index-"
  static let buildingSuffix = ".tmp"
  static let retiredSuffix = ".old"
  static let dataName = "data.mdb"
  static let lockName = "LOCK"
  static let suspectName = "SUSPECT"

  package var path: String { parent + "/" + name }
  package var building: String { path + IndexFolder.buildingSuffix }
  package var retired: String { path + IndexFolder.retiredSuffix }
  package var data: String { path + "/" + IndexFolder.dataName }
  var lock: String { path + "/" + IndexFolder.lockName }
  var marker: String { path + "/" + IndexFolder.suspectName }

  private var name: String {
    let digits = String(epoch)
    return IndexFolder.prefix + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
  }

  /// The epoch of a name as this program gives it, or would: not so high that no other could follow.
  private static func epoch(of rest: Substring) -> UInt64? {
    guard let epoch = UInt64(rest), epoch <= epochMax else { return nil }
    return IndexFolder(in: "", epoch: epoch).name == prefix + rest ? epoch : nil
  }

  private static let epochMax = UInt64.max / 2

  /// What a folder holds of indexes, by epoch, ascending. Other names are nobody's here.
  package struct Listing: Equatable, Sendable {
    package var ready: [UInt64] = []
    package var building: [UInt64] = []
    package var retired: [UInt64] = []
  }

  /// A folder that is not there holds none.
  package static func list(in parent: String) throws(SystemError) -> Listing {
    var listing = Listing()
    let disk = RealDisk()
    guard try disk.entry(at: parent) != nil else { return listing }
    for name in try disk.names(in: parent) where name.hasPrefix(prefix) {
      let rest = name.dropFirst(prefix.count)
      if let epoch = epoch(of: rest) { listing.ready.append(epoch) }
      if rest.hasSuffix(buildingSuffix), let epoch = epoch(of: rest.dropLast(4)) {
        listing.building.append(epoch)
      }
      if rest.hasSuffix(retiredSuffix), let epoch = epoch(of: rest.dropLast(4)) {
        listing.retired.append(epoch)
      }
    }
    listing.ready.sort()
    listing.building.sort()
    listing.retired.sort()
    return listing
  }

  /// Makes the next open find the index suspect, whatever happens to this process. Doing it twice is no harm.
  package func markSuspect(_ why: String) throws(SystemError) {
    let disk = RealDisk()
    do throws(SystemError) {
      let file = try disk.open(marker, .create)
      defer { file.close() }
      let line = Array("\(why.split(separator: "\n").joined(separator: " "))\n".utf8)
      // The marker counts without a word in it, so a full disk does not hinder it.
      do throws(SystemError) { try file.writeAll(unsafe line.span.bytes, at: 0) } catch {
        guard error.errno.meansDiskFull else { throw error }
      }
      try file.syncAll()
    } catch {
      guard error.errno == .exists else { throw error }
    }
    try disk.syncFolder(path)
  }

  /// Makes the folder of the indexes durable, if it is missing; the one above must be there.
  func makeParent() throws(SystemError) {
    let disk = RealDisk()
    guard try disk.entry(at: parent) == nil else { return }
    do throws(SystemError) { try disk.makeFolder(parent) } catch {
      guard error.errno == .exists else { throw error }
    }
    try disk.syncFolder(parent + "/..")
  }

  /// Why the index is suspect; nil when nobody marked it.
  func suspicion() throws(SystemError) -> String? {
    let disk = RealDisk()
    guard try disk.entry(at: marker) != nil else { return nil }
    do throws(SystemError) {
      let file = try disk.open(marker, .read)
      defer { file.close() }
      var block = ByteBlock(byteCount: 1_024)
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      let line = block.bytes.extracting(..<count).copied().prefix { $0 != UInt8(ascii: "\n") }
      return String(decoding: line, as: UTF8.self)
    } catch {
      // Whatever has the marker's name is one.
      guard error.meansNoFile else { throw error }
      return "\(error)"
    }
  }

  /// Removes an index that nobody has open, and what a crash left of its building or its removal.
  ///
  /// Whoever has it open closes it first: that is refused as in use. The good name goes first, so that no crash leaves half an index under it.
  ///
  /// `evenInUse`: readers go on in files without a name, and what is in them is gone with the last of these. Nobody may write it any more.
  package func remove(evenInUse: Bool = false) throws(IndexError) {
    let disk = RealDisk()
    if try wrapping({ () throws(SystemError) in try isThere() }) {
      try wrapping { () throws(SystemError) in try erase(retired) }
      let held = evenInUse ? nil : try holdIfFile()
      defer { held?.release() }
      try wrapping { () throws(SystemError) in
        try disk.rename(path, to: retired)
        try disk.syncFolder(parent)
      }
    }
    try wrapping { () throws(SystemError) in
      guard try disk.entry(at: parent) != nil else { return }
      try erase(retired)
      try erase(building)
      try disk.syncFolder(parent)
    }
  }

  private func isThere() throws(SystemError) -> Bool {
    do throws(SystemError) { return try RealDisk().entry(at: path) != nil } catch {
      guard error.meansNoFile else { throw error }
      return true
    }
  }

  /// Removes whatever has a name: a file, or a folder with all that is in it. A symbolic link goes, what it leads to remains.
  func erase(_ path: String) throws(SystemError) {
    let disk = RealDisk()
    do throws(SystemError) { try disk.remove(path) } catch {
      if error.errno == .noEntry { return }
      guard error.errno == .isAFolder else { throw error }
      for name in try disk.names(in: path) { try erase(path + "/" + name) }
      try disk.removeFolder(path)
    }
  }

  /// Nobody holds a lock that is no file.
  private func holdIfFile() throws(IndexError) -> (any FileLock)? {
    do throws(IndexError) { return try hold(lock) } catch {
      guard case .system(let refusal) = error, refusal.meansNoFile else { throw error }
      return nil
    }
  }

  /// Takes the lock that says who has the index open.
  func hold(_ path: String, _ mode: LockMode = .exclusive) throws(IndexError) -> any FileLock {
    let outcome = try wrapping { () throws(SystemError) in try RealDisk().lock(path, mode) }
    switch outcome {
    case .held(let lock): return lock
    case .taken(let process): throw .inUse(folder: self.path, process: process)
    }
  }
}
