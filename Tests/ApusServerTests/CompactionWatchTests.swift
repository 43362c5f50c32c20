import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import Testing

@Suite("What a log says of compaction")
struct CompactionWatchTests {
  @Test("a trouble is told once, another one again, and that it is over once")
  func lines() throws {
    var watch = CompactionWatch()
    func look(_ trouble: StoreError?) -> CompactionWatch.Line? { watch.look(trouble) }
    let one = StoreError.recordUnreadable(LSN(7), .unknownView(ViewVersionID(3)))
    let other = StoreError.recordUnreadable(LSN(8), .unknownView(ViewVersionID(3)))
    #expect(look(nil) == nil)
    let first = try #require(look(one))
    #expect(first.level == .warn && first.message == "history is not compacted")
    #expect(first.fields.first?.key == "why" && first.fields.first?.value == .text("\(one)"))
    #expect(look(one) == nil, "it is the same each second")
    #expect(look(other)?.fields.first?.value == .text("\(other)"))
    let over = try #require(look(nil))
    #expect(over.level == .info && over.message == "history is compacted again")
    #expect(look(nil) == nil)
    #expect(look(one) != nil)
    // Each try writes a file of another name.
    func full(_ name: String) -> StoreError { .diskFull(SystemError("write", .noSpace, on: name)) }
    #expect(look(full("history/1")) != nil && look(full("history/2")) == nil)
    #expect(look(.diskFull(SystemError("fsync", .noSpace, on: "history/3"))) != nil)
  }
}
