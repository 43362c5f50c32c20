// Reads a run. Its tail is judged when it is opened, and the checksum of a page, which stands in the tail, is compared before anything of the
// page is looked at: so no value of a flipped, swapped or cut page is ever given out. Many threads may read one run.

package import ApusBytes
import ApusColumnar
import ApusContracts
package import ApusSystem

package final class RunReader: Sendable {
  package let path: String
  package let lsns: LSNRange
  package let attributes: RunAttributes
  let file: any DiskFile
  private let id: HistoryFileID
  let tail: RunTail
  /// What the last lookup left, for the next one: to make a decompressor costs as much as a small block.
  private let spare = Monitor<Lookup?>(nil)

  /// Checks size and tail. The range's first LSN and the attributes are what the manifest says.
  package init(
    _ file: any DiskFile, _ id: HistoryFileID, first: LSN, _ attributes: RunAttributes
  ) throws(HistoryError) {
    path = file.path
    lsns = LSNRange(first, through: attributes.last)
    self.file = file
    self.id = id
    self.attributes = attributes
    tail = try RunTail(file, id, lsns, attributes)
  }

  /// What the run's columns are: the features of the newest layout that was known when it was written.
  package var schema: RunSchema { tail.schema }
  /// Blocks of rows: so many pages has each column.
  package var blockCount: Int { tail.pages.blockCount }

  /// All events, by (key, stamp); from a key on those of the blocks that hold it or what follows it.
  package func events(from key: [UInt8]? = nil) -> any EventCursor {
    let groups = tail.pages.rowGroups
    return RunCursor(blocks(), from: key.map { Self.first(of: $0, in: groups) } ?? (0, 0))
  }

  /// The events of one key, by stamp. Reads the blocks whose bounds the key lies in: one, mostly.
  package func events(of key: RawSpan) throws(HistoryError) -> EventBatch {
    var found = EventBatch()
    let key = key.copied()
    let groups = tail.pages.rowGroups
    let places = Self.blocks(of: key, in: groups)
    if places.isEmpty { return found }
    let taken = spare.withLock { spare in
      defer { spare = nil }
      return spare
    }
    let lookup = taken ?? Lookup(blocks())
    for (group, block) in places { try lookup.blocks.read(group, block, rowsOf: key, into: &found) }
    if lookup.blocks.heldByteCount <= Self.spareByteCountMax { spare.withLock { $0 = lookup } }
    return found
  }

  /// Blocks on loan. Owned by the one lookup that took it, or by the lock while nobody has.
  private final class Lookup: @unchecked Sendable {
    var blocks: RunBlocks
    init(_ blocks: consuming RunBlocks) { self.blocks = blocks }
  }

  /// A lookup that holds larger dictionaries is not kept: stores have many runs.
  private static let spareByteCountMax = 1 << 20

  /// The first block whose greatest key is not before this one: bounds ascend, so it is found by halves.
  private static func first(of key: [UInt8], in groups: [RunPages.RowGroup]) -> (group: Int, block: Int) {
    func isBefore(_ group: Int) -> Bool {
      groups[group].greatest.last.map { $0.lexicographicallyPrecedes(key) } ?? true
    }
    var low = 0
    var high = groups.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    guard low < groups.count else { return (low, 0) }
    let bounds = groups[low]
    var first = 0
    var end = bounds.blockCount
    while first < end {
      let middle = (first + end) / 2
      if bounds.greatest[middle].lexicographicallyPrecedes(key) { first = middle + 1 } else { end = middle }
    }
    return (low, first)
  }

  /// Where the key may be: the blocks that hold it are neighbours.
  private static func blocks(of key: [UInt8], in groups: [RunPages.RowGroup]) -> [(Int, Int)] {
    var found: [(Int, Int)] = []
    var (group, block) = first(of: key, in: groups)
    while group < groups.count {
      let bounds = groups[group]
      while block < bounds.blockCount {
        if key.lexicographicallyPrecedes(bounds.least[block]) { return found }
        found.append((group, block))
        block += 1
      }
      (group, block) = (group + 1, 0)
    }
    return found
  }

  /// Reads all of the file again, past the cache, and compares everything that can be compared: tail, every page, every event's order and
  /// range, their number and their digest. The digest is that of the events that went in; so what is read here is what was written.
  package func verify() throws(HistoryError) {
    do throws(SystemError) { try file.dropCache() } catch { throw .system(error) }
    let again = try RunTail(file, id, lsns, attributes)
    let head = try file.block(RunFormat.magicByteCount, at: 0, path: path)
    guard head.bytes.copied() == Array("PAR1".utf8) else {
      throw .damaged(path: path, at: 0, "it does not begin as a run does")
    }
    var digester = EventDigester()
    var found = attributes
    found.events = 0
    found.rawBytes = 0
    found.keys = 0
    var key: [UInt8] = []
    found.greatestKnownAt = KnownAt(nanoseconds: .min)
    found.greatestEventTime = EventTime(nanoseconds: .min)
    let cursor = RunCursor(RunBlocks(file, again, path: path, attributes, lsns, readsAll: true))
    while try cursor.advance() {
      let place = cursor.current
      let event = place.event
      digester.take(event)
      if found.events == 0 || !event.key.isEqual(to: unsafe key.span.bytes) {
        key = event.key.copied()
        found.keys &+= 1
      }
      found.events &+= 1
      found.rawBytes &+= UInt64(event.rawByteCount)
      found.greatestKnownAt = max(found.greatestKnownAt, event.head.knownAt)
      found.greatestEventTime = max(found.greatestEventTime, event.head.eventTime)
    }
    found.digest = digester.digest
    guard found == attributes else {
      throw .damaged(path: path, at: 0, "its events are not those that the manifest tells of")
    }
  }

  func blocks() -> RunBlocks { RunBlocks(file, tail, path: path, attributes, lsns) }
}
