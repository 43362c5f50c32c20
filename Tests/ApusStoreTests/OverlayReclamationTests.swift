import ApusBytes
import ApusStore
import ApusTestSupport
import Glibc
import Testing

@Suite("The overlay's memory")
struct OverlayReclamationTests {
  @Test("comes back after drops: a thousand generations need no more than a few")
  func bounded() throws {
    var random = SplitMix64(seed: 5)
    var writer = OverlayWriter(after: .none, byteCountBudget: 1 << 30)
    var reader = try OverlayReader(of: writer.overlay)
    let empty = writer.byteCount
    var lsn: UInt64 = 0
    var most = 0
    for _ in 0..<1000 {
      for _ in 0..<40 {
        lsn += 1
        writer.put(key(random.below(1 << 30)), random.bytes(random.below(4000)), at: lsn)
      }
      writer.publish(lsn)
      _ = reader.found(key(1))
      _ = try writer.freeze()
      if writer.frozen.count == 3, let oldest = writer.frozen.first { writer.drop(oldest) }
      most = max(most, writer.byteCount)
    }
    // 40 rows of 2 KB on average, doubled for chunks, and a table and a chunk at least: 240 KB a generation.
    #expect(most < 5 * 256 << 10)
    for generation in writer.frozen { writer.drop(generation) }
    let (left, held) = (writer.byteCount, writer.overlay.statistics.heldBackByteCount)
    #expect(left == empty)
    #expect(held == 0)
  }

  @Test(
    "is held back for a reader inside: what it could see, as long as it stays, and nothing that came later")
  func stalled() throws {
    var writer = OverlayWriter(after: .none, byteCountBudget: 1 << 30)
    let overlay = writer.overlay
    var stalled = try OverlayReader(of: overlay)
    var other = try OverlayReader(of: overlay)
    func generation(_ number: UInt64) throws {
      for one in 0..<2000 {
        writer.put(key(one), key("row \(one) of \(number)"), at: number * 2000 + UInt64(one))
      }
      writer.publish(number * 2000 + 1999)
      _ = try writer.freeze()
    }
    try generation(1)
    try generation(2)
    let one = try #require(writer.frozen.first).byteCount
    let before = overlay.statistics
    #expect(before.heldBackByteCount == 0 && before.activeReaderCount == 0)

    let view = stalled.enter()
    for number in UInt64(3)...30 {
      try generation(number)
      while writer.frozen.count > 2, let oldest = writer.frozen.first { writer.drop(oldest) }
      // The writer went on, and other readers see it.
      #expect(other.newest(key(7)) == key("row 7 of \(number)"))
      // The stalled one sees what it saw, though the writer has dropped it.
      for key in stride(from: 0, to: 2000, by: 97) {
        let rows = view.found(ApusStoreTests.key(key)).map(\.bytes)
        if rows != [ApusStoreTests.key("row \(key) of 2"), ApusStoreTests.key("row \(key) of 1")] {
          Issue.record("\(rows)")
        }
      }
    }
    let during = overlay.statistics
    #expect(during.activeReaderCount == 1)
    #expect(during.heldBackByteCount >= 2 * one)
    #expect(during.byteCount > during.heldBackByteCount)
    view.leave()
    writer.reclaim()
    let after = overlay.statistics
    #expect(after.heldBackByteCount == 0 && after.activeReaderCount == 0)
    #expect(after.byteCount <= before.byteCount + one)
  }

  @Test("is not held back by a reader that came after the drop, nor by one that goes in and out")
  func laterReader() throws {
    var writer = OverlayWriter(after: .none, byteCountBudget: 1 << 30)
    var reader = try OverlayReader(of: writer.overlay)
    var later = try OverlayReader(of: writer.overlay)
    writer.put(key("a"), [1], at: 1)
    writer.publish(1)
    let frozen = try #require(try writer.freeze())
    let early = reader.enter()
    writer.drop(frozen)
    let held = writer.overlay.statistics.heldBackByteCount
    #expect(held >= frozen.byteCount)
    let view = later.enter()
    early.leave()
    writer.reclaim()
    let freed = writer.overlay.statistics.heldBackByteCount
    #expect(freed == 0)
    view.leave()
  }

  #if arch(x86_64)
    @Test("is not asked for by reads: a hundred thousand of them leave nothing behind")
    func allocations() async {
      await #expect(processExitsWith: .success) {
        var writer = OverlayWriter(after: .none, byteCountBudget: 1 << 30)
        var reader = try OverlayReader(of: writer.overlay)
        for lsn in UInt64(1)...1000 { writer.put(key(Int(lsn)), key(Int(lsn)), at: lsn) }
        writer.publish(1000)
        _ = try writer.freeze()
        let keys = (0..<2000).map { key($0) }
        var found = 0
        func pass() {
          for _ in 0..<50 {
            let view = reader.enter()
            for key in keys {
              view.forEachGeneration(key: unsafe key.span.bytes, through: view.visible) { version, _ in
                found += version.byteCount
              }
            }
          }
        }
        // The tests' own threads may ask for something meanwhile; a read that did would do so in every pass.
        var passes = 0
        var isUnchanged = false
        while !isUnchanged && passes < 100 {
          let before = Self.bytesInUse()
          pass()
          isUnchanged = Self.bytesInUse() == before
          passes += 1
        }
        // A thousand rows of eight bytes, fifty times in each pass.
        if !isUnchanged || found != passes * 50 * 1000 * 8 { exit(1) }
      }
    }

    /// What glibc's allocator has given out; always 0 under a sanitizer, which brings its own. Its header is in no module, and its answer is ten words, for which the
    /// caller passes the place as first argument on this processor.
    private static func bytesInUse() -> Int {
      typealias Function = @convention(c) (UnsafeMutablePointer<Int>) -> Void
      guard let symbol = unsafe dlsym(nil, "mallinfo2") else { exit(4) }
      let function = unsafe unsafeBitCast(symbol, to: Function.self)
      return unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 10) { words in
        guard let start = words.baseAddress else { return 0 }
        unsafe words.initialize(repeating: 0)
        unsafe function(start)
        // Mapped chunks, and the others.
        return unsafe words[4] + words[7]
      }
    }
  #endif
}
