// The index folder of a store is deleted, exchanged, put back from yesterday, or found beside an older log: what is read is
// right, or the store says that something is lost.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The folder of a store's index")
struct StoreIndexFolderTests {
  /// A closed store with thirty cards, and what its folder then holds.
  private func stored() throws -> StoreFixture {
    let fixture = try StoreFixture()
    for card in 0..<30 { try fixture.push("c\(card)", Int64(card)) }
    try fixture.store.close()
    return fixture
  }

  private func expect(_ fixture: StoreFixture, _ cards: Range<Int>, _ value: (Int) -> Int64) throws {
    for card in cards {
      #expect(try fixture.read("c\(card)").first?.value == .int64(value(card)), "card \(card)")
    }
  }

  @Test("is made again from the log when it was deleted, with the same state hash")
  func deleted() throws {
    let fixture = try StoreFixture()
    for card in 0..<30 { try fixture.push("c\(card)", Int64(card)) }
    let hash = try fixture.store.stateHash()
    try fixture.store.close()
    FolderImage.remove(fixture.path + "/index")
    try fixture.reopen()
    #expect(fixture.store.report.index == .rebuilt(because: "there was none"))
    try expect(fixture, 0..<30) { Int64($0) }
    #expect(try fixture.store.stateHash() == hash)
  }

  @Test("of another store is left alone, and one's own is made beside it")
  func foreign() throws {
    let other = try StoreFixture(seed: 8)
    try other.push("c1", 99)
    try other.store.close()
    let fixture = try stored()
    FolderImage.remove(fixture.path + "/index")
    let theirs = try FolderImage(of: other.path + "/index")
    try theirs.write(to: fixture.path + "/index")
    try fixture.reopen()
    #expect(fixture.store.report.index == .rebuilt(because: "it is another store's"))
    try expect(fixture, 0..<30) { Int64($0) }
    try fixture.closeAndReopen()
    #expect(fixture.store.report.index == .opened)
    try expect(fixture, 0..<30) { Int64($0) }
    let data = "/index-0000000001/data.mdb"
    #expect(try FolderImage(of: fixture.path + "/index").files[data] == theirs.files[data])
  }

  @Test("of yesterday gets from the log what it lacks: rows, definitions, erasures, producers")
  func older() throws {
    let fixture = try stored()
    let yesterday = try FolderImage(of: fixture.path + "/index")
    try fixture.reopen()
    fixture.clock.advance(nanoseconds: 1_000_000)
    for card in 0..<20 { try fixture.push("c\(card)", Int64(card) + 100) }
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c25"))], in: "shop")
    let opening = try fixture.store.openProducer("pay")
    let hash = try fixture.store.stateHash()
    try fixture.store.close()
    try yesterday.write(to: fixture.path + "/index")
    try fixture.reopen()
    #expect(fixture.store.report.index == .opened)
    #expect(fixture.store.report.replayed == 22)
    try expect(fixture, 0..<20) { Int64($0) + 100 }
    try expect(fixture, 20..<25) { Int64($0) }
    #expect(try fixture.read("c25").map(\.reason) == [.erased, .erased, .erased])
    #expect(try fixture.store.stateHash() == hash)
    #expect(try fixture.store.openProducer("pay").epoch == opening.epoch + 1)
  }

  @Test("that knows more than a log put back beside it shows that records are lost, and nothing is written")
  func newerThanTheLog() throws {
    let fixture = try stored()
    let closed = try FolderImage(of: fixture.path, leavingOut: ["index"])
    try fixture.reopen()
    // A log as of a crash has reserved LSNs that it has not given out.
    try fixture.push("c0", 0)
    fixture.store.abandon()
    let crashed = try FolderImage(of: fixture.path, leavingOut: ["index"])
    try fixture.reopen()
    fixture.clock.advance(nanoseconds: 1_000_000)
    for card in 0..<30 { try fixture.push("c\(card)", Int64(card) + 100) }
    try fixture.store.close()
    let index = try FolderImage(of: fixture.path + "/index")

    // The index has an LSN that this log has never reserved: the log itself refuses.
    try closed.write(to: fixture.path)
    try index.write(to: fixture.path + "/index")
    do {
      try fixture.reopen()
      Issue.record("a log that lost its end was opened: \(fixture.store.report)")
      fixture.store.abandon()
    } catch let error as StoreError {
      guard case .log(.manifestLost) = error else { throw error }
    }

    // And this one has reserved them. What it says stays so, however often it is opened.
    try crashed.write(to: fixture.path)
    try index.write(to: fixture.path + "/index")
    for _ in 0..<3 {
      do { try fixture.reopen() } catch let error as StoreError {
        guard case .log(.manifestLost) = error else { throw error }
        break
      }
      #expect(fixture.store.report.isReadOnly && fixture.store.health.isFlagged)
      // What the index has is a value that was acknowledged, never one that was not.
      try expect(fixture, 0..<30) { Int64($0) + 100 }
      #expect(throws: StoreError.self) { try fixture.push("c1", 7) }
      try fixture.store.close()
    }
  }

  @Test("is marked and rebuilt, and the store opens, when its note is damaged")
  func damagedNote() throws {
    let fixture = try stored()
    var image = try FolderImage(of: fixture.path + "/index")
    let data = try #require(image.files.keys.first { $0.hasSuffix("/data.mdb") })
    let bytes = try #require(image.files[data])
    // Every copy of the note, whichever is the newest.
    let magic = Array("APUSNOTE".utf8)
    let places = bytes.indices.filter { bytes[$0...].starts(with: magic) }
    try #require(!places.isEmpty)
    for place in places { image.files[data]?[place + 20] ^= 4 }
    try image.write(to: fixture.path + "/index")
    try fixture.reopen()
    guard case .rebuilt(let why) = fixture.store.report.index else {
      Issue.record("\(fixture.store.report.index)")
      return
    }
    #expect(why.contains("ffffffff03"))
    try expect(fixture, 0..<30) { Int64($0) }
    try fixture.closeAndReopen()
    #expect(fixture.store.report.index == .opened)
  }
}
