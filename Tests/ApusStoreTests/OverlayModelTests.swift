import ApusBytes
import ApusStore
import ApusTestSupport
import Testing

@Suite("The overlay against its model")
struct OverlayModelTests {
  /// One story: random events, publications, freezes, batches and drops; reads at every LSN that may be read.
  private struct Story: ~Copyable {
    var random: SplitMix64
    var writer: OverlayWriter
    var reader: OverlayReader
    var model: OverlayModel
    let keys: [[UInt8]]
    var next: UInt64
    var wrong: [String] = []

    init(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      let checkpoint = random.next() >> 40
      writer = OverlayWriter(
        after: LSN(checkpoint), byteCountBudget: 1 << 20,
        hash: OverlayHash(seed: (random.next(), random.next())))
      reader = try OverlayReader(of: writer.overlay)
      model = OverlayModel(after: checkpoint)
      next = checkpoint + 1
      var keys: [[UInt8]] = [[], random.bytes(400), [0], [0, 0]]
      while keys.count < 24 { keys.append(random.bytes(random.within(1...20))) }
      self.keys = keys
      self.random = random
    }

    mutating func row() -> [UInt8] {
      // Mostly small; now and then one that needs a chunk of its own.
      random.bytes(random.chance(0.01) ? random.within(0...65_536) : random.within(0...40))
    }

    mutating func step() throws {
      switch random.below(100) {
      case ..<70:
        let key = random.pick(keys)
        let bytes = row()
        if random.chance(0.1) {
          writer.apply(key: unsafe key.span.bytes, lsn: LSN(next)) { _, scratch in
            scratch.write(bytes)
            return .unchanged
          }
        } else {
          writer.append(key, bytes, at: next)
          model.append(key, bytes, at: next)
        }
        // One record may touch several keys, and LSNs may be skipped.
        if random.chance(0.8) { next += random.chance(0.1) ? 3 : 1 }
      case ..<90: publish()
      case ..<94:
        publish()
        guard writer.generationCount < OverlayLimits.generationsMax else { return }
        let frozen = try writer.freeze()
        if (frozen != nil) != model.freeze() { wrong.append("froze \(String(describing: frozen?.range))") }
      case ..<96: try insertBatch()
      default: try dropOldest()
      }
    }

    mutating func publish() {
      // Everything up to here: the model's reads then tell that nothing more was shown.
      let lsn = max(writer.lastApplied.rawValue, writer.visible.rawValue)
      writer.publish(lsn)
      model.visible = lsn
      next = max(next, lsn + 1)
    }

    mutating func insertBatch() throws {
      publish()
      guard writer.generationCount + 2 <= OverlayLimits.generationsMax else { return }
      var batch = OverlayBatch(for: writer.overlay, keyCount: random.below(30))
      var versions: [[UInt8]: OverlayModel.Version] = [:]
      let last = next + 50
      for key in keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) where random.coin() {
        let version = OverlayModel.Version(lsn: next + UInt64(random.below(50)), bytes: row())
        batch.append(
          key: unsafe key.span.bytes, lsn: LSN(version.lsn), version: unsafe version.bytes.span.bytes)
        versions[key] = version
      }
      _ = try writer.insertFrozen(&batch, through: LSN(last))
      model.insert(versions, through: last)
      next = last + 1
      // Not seen yet; the next publication shows it.
      check(atMost: 5)
    }

    mutating func dropOldest() throws {
      publish()
      guard let oldest = writer.frozen.first else { return }
      let expected = model.generations[0].versions
      let contents = oldest.contents
      let keys = expected.keys.sorted { $0.lexicographicallyPrecedes($1) }
      if contents.map(\.key) != keys { wrong.append("keys of \(oldest.range)") }
      for (key, version, lsn) in contents
      where expected[key]?.last != OverlayModel.Version(lsn: lsn, bytes: version) {
        wrong.append("key \(key) of \(oldest.range)")
      }
      writer.drop(oldest)
      model.drop()
    }

    /// Compares one view's answers for some keys at every LSN from the floor to the visible one, or at some of them.
    mutating func check(atMost count: Int) {
      wrong += Self.differences(&reader, model, keys, &random, atMost: count)
    }

    private static func differences(
      _ reader: inout OverlayReader, _ model: OverlayModel, _ keys: [[UInt8]], _ random: inout SplitMix64,
      atMost count: Int
    ) -> [String] {
      let view = reader.enter()
      let (visible, generations) = (view.visible, view.generationCount)
      var wrong: [String] = []
      if visible.rawValue != model.visible || generations != model.generations.count {
        wrong.append("a view at \(visible) of \(generations) generations")
      }
      let all = Array(model.floor...model.visible)
      let limits = all.count <= count ? all : (0..<count).map { _ in random.pick(all) } + [model.visible]
      for limit in limits {
        for key in keys {
          let found = view.found(key, through: LSN(limit))
          if found != model.found(key, through: limit) {
            wrong.append("key \(key.prefix(9)) at \(limit): \(found)")
          }
        }
      }
      return wrong
    }
  }

  @Test("random stories read as the model does, at every LSN that may be read", arguments: UInt64(1)...20)
  func stories(seed: UInt64) throws {
    var story = try Story(seed: seed)
    for step in 0..<1500 {
      try story.step()
      if step % 5 == 0 { story.check(atMost: 3) }
      if step % 300 == 299 { story.check(atMost: 1000) }
      if !story.wrong.isEmpty { break }
    }
    let wrong = story.wrong
    #expect(wrong == [])
  }
}
