import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Waiting for an LSN")
struct LSNWatchTests {
  private typealias Answers = Monitor<[Result<LSNReach, StoreError>]>

  private func collect(_ answers: Answers) -> @Sendable (Result<LSNReach, StoreError>) -> Void {
    { answer in
      answers.withLock { $0.append(answer) }
      answers.notifyAll()
    }
  }

  private func first(_ answers: Answers) throws -> Result<LSNReach, StoreError> {
    _ = answers.wait(for: 60_000_000_000) { !$0.isEmpty }
    return try #require(answers.withLock { $0.first })
  }

  @Test(
    "what is reached already is answered at once, and what comes later when it comes",
    arguments: [
      Durability.durable, .buffered,
    ])
  func reached(durability: Durability) throws {
    let fixture = try StoreFixture { $0.durability = durability }
    let lsn = try fixture.push("a", 1).frame.lsns.last
    let now = Answers([])
    #expect(fixture.store.wait(for: lsn, .visible, completion: collect(now)) == nil)
    #expect(now.withLock { $0.count } == 1)
    let (visible, durable) = (Answers([]), Answers([]))
    #expect(fixture.store.wait(for: lsn.next, .visible, completion: collect(visible)) != nil)
    #expect(fixture.store.wait(for: lsn.next, .durable, completion: collect(durable)) != nil)
    #expect(visible.withLock { $0.isEmpty })
    try fixture.push("b", 2)
    #expect(try first(visible).get().visible >= lsn.next)
    // What is buffered is synced when the appender's clock says that it is time.
    fixture.clock.advance(nanoseconds: 20_000_000)
    try fixture.push("c", 3)
    if durability == .buffered { try fixture.store.checkpoint() }
    #expect(try first(durable).get().durable >= lsn.next)
  }

  @Test("a wait that was given up is never answered, and one that is over cannot be given up")
  func givenUp() throws {
    let fixture = try StoreFixture()
    let lsn = try fixture.push("a", 1).frame.lsns.last
    let answers = Answers([])
    let wait = try #require(fixture.store.wait(for: lsn.next, .visible, completion: collect(answers)))
    #expect(fixture.store.giveUp(wait))
    #expect(!fixture.store.giveUp(wait))
    try fixture.push("b", 2)
    #expect(answers.withLock { $0.isEmpty })
    let other = Answers([])
    let second = try #require(
      fixture.store.wait(for: lsn.advanced(by: 2), .visible, completion: collect(other)))
    try fixture.push("c", 3)
    _ = try first(other)
    #expect(!fixture.store.giveUp(second))
  }

  @Test("the end of the store ends every wait, and what was reached stays so")
  func end() throws {
    let fixture = try StoreFixture()
    let lsn = try fixture.push("a", 1).frame.lsns.last
    let answers = Answers([])
    _ = fixture.store.wait(for: lsn.advanced(by: 9), .durable, completion: collect(answers))
    try fixture.store.close()
    #expect(try first(answers) == .failure(.closed))
    let later = Answers([])
    #expect(fixture.store.wait(for: lsn.advanced(by: 9), .visible, completion: collect(later)) == nil)
    #expect(fixture.store.wait(for: lsn, .visible, completion: collect(later)) == nil)
    #expect(later.withLock { $0.map { (try? $0.get()) != nil } } == [false, true])
  }

  @Test("a producer opens and a key is erased without anybody waiting on the thread that asked")
  func withoutWaiting() throws {
    let fixture = try StoreFixture()
    let opened = Monitor<Result<ProducerOpening, StoreError>?>(nil)
    try fixture.store.openProducer("p") { result in
      opened.withLock { $0 = result }
      opened.notifyAll()
    }
    _ = opened.wait(for: 60_000_000_000) { $0 != nil }
    let opening = try #require(opened.withLock { $0 }).get()
    #expect(opening.lastSequence == 0)
    try fixture.push("a", 1)
    let erased = Monitor<Result<FrameMoment, StoreError>?>(nil)
    try fixture.store.erase([ErasedKey(name: "card_id", value: .string("a"))], in: "shop") { result in
      erased.withLock { $0 = result }
      erased.notifyAll()
    }
    _ = erased.wait(for: 60_000_000_000) { $0 != nil }
    _ = try #require(erased.withLock { $0 }).get()
    #expect(try fixture.read("a")[0].reason == .erased)
  }
}
