// The records that the store writes besides rows and letters, whole, heads included: StoreFormat.md has their bytes. What
// is written here is ours: a value that the format cannot hold is a bug of the caller.

package import ApusBytes
package import ApusContracts
package import ApusSystem

/// The operations of the kinds that have several.
enum StoreOperation {
  enum DeadLetters: UInt8 { case letter = 1, handled = 2 }
  enum Erase: UInt8 { case logical = 1 }
  enum Producers: UInt8 { case opened = 1, request = 2, expired = 3 }
}

extension ByteWriter {
  package mutating func writeDefinitions(_ changes: [RegistryChange]) {
    let start = beginRecord(.definitions)
    writeVarint(UInt64(changes.count))
    for change in changes { write(counted: change.encoded) }
    endRecord(from: start)
  }

  package mutating func writeErase(project: ProjectID, salt: [UInt8], _ hashes: [ErasureHash]) {
    precondition(salt.count == Erasures.saltByteCount, "a salt has 32 bytes")
    precondition(!hashes.isEmpty, "an erasure is of somebody")
    let start = beginRecord(.erase)
    write(StoreOperation.Erase.logical.rawValue)
    writeZeroes(3)
    write(project.rawValue)
    write(salt)
    writeVarint(UInt64(hashes.count))
    for hash in hashes { write(hash) }
    endRecord(from: start)
  }

  package mutating func writeProducerOpened(_ opening: ProducerOpening, name: String) {
    precondition(Producers.isName(name), "the name of a producer was checked")
    let start = beginProducers(.opened)
    write(opening.producer)
    write(opening.epoch)
    write(counted: name)
    endRecord(from: start)
  }

  /// To be the first record of its frame.
  package mutating func writeProducerRequest(_ ticket: ProducerTicket, _ counts: RowCounts) {
    precondition(
      (ticket.sourceOffset?.count ?? 0) <= StoreLimits.sourceOffsetByteCountMax,
      "an offset's length was checked")
    let start = beginProducers(.request)
    write(ticket.producer)
    write(ticket.epoch)
    write(ticket.sequence)
    write(ticket.digest)
    write(counts)
    write(ticket.sourceOffset != nil)
    if let offset = ticket.sourceOffset { write(counted: offset) }
    endRecord(from: start)
  }

  package mutating func writeProducersExpired(_ ids: [UInt32]) {
    let start = beginProducers(.expired)
    writeVarint(UInt64(ids.count))
    for id in ids.sorted() { write(id) }
    endRecord(from: start)
  }

  /// The ranges may overlap and have any order, as may the sums; no two sums are of one rule of one view version.
  ///
  /// `oldestLeft` is the append time of the oldest letter that stays unhandled, as far as was looked; if none stays, the
  /// append time of the frame up to which was looked.
  package mutating func writeHandled(
    _ how: HandledHow, _ ranges: [LSNRange], _ sums: [DeadLetterSum], oldestLeft: WallTime
  ) {
    let start = beginRecord(.deadLetter)
    write(StoreOperation.DeadLetters.handled.rawValue)
    write(how.rawValue)
    writeZeroes(2)
    write(oldestLeft.nanoseconds)
    write(LSNRanges(ranges))
    write(sums)
    endRecord(from: start)
  }

  private mutating func beginProducers(_ operation: StoreOperation.Producers) -> Int {
    let start = beginRecord(.producer)
    write(operation.rawValue)
    writeZeroes(3)
    return start
  }
}

// Fields that records and the note share.

extension ByteWriter {
  mutating func write(counted bytes: [UInt8]) {
    writeVarint(UInt64(bytes.count))
    write(bytes)
  }

  mutating func write(counted text: String) {
    writeVarint(UInt64(text.utf8.count))
    write(utf8: text)
  }

  mutating func write(_ hash: ErasureHash) {
    write(hash.first)
    write(hash.second)
  }

  mutating func write(_ digest: RequestDigest) {
    write(digest.first)
    write(digest.second)
  }

  mutating func write(_ counts: RowCounts) {
    writeVarint(UInt64(counts.accepted))
    writeVarint(UInt64(counts.setAside))
    writeVarint(UInt64(counts.erased))
    writeVarint(UInt64(counts.setBack))
  }

  mutating func write(_ sums: [DeadLetterSum]) {
    writeVarint(UInt64(sums.count))
    for sum in sums.sorted(by: { $0.key < $1.key }) {
      write(sum.view.rawValue)
      write(counted: sum.rule)
      writeVarint(sum.letters)
      writeVarint(sum.byteCount)
    }
  }
}
