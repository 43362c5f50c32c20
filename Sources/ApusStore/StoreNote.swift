// The state as bytes, kept in the index with *complete*. A section that has nothing to say is left out, and everything
// that has no order of its own is sorted: equal states have equal notes.

package import ApusBytes
internal import ApusContracts
internal import ApusSystem

enum StoreNote {
  static let magic = "APUSNOTE"
  static let version: UInt32 = 1
  static let expiredFlag: UInt8 = 1
  static let offsetFlag: UInt8 = 2

  /// An even tag must be understood.
  enum Section: UInt32 {
    case definitions = 2
    case producers = 4
    case erasures = 6
    case deadLetters = 8
    case activity = 10
    case horizons = 12
    case pins = 14
    case receipts = 16
  }
}

extension StoreState {
  package func writeNote(into writer: inout ByteWriter) {
    writer.write(utf8: StoreNote.magic)
    writer.write(StoreNote.version)
    writer.writeZeroes(4)
    if !definitions.isEmpty {
      let start = writer.beginSection(.definitions)
      writer.writeVarint(UInt64(definitions.count))
      for change in definitions {
        writer.write(change.lsn.rawValue)
        writer.write(change.time.nanoseconds)
        writer.write(counted: change.bytes)
      }
      writer.endSection(from: start)
    }
    if !producers.isEmpty {
      let start = writer.beginSection(.producers)
      writer.writeVarint(UInt64(producers.listed.count))
      for producer in producers.listed { writer.write(producer) }
      writer.endSection(from: start)
    }
    if !erasures.isEmpty {
      let start = writer.beginSection(.erasures)
      writer.write(erasures)
      writer.endSection(from: start)
    }
    if !deadLetters.isEmpty {
      let start = writer.beginSection(.deadLetters)
      writer.write(deadLetters.listed)
      writer.write(deadLetters.oldest?.nanoseconds ?? 0)
      writer.write(deadLetters.handled)
      writer.endSection(from: start)
    }
    if !activity.isEmpty {
      let start = writer.beginSection(.activity)
      writer.write(activity)
      writer.endSection(from: start)
    }
    writeHistoryNote(into: &writer)
  }

  private func writeHistoryNote(into writer: inout ByteWriter) {
    if !horizons.isEmpty {
      let start = writer.beginSection(.horizons)
      let listed = horizons.listed
      writer.writeVarint(UInt64(listed.count))
      for (view, horizon) in listed {
        writer.write(view.rawValue)
        writer.write(horizon)
      }
      writer.endSection(from: start)
    }
    if !pins.isEmpty {
      let start = writer.beginSection(.pins)
      let listed = pins.listed
      writer.writeVarint(UInt64(listed.count))
      for pin in listed {
        writer.write(counted: pin.name)
        writer.write(pin.last.rawValue)
        writer.write(pin.moment.nanoseconds)
        writer.write(pin.since.nanoseconds)
        writer.write(behindTimesOf: pin)
      }
      writer.endSection(from: start)
    }
    if !receipts.isEmpty {
      let start = writer.beginSection(.receipts)
      writer.writeVarint(UInt64(receipts.count))
      for receipt in receipts {
        writer.write(receipt.lsn.rawValue)
        writer.write(receipt.time.nanoseconds)
        writer.write(
          receiptThrough: receipt.through, events: receipt.events, letters: receipt.letters, receipt.files)
      }
      writer.endSection(from: start)
    }
  }
}

extension ByteWriter {
  /// Begins a section and says where its length stands.
  fileprivate mutating func beginSection(_ section: StoreNote.Section) -> Int {
    write(section.rawValue)
    writeZeroes(4)
    let start = count
    writeZeroes(8)
    return start
  }

  fileprivate mutating func endSection(from start: Int) {
    overwrite(UInt64(count - start - 8), at: start)
  }

  fileprivate mutating func write(_ producer: Producer) {
    write(producer.id)
    write(producer.epoch)
    write(counted: producer.name)
    write(producer.sequence)
    write(producer.lastUsed.nanoseconds)
    write(
      (producer.isExpired ? StoreNote.expiredFlag : 0)
        | (producer.sourceOffset == nil ? 0 : StoreNote.offsetFlag))
    if let offset = producer.sourceOffset { write(counted: offset) }
    writeVarint(UInt64(producer.answers.count))
    for answer in producer.answers {
      write(answer.sequence)
      write(answer.frame.lsns.first.rawValue)
      write(answer.frame.lsns.last.rawValue)
      write(answer.frame.time.nanoseconds)
      write(answer.digest)
      write(answer.counts)
    }
  }

  fileprivate mutating func write(_ erasures: Erasures) {
    let listed = erasures.listed
    write(erasures.salt)
    writeVarint(UInt64(listed.count))
    for (hash, erase) in listed {
      write(hash)
      write(erase.floor.rawValue)
      write(erase.time.nanoseconds)
    }
  }

  fileprivate mutating func write(_ activity: Activity) {
    let listed = activity.listed
    writeVarint(UInt64(listed.count))
    for (id, view) in listed {
      write(id.rawValue)
      writeVarint(view.events)
      write(view.newestEventTime.nanoseconds)
      write(view.lastAppendTime.nanoseconds)
      write(view.lastLSN.rawValue)
    }
  }
}
