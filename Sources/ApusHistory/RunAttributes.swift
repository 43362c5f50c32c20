// What the manifest knows of a run: enough to check it before anything of it is used, and to choose among runs without
// opening them.

package import ApusBytes
package import ApusContracts

package struct RunAttributes: Equatable, Sendable {
  package var viewVersion: ViewVersionID
  /// The last LSN of the range; the first stands in the manifest's edit.
  package var last: LSN
  package var events: UInt64
  package var size: UInt64
  /// Where the tail begins, its bytes behind the last page.
  package var tailAt: UInt64
  package var tailDigest: SHA256.Digest
  package var digest: EventDigest
  package var greatestKnownAt: KnownAt
  package var greatestEventTime: EventTime
  /// What its events would take in a log.
  package var rawBytes: UInt64
  /// How many keys they have.
  package var keys: UInt64
  /// Of events up to this LSN those that lose to one another are gone: they were folded under a horizon with this F.
  package var folded: LSN

  package init(
    viewVersion: ViewVersionID, last: LSN, events: UInt64, size: UInt64, tailAt: UInt64,
    tailDigest: SHA256.Digest, digest: EventDigest, greatestKnownAt: KnownAt, greatestEventTime: EventTime,
    rawBytes: UInt64, keys: UInt64, folded: LSN = .none
  ) {
    self.viewVersion = viewVersion
    self.last = last
    self.events = events
    self.size = size
    self.tailAt = tailAt
    self.tailDigest = tailDigest
    self.digest = digest
    self.greatestKnownAt = greatestKnownAt
    self.greatestEventTime = greatestEventTime
    self.rawBytes = rawBytes
    self.keys = keys
    self.folded = folded
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter(capacity: RunFormat.attributesByteCount)
    writer.write(RunFormat.version)
    writer.write(viewVersion.rawValue)
    writer.write(last.rawValue)
    writer.write(events)
    writer.write(size)
    writer.write(tailAt)
    writer.write(tailDigest.bytes)
    writer.write(digest.first)
    writer.write(digest.second)
    writer.write(greatestKnownAt.nanoseconds)
    writer.write(greatestEventTime.nanoseconds)
    writer.write(rawBytes)
    writer.write(keys)
    writer.write(folded.rawValue)
    return writer.bytes.copied()
  }

  /// Reads what `encoded` made. `path` is the file's, for the error.
  package init(_ bytes: RawSpan, path: String) throws(HistoryError) {
    var reader = HistoryFieldReader(attributes: bytes, path: path)
    try reader.version(RunFormat.version, byteCount: RunFormat.attributesByteCount)
    viewVersion = ViewVersionID(try reader.read())
    last = LSN(try reader.read())
    events = try reader.read()
    size = try reader.read()
    tailAt = try reader.read()
    tailDigest = try reader.digest()
    digest = EventDigest(first: try reader.read(), second: try reader.read())
    greatestKnownAt = KnownAt(nanoseconds: try reader.read())
    greatestEventTime = EventTime(nanoseconds: try reader.read())
    rawBytes = try reader.read()
    keys = try reader.read()
    folded = LSN(try reader.read())
    guard tailAt <= size else { throw reader.fault("its tail begins behind its end") }
    guard keys <= events else { throw reader.fault("it has more keys than events") }
  }
}
