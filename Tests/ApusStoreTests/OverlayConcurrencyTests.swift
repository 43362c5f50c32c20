// Readers on their own threads beside the writer, while generations freeze, drop and grow.

import ApusBytes
import ApusStore
import ApusSystem
import ApusTestSupport
import Synchronization
import Testing

@Suite("Readers beside the writer")
struct OverlayConcurrencyTests {
  /// What the threads of one story share.
  private final class Shared: Sendable {
    let readersLeft: Atomic<Int>
    let floor = Atomic<UInt64>(0)
    let reads = Atomic<Int>(0)
    let found = Atomic<Int>(0)
    let wrong = Monitor<[String]>([])

    init(readers: Int) { readersLeft = Atomic(readers) }

    func complain(_ text: String) {
      wrong.withLock { wrong in
        if wrong.count < 10 { wrong.append(text) }
      }
    }
  }

  private static let groupSize = 8

  /// A version says its round and which key it is of, all through.
  private static func write(round: UInt64, member: Int, to writer: inout ByteWriter) {
    for _ in 0..<(1 + (Int(round) + member) % 9) {
      writer.write(round)
      writer.write(UInt64(member))
    }
  }

  /// The round that a version says, or nil when it says two things at once.
  private static func round(of version: RawSpan, member: Int) -> UInt64? {
    var reader = ByteReader(version)
    guard let round = try? reader.read(UInt64.self), (try? reader.read(UInt64.self)) == UInt64(member) else {
      return nil
    }
    guard version.byteCount == 16 * (1 + (Int(round) + member) % 9) else { return nil }
    while !reader.isAtEnd {
      guard (try? reader.read(UInt64.self)) == round, (try? reader.read(UInt64.self)) == UInt64(member) else {
        return nil
      }
    }
    return round
  }

  /// A group of keys moves to a new round under eight LSNs, and each round is published at once. A read of the whole
  /// group at L finds the round of L in every key; or in none, when its generation was dropped since.
  private static func read(_ overlay: Overlay, count: Int, shared: Shared) throws {
    var reader = try OverlayReader(of: overlay)
    let keys = (0..<groupSize).map { key("group").map { $0 } + [UInt8($0)] }
    var found = 0
    var earlier = LSN.none
    for _ in 0..<count {
      let view = reader.enter()
      let limit = view.visible
      if limit < earlier { shared.complain("\(limit) is visible after \(earlier)") }
      earlier = limit
      let expected = limit.rawValue / UInt64(groupSize)
      var seen = 0
      for member in 0..<groupSize {
        var newest = true
        let key = keys[member]
        view.forEachGeneration(key: unsafe key.span.bytes, through: limit) { version, range in
          guard let round = Self.round(of: version, member: member) else {
            return shared.complain("a torn version at \(limit) in \(range)")
          }
          if newest && round != expected { shared.complain("round \(round) at \(limit) in \(range)") }
          if newest { seen += 1 }
          newest = false
        }
      }
      view.leave()
      if seen == groupSize {
        found += 1
      } else if seen != 0 || shared.floor.load(ordering: .acquiring) < limit.rawValue {
        shared.complain("\(seen) keys at \(limit)")
      }
    }
    shared.reads.add(count, ordering: .relaxed)
    shared.found.add(found, ordering: .relaxed)
  }

  @Test("all keys of a read are of one LSN, and none is torn, while generations freeze, grow and drop")
  func oneLSN() throws {
    let readers = 3
    let shared = Shared(readers: readers)
    var writer = OverlayWriter(after: .none, byteCountBudget: 64 << 20)
    let overlay = writer.overlay
    let threads = try (0..<readers).map { number in
      try SystemThread.start(name: "reader-\(number)") {
        do {
          try Self.read(overlay, count: 150_000, shared: shared)
        } catch {
          shared.complain("\(error)")
        }
        shared.readersLeft.subtract(1, ordering: .releasing)
      }
    }
    var random = SplitMix64(seed: 11)
    let keys = (0..<Self.groupSize).map { key("group").map { $0 } + [UInt8($0)] }
    var round: UInt64 = 0
    var most = 0
    var drops = 0
    while shared.readersLeft.load(ordering: .acquiring) > 0 {
      if overlay.statistics.byteCount > 48 << 20 {
        // A reader that was stopped in the midst holds everything back: whoever writes waits, as the budget says.
        if let oldest = writer.frozen.first {
          shared.floor.store(oldest.range.last.rawValue, ordering: .releasing)
          writer.drop(oldest)
        } else {
          _ = try writer.freeze()
        }
        writer.reclaim()
        continue
      }
      round += 1
      for member in 0..<Self.groupSize {
        let lsn = LSN(round * UInt64(Self.groupSize) - UInt64(Self.groupSize - 1 - member))
        let one = keys[member]
        writer.apply(key: unsafe one.span.bytes, lsn: lsn) { _, scratch in
          Self.write(round: round, member: member, to: &scratch)
          return .write
        }
        // Other keys, so that tables grow under the readers.
        if random.chance(0.3) { writer.put(key(random.below(1 << 20)), [], at: lsn.rawValue) }
      }
      writer.publish(round * UInt64(Self.groupSize))
      if random.chance(0.01), writer.generationCount < OverlayLimits.generationsMax {
        _ = try writer.freeze()
      }
      if writer.generationCount > 4 || random.chance(0.003), let oldest = writer.frozen.first {
        // Before the drop: a reader that misses the generation finds the floor already there.
        shared.floor.store(oldest.range.last.rawValue, ordering: .releasing)
        writer.drop(oldest)
        drops += 1
      }
      most = max(most, overlay.statistics.byteCount)
    }
    for thread in threads { thread.join() }
    let wrong = shared.wrong.withLock { $0 }
    #expect(wrong == [])
    let (reads, found) = (shared.reads.load(ordering: .relaxed), shared.found.load(ordering: .relaxed))
    #expect(reads == readers * 150_000)
    #expect(found > 0)
    #expect(drops > 0)
    // However long it went on.
    #expect(most < 64 << 20)
    writer.reclaim()
    #expect(overlay.statistics.heldBackByteCount == 0)
    #expect(overlay.statistics.readerCount == 0)
  }

  @Test("readers come and go by the thousand beside the writer, and each sees what was visible when it came")
  func comeAndGo() throws {
    let shared = Shared(readers: 3)
    var writer = OverlayWriter(after: .none, byteCountBudget: 64 << 20)
    let overlay = writer.overlay
    let threads = try (0..<3).map { number in
      try SystemThread.start(name: "guest-\(number)") {
        for _ in 0..<10_000 {
          do {
            let before = overlay.statistics.visible
            var reader = try OverlayReader(of: overlay)
            let view = reader.enter()
            if view.visible < before { shared.complain("\(view.visible) after \(before)") }
            let found = view.found(key("a"))
            if let newest = found.first, newest.bytes.count > 8 { shared.complain("\(newest)") }
          } catch {
            shared.complain("\(error)")
          }
        }
        shared.readersLeft.subtract(1, ordering: .releasing)
      }
    }
    var lsn: UInt64 = 0
    while shared.readersLeft.load(ordering: .acquiring) > 0 {
      lsn += 1
      writer.put(key("a"), key(Int(lsn)), at: lsn)
      writer.publish(lsn)
      if lsn % 64 == 0 {
        _ = try writer.freeze()
        if writer.frozen.count > 2, let oldest = writer.frozen.first { writer.drop(oldest) }
      }
    }
    for thread in threads { thread.join() }
    let wrong = shared.wrong.withLock { $0 }
    #expect(wrong == [])
    #expect(overlay.statistics.readerCount == 0)
  }
}
