// What a log must hold, told by a list and nothing of the log's own code.
//
// `kept` is what some recovery has found: from then on it must be found always, byte for byte. `life` is what was appended
// since the last opening, in order; a crash may take a tail of it, but nothing that was promised.

package import ApusBytes
import ApusLog

package struct LogModel: Sendable {
  /// A frame as its sender knows it.
  package struct Entry: Equatable, Sendable {
    package var lsns: LSNRange
    package var payload: [UInt8]

    package init(lsns: LSNRange, payload: [UInt8]) {
      self.lsns = lsns
      self.payload = payload
    }
  }

  /// Stands for a payload that the sender was not told before the log stopped.
  package static let unknown = Array("unknown".utf8)

  /// How the last life ended.
  package enum Ending: Sendable {
    case closed
    /// What reached the file is still there.
    case killed
    /// What was not synced may be gone.
    case powerCut
  }

  package struct Mismatch: Error, CustomStringConvertible {
    package let description: String
  }

  package private(set) var kept: [Entry] = []
  private(set) var life: [Entry] = []
  /// How many of `life` are promised to survive a kill, and a power cut.
  private(set) var written = 0
  private(set) var durable = 0
  /// Dropped by a full disk, told to their senders as failed. Until their segment is finished a crash may bring them back.
  private var dropped: [Entry] = []
  /// The highest LSN that any sender was ever given.
  private var highest = LSN.none
  package private(set) var floor = LSN.first
  private var highestFloor = LSN.first

  package init() {}

  package var lastDurable: LSN { life[..<durable].last?.lsns.last ?? kept.last?.lsns.last ?? .none }

  package var lastAppended: LSN { life.last?.lsns.last ?? kept.last?.lsns.last ?? .none }

  // MARK: What the writer said

  package mutating func appended(_ entry: Entry) throws(Mismatch) {
    let before = life.last ?? kept.last
    guard entry.lsns.first > before?.lsns.last ?? .none else {
      throw Mismatch(description: "\(entry.lsns) was given out behind \(before?.lsns.last ?? .none)")
    }
    // Within a life, only LSNs that a full disk took back may be given out again.
    guard !life.isEmpty || !dropped.isEmpty || entry.lsns.first > highest else {
      throw Mismatch(
        description: "\(entry.lsns) was given out, though \(highest) was given out in an earlier life")
    }
    life.append(entry)
    highest = max(highest, entry.lsns.last)
  }

  package mutating func flushed() {
    written = life.count
  }

  package mutating func synced() {
    written = life.count
    durable = life.count
    dropped = []
  }

  /// A full disk took what was in the buffer.
  package mutating func droppedBuffer() {
    dropped = Array(life[written...])
    life.removeSubrange(written...)
  }

  /// The segment was finished, and what was dropped is gone with its tail.
  package mutating func rotated() { dropped = [] }

  /// A floor up to here may stand after a crash, even if nobody was told.
  package mutating func retires(through lsn: LSN) { highestFloor = max(highestFloor, lsn.next) }

  package mutating func retired(below floor: LSN) {
    self.floor = floor
    kept.removeAll { $0.lsns.last < floor }
    let gone = life.prefix { $0.lsns.last < floor }.count
    life.removeFirst(gone)
    written -= gone
    durable -= gone
  }

  // MARK: What a recovery found

  /// Judges what was found after an ending, and takes it for granted from here on.
  package mutating func recovered(
    _ found: [Entry], after ending: Ending, floor: LSN, next: LSN
  ) throws(Mismatch) {
    guard self.floor <= floor, floor <= highestFloor else {
      throw Mismatch(
        description: "the floor is \(floor), and nobody gave up more than what is below \(highestFloor)")
    }
    retired(below: floor)
    guard found.prefix(kept.count) == kept[...] else {
      throw Mismatch(
        description: "what an earlier opening found is not what this one finds: " + difference(found))
    }
    let tail = found.dropFirst(kept.count)
    for at in life.indices where life[at].payload == LogModel.unknown {
      if let known = tail.first(where: { $0.lsns == life[at].lsns }) { life[at] = known }
    }
    let promised =
      switch ending {
      case .closed: life.count
      case .killed: written
      case .powerCut: durable
      }
    guard tail.count >= promised else {
      let lost = life[tail.count]
      throw Mismatch(description: "\(lost.lsns) was promised and is gone; found \(found.count) frames")
    }
    let asAppended = life.prefix(tail.count)
    let asDropped = (life[..<written] + dropped).prefix(tail.count)
    guard tail == asAppended || tail == asDropped else {
      throw Mismatch(description: "found what nobody appended: " + difference(found))
    }
    guard next > highest else {
      throw Mismatch(description: "LSN \(next) is to be given out, though \(highest) was before")
    }
    kept = found
    life = []
    dropped = []
    written = 0
    durable = 0
  }

  /// The model after a clean close: everything is kept.
  package func continued(_ entries: [Entry]) -> LogModel {
    var model = self
    model.kept = entries.filter { $0.lsns.last >= floor }
    model.life = []
    model.written = 0
    model.durable = 0
    return model
  }

  private func difference(_ found: [Entry]) -> String {
    let expected = kept + life
    for (at, entry) in found.enumerated() {
      guard at < expected.count else { return "frame \(at) (\(entry.lsns)) is too many" }
      if entry != expected[at] {
        return "frame \(at): \(entry.lsns) of \(entry.payload.count) bytes for \(expected[at].lsns) of "
          + "\(expected[at].payload.count)"
      }
    }
    return "\(found.count) frames for at least \(kept.count)"
  }
}
