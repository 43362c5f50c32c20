// What is lost and known to be is told wherever somebody looks, and so is an index that is made anew.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A store that knows what is wrong")
struct KnownLossTests {
  /// A store whose first finished segment lacks its second half, which the index has.
  private func halved(letters: Int = 0) throws -> (StoreFixture, LSNRange) {
    let fixture = try StoreFixture.compacting()
    for place in 0..<200 { try fixture.push("c\(place % 40)", Int64(place)) }
    for place in 0..<letters { try fixture.push("bad\(place)", -1) }
    try fixture.store.checkpoint()
    let segment = try #require(fixture.store.log.view.finished.first)
    try fixture.store.close()
    let file = try RealDisk().open("\(fixture.path)/\(segment.record.name)", .readWrite)
    try file.truncate(try file.size() / 2)
    file.close()
    try fixture.reopen()
    let standing = fixture.store.log.view.standing.ranges
    return (fixture, try #require(standing.first))
  }

  @Test("tells a loss that the index holds, open or looked at, until a person accepts it")
  func held() throws {
    let (fixture, lost) = try halved()
    #expect(fixture.store.report.losses == [])
    try fixture.push("c1", 7)
    var facts = try fixture.store.facts()
    #expect(facts.held == [lost] && facts.losses == [])
    // Known since an earlier start, too.
    try fixture.closeAndReopen()
    facts = try fixture.store.facts()
    #expect(facts.held == [lost])
    try fixture.store.close()
    #expect(try StoreLook.open(fixture.path)?.facts.held == [lost])

    var random = SplitMix64(seed: 5)
    _ = try Store.acceptLoss(
      of: lost, lost: [lost], in: fixture.path, clock: fixture.clock, random: &random)
    #expect(try StoreLook.open(fixture.path)?.facts.held == [])
    try fixture.reopen()
    #expect(try fixture.store.facts().held == [])
  }

  @Test("tells how many letters wait that nobody can read any more")
  func letters() throws {
    let fixture = try StoreFixture.compacting()
    try fixture.push("bad", -1)
    for place in 0..<200 { try fixture.push("c\(place % 40)", Int64(place)) }
    try fixture.push("other", -1)
    try fixture.store.checkpoint()
    let segment = try #require(fixture.store.log.view.finished.first)
    try fixture.store.close()
    let file = try RealDisk().open("\(fixture.path)/\(segment.record.name)", .readWrite)
    try file.truncate(UInt64(Format.headerByteCount))
    file.close()
    try fixture.reopen()
    let facts = try fixture.store.facts()
    #expect(facts.state.deadLetters.letters == 2)
    var shown = 0
    let left = try DeadLetterSearch(in: facts.log, facts.state.deadLetters, facts.catalog).forEachTelling {
      _ in
      shown += 1
    }
    #expect(shown == 1 && left.map(\.letters) == [1] && left.map(\.rule) == ["count.min"])
  }

  // MARK: The index

  private func news(_ fixture: StoreFixture) -> [IndexNews] {
    var found: [IndexNews] = []
    _ = fixture.news.wait(for: 60_000_000_000) { all in
      guard case .rebuilt? = all.last else { return false }
      swap(&found, &all)
      return true
    }
    return found
  }

  @Test("tells that its index is made anew, why, and how long it took: at an opening, and while it serves")
  func rebuilding() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 1)
    try fixture.store.checkpoint()
    #expect(fixture.news.withLock { $0 } == [], "the first index is no news")
    try fixture.closeAndReopen()
    #expect(fixture.news.withLock { $0 } == [])
    try fixture.store.close()
    FolderImage.remove(fixture.indexFolder)
    try fixture.reopen()
    let none = "there was none"
    #expect(
      news(fixture) == [.rebuilding(because: none), .rebuilt(because: none, nanoseconds: 0, losses: [])])

    let index = try #require(fixture.store.shared.newest.1.index)
    fixture.store.shared.report(.damaged(.row(key: [1, 2, 3])), epoch: index.epoch)
    let told = news(fixture)
    try #require(told.count == 2)
    guard case .rebuilding(let why) = told[0] else {
      Issue.record("\(told)")
      return
    }
    #expect(why == "\(IndexError.damaged(.row(key: [1, 2, 3])))")
    #expect(told[1] == .rebuilt(because: why, nanoseconds: 0, losses: []))
    #expect(fixture.store.statistics.rebuilds == 1)
    #expect(try fixture.read("c1").first?.value == .int64(1))
  }

  @Test("tells once what keeps its index from being made, and that it is rebuilding meanwhile")
  func failing() throws {
    let fixture = try StoreFixture.compacting()
    for place in 0..<40 { try fixture.push("c\(place)", Int64(place)) }
    try fixture.store.compact()
    let run = try #require(fixture.store.log.view.history.first { $0.kind == .run })
    let path = "\(fixture.path)/\(run.name)"
    try RealDisk().rename(path, to: fixture.folder.path("kept"))
    let index = try #require(fixture.store.shared.newest.1.index)
    fixture.store.shared.report(.damaged(.row(key: [])), epoch: index.epoch)
    _ = fixture.news.wait(for: 60_000_000_000) { all in
      if case .failed? = all.last { true } else { false }
    }
    let told = fixture.news.withLock { $0 }
    #expect(told.count == 2, "\(told)")
    let facts = try fixture.store.facts()
    #expect(facts.index.verdict == .rebuilding)
    #expect(facts.index.because == "\(IndexError.damaged(.row(key: [])))")
    try RealDisk().rename(fixture.folder.path("kept"), to: path)
    #expect(news(fixture).count == 3)
    #expect(try fixture.read("c7").first?.value == .int64(7))
    #expect(try fixture.store.facts().index.because == nil)
  }
}
