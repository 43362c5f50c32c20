package import ApusBytes
package import ApusSystem

/// An erasure of the log, once more: lost records may be of anybody, but nobody who was erased comes back with them.
///
/// It is durable before the erasure is acknowledged, and forgotten when the floor has passed its LSN: from there on the newest ledger says
/// it, without which no store is made anew.
package struct KeptErasure: Equatable, Sendable {
  /// Of its record.
  package let lsn: LSN
  /// Later events with an event time up to here are refused.
  package let time: WallTime
  package let salt: [UInt8]
  /// 16 bytes for each key; what they mean is the store's to say.
  package let hashes: [UInt8]

  static let saltByteCount = 32
  package static let hashByteCount = 16

  package init(lsn: LSN, time: WallTime, salt: [UInt8], hashes: [UInt8]) {
    precondition(salt.count == Self.saltByteCount, "a salt has 32 bytes")
    self.lsn = lsn
    self.time = time
    self.salt = salt
    self.hashes = hashes
  }

  package var keyCount: Int { hashes.count / Self.hashByteCount }

  func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(time.nanoseconds)
    writer.write(salt)
    writer.write(hashes)
  }

  init(from reader: inout ByteReader) throws(BytesError) {
    lsn = try reader.readLSN()
    time = WallTime(nanoseconds: try reader.read())
    salt = try reader.readArray(Self.saltByteCount)
    hashes = try reader.readArray(reader.remaining)
  }

  /// Why it says nothing; nil when it is one.
  var fault: String? {
    if hashes.isEmpty { return "an erasure of nobody" }
    return hashes.count % Self.hashByteCount == 0 ? nil : "an erasure with a hash that is cut short"
  }
}

extension LSNRange {
  /// Whether an erasure may be among these lost records without the manifest knowing of it: only where they were written before it
  /// had erasures at all.
  package func mayHaveErasures(unkeptBefore from: LSN?) -> Bool { from.map { first < $0 } ?? true }
}

extension ManifestState {
  package var keptErasureKeyCount: Int { keptErasures.reduce(0) { $0 + $1.keyCount } }

  /// Keys of erasures that a manifest holds: a snapshot must fit into one frame.
  package static let keptErasureKeysMax = 131_072
}

extension LogWriter {
  /// Puts erasures of this log into the manifest, durable when this returns. `from`: from this LSN on the manifest has all of them.
  ///
  /// More than it may hold are refused, and so is one of an LSN that was never given out; then nothing happened.
  package func keep(_ erasures: [KeptErasure], allFrom from: LSN? = nil) throws(LogError) {
    try checkUsable()
    var changes = erasures.map { ManifestChange.erased($0) }
    if let from { changes.append(.erasuresKept(from)) }
    if changes.isEmpty { return }
    do throws(ManifestFault) { _ = try manifest.state.applying(changes) } catch {
      throw .editRefused(why: error.description)
    }
    try commit(changes)
    reader.publish(keptErasures: manifest.state.keptErasures, from: manifest.state.erasuresKeptFrom)
  }

  /// Of how many keys the manifest has erasures.
  package var keptErasureKeyCount: Int { manifest.state.keptErasureKeyCount }
}
