import ApusServer
import ApusTestSupport
import Testing

@Suite("The deadlines of a loop")
struct DeadlineHeapTests {
  @Test("come out as a sorted list would give them, however they were set, moved and taken away")
  func model() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    var heap = DeadlineHeap()
    var model: [Int: UInt64] = [:]
    for _ in 0..<20_000 {
      let place = Int(random.next() % 50)
      let deadline = random.next() % 4 == 0 ? UInt64.max : random.next() % 1_000
      heap.set(place, to: deadline)
      model[place] = deadline == .max ? nil : deadline
      #expect(heap.count == model.count, "seed \(seed)")
      #expect(heap.first?.deadline == model.values.min(), "seed \(seed)")
      #expect(heap.deadline(of: place) == model[place], "seed \(seed)")
    }
    var last: UInt64 = 0
    while let first = heap.first {
      #expect(first.deadline >= last && model[first.place] == first.deadline, "seed \(seed)")
      last = first.deadline
      heap.set(first.place, to: .max)
    }
  }
}
