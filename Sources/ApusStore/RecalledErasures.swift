// Erasures twice: in the log, and in the manifest for as long as the log has their records. Whoever makes a state of the log takes those of
// the manifest in where their records would stand, so it is the state that there would be without a loss.

import ApusBytes
import ApusLog
import ApusSystem

/// What the manifest has, in the order of LSNs, and how far it was taken in.
struct RecalledErasures {
  private let kept: [KeptErasure]
  private var next = 0

  init(_ log: LogView) { kept = log.keptErasures }

  /// The next one before an LSN.
  mutating func take(before lsn: LSN) -> KeptErasure? {
    guard next < kept.count, kept[next].lsn < lsn else { return nil }
    next += 1
    return kept[next - 1]
  }

  /// The next one, wherever it stands: behind all that can be read some may be lost, too.
  mutating func take() -> KeptErasure? {
    guard next < kept.count else { return nil }
    next += 1
    return kept[next - 1]
  }
}

extension KeptErasure {
  /// 16 bytes each, two integers.
  var keys: [ErasureHash] {
    func word(_ at: Int) -> UInt64 { hashes[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    return stride(from: 0, to: hashes.count - Self.hashByteCount + 1, by: Self.hashByteCount).map {
      ErasureHash(first: word($0), second: word($0 + 8))
    }
  }

  init(_ lsn: LSN, _ time: WallTime, salt: [UInt8], _ keys: [ErasureHash]) {
    var writer = ByteWriter(capacity: keys.count * Self.hashByteCount)
    for key in keys {
      writer.write(key.first)
      writer.write(key.second)
    }
    self.init(lsn: lsn, time: time, salt: salt, hashes: writer.bytes.copied())
  }
}

extension Erasures {
  /// What the manifest should have of these and has not: those of the log from the floor on.
  func unkept(in log: LogView) -> [KeptErasure] {
    let known = Set(log.keptErasures.map(\.lsn))
    var missing: [LSN: (keys: [ErasureHash], time: WallTime)] = [:]
    // A key that was erased twice is told by the later one, and may have the moment of the earlier: the least of all is the record's, or
    // as good, and never later than what is known of any.
    for (hash, erase) in listed where erase.floor >= log.floor && !known.contains(erase.floor) {
      let before = missing[erase.floor]
      missing[erase.floor] = (
        (before?.keys ?? []) + [hash], min(before?.time ?? erase.time, erase.time)
      )
    }
    return missing.sorted { $0.key < $1.key }.map { lsn, found in
      KeptErasure(lsn, found.time, salt: salt, found.keys)
    }
  }
}

extension AppenderCore {
  /// Whether the manifest has room for erasures of so many keys more.
  func checkErasures(adding count: Int) throws(StoreError) {
    let waiting = unkept.reduce(0) { $0 + $1.keyCount }
    let (keys, max) = (log.keptErasureKeyCount + waiting, ManifestState.keptErasureKeysMax)
    guard count <= max - keys else { throw .erasuresFull(keys: keys, max: max) }
  }

  /// Writes into the manifest what it has not of the erasures. An erasure is acknowledged when this returns; what it throws leaves them for
  /// the next one, or for the next opening.
  func keepErasures() throws(StoreError) {
    do throws(LogError) { try log.keep(unkept) } catch { throw met(error) }
    unkept = []
  }

  /// Before anything is served. What cannot be written now, for want of room above all, is written with the next erasure.
  func keepErasures(foundIn losses: [LSNRange]) {
    let view = log.reader.view
    unkept = applier.state.erasures.unkept(in: view)
    // What was lost before the manifest had erasures may have been some.
    let wasLost = !losses.isEmpty || !view.accepted.isEmpty || !view.segments.allSatisfy(\.damages.isEmpty)
    let from = view.erasuresKeptFrom == nil ? (wasLost ? log.nextLSN : view.floor) : nil
    do throws(LogError) {
      try log.keep(unkept, allFrom: from)
      unkept = []
    } catch {
      _ = met(error)
    }
  }
}
