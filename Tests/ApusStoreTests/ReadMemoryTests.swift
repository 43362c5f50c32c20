import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport
import Glibc
import Testing

#if arch(x86_64)
  @Suite("The memory of reads")
  struct ReadMemoryTests {
    @Test("is asked for once: reads of every kind leave nothing behind when their buffers have grown")
    func allocations() async {
      await #expect(processExitsWith: .success) {
        var fixture = try ReadFixture(readingText)
        let now = fixture.now
        // Keys that are only in the index, in two places, in three, only in the overlay, erased, and nowhere.
        for round in 0..<3 {
          for name in ["a", "b", "c", "d", "e"] where round == 0 && name != "d" || round > 0 && name > "a" {
            let text = FeatureInput.value(.string("round \(round)"))
            try fixture.put(
              "activity", [.string(name)], round == 1 ? ["count": .null] : ["action": text], at: now)
            try fixture.put("risk", [.string(name)], ["score": .value(.float64(1))], at: now)
          }
          fixture.publish()
          if round < 2, try fixture.freeze(), round == 0 {
            try fixture.checkpoint()
            fixture.drop()
          }
        }
        try fixture.erase("activity", part: 0, .string("e"))
        let one = try fixture.vector("activity:count", "activity:action", "activity:vector")
        let all = try fixture.catalog.vector(
          features: ["activity:action", "risk:score", "words:text", "profile:level", "link:weight"], in: "p")
        var reader = try StoreReader(of: fixture.shared)
        var small = RequestKeys(for: one)
        var large = RequestKeys(for: all)
        for name in ["a", "b", "c", "d", "e", "f"] {
          try small.append(values: [[.string(name)]])
          try large.append(values: [[.string(name)], [.int64(1)], [.int64(2), .string(name)]])
        }
        let encoded = small.key(row: 0, role: 0).copied()
        var incoming = RequestKeys(for: one)
        var found = 0
        func pass() throws {
          for _ in 0..<2_000 {
            incoming.removeAll()
            for _ in 0..<3 { try incoming.append(encoded: unsafe encoded.span.bytes) }
            _ = try reader.read(one, incoming) { _, group, row in
              for feature in one.groups[group].features where row.judge(feature).hasValue() {
                found += row.raw(feature).byteCount
              }
            }
            _ = try reader.read(one, small) { _, group, row in
              for feature in one.groups[group].features where row.judge(feature).hasValue() {
                found += row.raw(feature).byteCount
              }
            }
            _ = try reader.read(all, large) { _, group, row in
              for feature in all.groups[group].features where row.judge(feature).hasValue() {
                found += row.raw(feature).byteCount
              }
            }
          }
        }
        try pass()
        // The tests' own threads may ask for something meanwhile; a read that did would do so in every pass.
        var isUnchanged = false
        for _ in 0..<100 where !isUnchanged {
          let before = bytesInUse()
          try pass()
          isUnchanged = bytesInUse() == before
        }
        if !isUnchanged || found == 0 { exit(1) }
      }
    }
  }

  /// What glibc's allocator has given out; always 0 under a sanitizer, which brings its own. Its header is in no module, and its answer is ten words, for which the
  /// caller passes the place as first argument on this processor.
  private func bytesInUse() -> Int {
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
