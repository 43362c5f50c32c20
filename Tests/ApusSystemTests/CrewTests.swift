import ApusSystem
import Testing

@Suite("A crew")
struct CrewTests {
  private struct Odd: Error, Equatable {
    let part: Int
  }

  @Test("does every part once, and gives what each comes to in their order", arguments: [0, 1, 2, 5])
  func parts(threads: Int) {
    let crew = Crew(threads, name: "test")
    #expect(crew.threadCount == max(1, threads))
    let done = Monitor([Int](repeating: 0, count: 1_000))
    for count in [0, 1, 2, 3, 1_000] {
      done.withLock { $0 = Array(repeating: 0, count: 1_000) }
      let found = crew.map(count) { part in
        done.withLock { $0[part] += 1 }
        return part * part
      }
      #expect(found == (0..<count).map { $0 * $0 })
      #expect(
        done.withLock {
          $0.prefix(count).allSatisfy { $0 == 1 } && $0.dropFirst(count).allSatisfy { $0 == 0 }
        })
    }
  }

  @Test("works on as many parts at once as it has threads")
  func together() {
    let crew = Crew(3, name: "test")
    let here = Monitor(0)
    // Each part waits for the two others: alone none would end.
    let all = crew.map(3) { _ in
      here.withLock { $0 += 1 }
      here.notifyAll()
      return here.wait(for: 30_000_000_000) { $0 == 3 }
    }
    #expect(all == [true, true, true])
  }

  @Test("ends with the first part's error, whichever thread met one first", arguments: [1, 3])
  func errors(threads: Int) {
    let crew = Crew(threads, name: "test")
    for _ in 0..<50 {
      #expect(throws: Odd(part: 7)) {
        try crew.map(100) { (part) throws(Odd) in
          if part >= 7, part % 2 == 1 { throw Odd(part: part) }
        }
      }
      // And takes the next piece of work.
      #expect(crew.map(3) { $0 } == [0, 1, 2])
    }
  }
}
