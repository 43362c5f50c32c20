// A run of version 1, kept for good: it must be read for ever. Version 1 is frozen: APUS_GOLDEN_UPDATE=1 is for a version that no release has.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A run that is kept for good")
struct GoldenRunTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/history-1/"

  private func story() throws -> RunStory {
    var random = SplitMix64(seed: 20_26)
    let types = ElementType.allCases.map { FeatureType.scalar($0) } + [.list(of: .string), .list(of: .bool)]
    let vector = try #require(FeatureType.vector(of: .float32, count: 3))
    var story = try RunStory(&random, events: 24, types: types + [vector], keys: [.string, .int64])
    story.limits.pageRowsMax = 8
    story.limits.rowGroupRowsMax = 16
    return story
  }

  @Test("the run of version 1 is read, and today's writer makes attributes of the same meaning")
  func golden() throws {
    let story = try story()
    let simulated = SimulatedDisk(folders: ["d"])
    let written = try story.write(simulated)
    let real = RealDisk()
    if unsafe getenv("APUS_GOLDEN_UPDATE") != nil {
      let files = [
        ("run.parquet", try simulated.open("d/r", .read).readAll()), ("run.attributes", written.encoded),
      ]
      for (name, bytes) in files {
        if try real.entry(at: Self.folder + name) != nil { try real.remove(Self.folder + name) }
        try real.open(Self.folder + name, .create).writeAll(bytes, at: 0)
      }
    }
    let bytes = try real.open(Self.folder + "run.attributes", .read).readAll()
    let attributes = try RunAttributes(unsafe bytes.span.bytes, path: "run.attributes")
    let run = try story.open(real, attributes, Self.folder + "run.parquet")
    try run.verify()
    #expect(try all(run.events()) == story.events)
    // The bytes of a page are zstd's, another version of which may write others for the same.
    #expect(attributes.digest == written.digest)
    #expect(attributes.rawBytes == written.rawBytes)
    #expect(attributes.keys == written.keys && attributes.folded == .none)
    #expect(run.schema.fields == story.schema.fields)
  }
}
