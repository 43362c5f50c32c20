// How fast the index is, beside LMDB alone on the same bytes. Told, and not judged: machines differ. Run with APUS_MEASURE=1.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

enum Measuring {
  static let isWanted = unsafe getenv("APUS_MEASURE") != nil
}

@Suite("How fast an index is", .serialized, .enabled(if: Measuring.isWanted, "only with APUS_MEASURE"))
struct MeasuringTests {
  /// Rows of 64 bytes under ascending keys, made as they are asked for.
  struct Dense: IndexUpdates, ~Copyable {
    private var id: Int
    private let end: Int
    private let stride: Int
    private var current = ByteWriter()
    private var bytes = ByteWriter(capacity: 64)

    init(_ count: Int, from first: Int = 0, stride: Int = 1) {
      (id, end, self.stride) = (first - stride, first + count * stride, stride)
      bytes.writeZeroes(64)
    }

    mutating func next() -> Bool {
      id += stride
      guard id < end else { return false }
      current.removeAll()
      current.write(UInt32(1).byteSwapped)
      current.write(UInt32(1).byteSwapped)
      current.write((UInt64(id) ^ 1 << 63).byteSwapped)
      current.write(UInt32(1).byteSwapped)
      bytes.overwrite(UInt64(id) &* 0x9E37_79B9_7F4A_7C15, at: 0)
      return true
    }

    var key: RawSpan { @_lifetime(borrow self) get { current.bytes } }
    var row: RawSpan { @_lifetime(borrow self) get { bytes.bytes } }
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let elapsed = try clock.measure(body).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
  }

  private func built(_ fixture: Fixture, _ count: Int) throws -> (made: Index?, seconds: Double) {
    var all = Dense(count)
    var made: Index?
    let time = try seconds {
      var builder = try IndexBuilder(fixture.folder, of: Fixture.storeID)
      while all.next() { try builder.append(all.key, lsn: LSN(1), row: all.row) }
      made = try builder.finish(complete: LSN(1), note: ByteWriter().bytes)
    }
    return (made: made, seconds: time)
  }

  @Test("building and folding in", arguments: [100_000, 1_000_000])
  func writing(count: Int) throws {
    let (made, time) = try built(Fixture(), count)
    let index = try #require(made)
    var report = "index of \(count): built at \(Int(Double(count) / time)) rows/s"
    for (name, updates, stride) in [
      ("every row", count, 1), ("every 10th", count / 10, 10), ("every 100th", count / 100, 100),
    ] {
      var writer = try index.writer()
      let lsn = LSN(writer.touched.rawValue + 1)
      var transactions = 0
      let time = try seconds {
        var all = Dense(updates, stride: stride)
        let done = try writer.checkpoint(&all, through: lsn, note: ByteWriter().bytes) { _, update, result in
          result.write(update)
          return .write(lsn)
        }
        transactions = done.transactions
      }
      report += "; \(name) folded in at \(Int(Double(updates) / time))/s in \(transactions)"
    }
    let scrub = try seconds { _ = try index.scrubbed(step: 10_000) }
    print(report + "; scrubbed at \(Int(Double(count) / scrub)) rows/s")
  }

  @Test("reading, beside LMDB alone", arguments: [100_000, 1_000_000])
  func reading(count: Int) throws {
    let (made, _) = try built(Fixture(), count)
    let index = try #require(made)
    var reader = try index.reader()
    try reader.renew()
    var random = SplitMix64(seed: 3)
    let ids = (0..<200_000).map { _ in random.below(count) }
    var encoder = KeyEncoder()
    var key = IndexKey()
    func set(_ id: Int) {
      encoder.removeAll()
      try? encoder.append(int64: Int64(id))
      key.set(project: 1, entity: 1, key: encoder.bytes, view: 1)
    }
    var sum = 0
    var best = [Double](repeating: .infinity, count: 3)
    for _ in 0..<7 {
      best[0] = min(best[0], seconds { for id in ids { set(id); sum &+= key.bytes.byteCount } })
      best[1] = min(
        best[1], seconds { for id in ids { set(id); sum &+= reader.uncheckedByteCount(of: key.bytes) ?? 0 } })
      best[2] = min(
        best[2],
        try seconds { for id in ids { set(id); sum &+= try reader.get(key.bytes)?.bytes.byteCount ?? 0 } })
    }
    let renewal = try seconds {
      for _ in 0..<100_000 {
        reader.reset()
        try reader.renew()
      }
    }
    let each = best.map { $0 / Double(ids.count) * 1e9 }
    print(
      "index of \(count): key \(Int(each[0])) ns, LMDB alone \(Int(each[1] - each[0])) ns, checked \(Int(each[2] - each[0])) ns, "
        + "ratio \(((each[2] - each[0]) / (each[1] - each[0]) * 100).rounded() / 100); reset and renew \(Int(renewal * 1e4)) ns; \(sum % 2)"
    )
  }
}
