import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Runs of slots")
struct SlotRunTests {
  private static let types: [FeatureType] = [
    .int64, .float64, .float64, .int32, .float32, .bool, .bool, .timestamp, .string, .int32,
  ]

  /// The runs that some features of a layout make, each as long as can be.
  private static func runs(_ layout: RowLayout) -> [(run: SlotRun, slots: [FeatureSlot])] {
    var runs: [(run: SlotRun, slots: [FeatureSlot])] = []
    for slot in layout.slots {
      if var last = runs.last, last.run.extend(by: slot) {
        last.slots.append(slot)
        runs[runs.count - 1] = last
      } else if let run = SlotRun(slot) {
        runs.append((run, [slot]))
      }
    }
    return runs
  }

  @Test("have the bytes that their features have one by one, and whether all are there is what each says")
  func againstCells() throws {
    var random = SplitMix64(seed: 1)
    var whole = 0
    for round in 0..<400 {
      // Past the first word of states, and past the second.
      let layout = try layout((0..<random.within(1...70)).map { _ in random.pick(Self.types) })
      let absent = random.pick([0, 0, 0.02, 0.3])
      let bytes = try row(
        layout.slots.map { random.input($0.type, absent: absent, null: absent) }, layout, at: stamp(1, 1, 1))
      try withRow(bytes, layout) { row in
        var isWhole = true
        for end in 0...(layout.count + 1) {
          if end > 0 { isWhole = isWhole && end <= layout.count && row.state(end - 1) == .value }
          #expect(row.cells.haveValues(below: end) == isWhole, "round \(round), below \(end)")
        }
        guard row.cells.haveValues(below: layout.count) else { return }
        whole += 1
        for (run, slots) in Self.runs(layout) {
          #expect(
            row.cells.raw(run).copied() == slots.flatMap { row.cells.raw($0).copied() }, "round \(round)")
        }
      }
    }
    #expect(whole > 100)
  }

  @Test("are made of what follows without a gap, and of nothing that has no slot")
  func gaps() throws {
    let slots = try layout([.int64, .float64, .bool, .int64, .string, .int64]).slots
    var run = try #require(SlotRun(slots[0]))
    // An int64 begins at a multiple of eight, and a string has no slot.
    let taken = [1, 2, 3, 4, 0].map { run.extend(by: slots[$0]) }
    #expect(taken == [true, true, false, false, false])
    #expect(SlotRun(slots[4]) == nil)
    var behind = try #require(SlotRun(slots[3]))
    let isTaken = behind.extend(by: slots[5])
    #expect(isTaken)
  }
}
