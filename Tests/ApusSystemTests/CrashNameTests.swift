// What a power cut may do to names, and what it may not.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("A power cut and names")
struct CrashNameTests {
  private func files(_ disk: SimulatedDisk, _ names: String..., synced: Bool = true) throws {
    for name in names {
      let file = try disk.open("/data/\(name)", .create)
      try file.writeAll(Array(name.utf8), at: 0)
      try file.syncData()
    }
    if synced { try disk.syncFolder("/data") }
  }

  private func listing(_ disk: SimulatedDisk) throws -> [String] { try disk.names(in: "/data") }

  @Test("a file whose folder was not synced may be gone, though its bytes were synced")
  func created() throws {
    let left = try afterCrashes {
      try files($0, "a", synced: false)
    } left: {
      try listing($0)
    }
    #expect(left == [[], ["a"]])
  }

  @Test("a file whose name was lost cannot be opened")
  func lost() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try files(disk, "a", synced: false)
    for image in disk.crashImagesOfNames() where try listing(image).isEmpty {
      #expect(errno { () throws(SystemError) in _ = try image.open("/data/a", .read) } == .noEntry)
      return
    }
    Issue.record("no image lost the name")
  }

  @Test("any of several names may survive without the others")
  func subsets() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try files(disk, "a", "b", "c", synced: false)
    #expect(disk.unsyncedNames == 3)
    #expect(Set(try disk.crashImagesOfNames().map { try listing($0) }).count == 8)
    #expect(
      try afterCrashes {
        try files($0, "a", "b", "c", synced: false)
      } left: {
        try listing($0)
      }.count == 8)
  }

  @Test("a removed file may be back, with the bytes that were synced")
  func removed() throws {
    let left = try afterCrashes { disk in
      try files(disk, "a")
      try disk.remove("/data/a")
    } left: { disk in
      try listing(disk).map { try disk.contents(of: "/data/\($0)") }
    }
    #expect(left == [[], [Array("a".utf8)]])
    let synced = try afterCrashes { disk in
      try files(disk, "a")
      try disk.remove("/data/a")
      try disk.syncFolder("/data")
    } left: {
      try listing($0)
    }
    #expect(synced == [[]])
  }

  @Test("a rename over a file shows the old or the new one, and never neither")
  func rename() throws {
    func story(_ disk: SimulatedDisk) throws {
      try files(disk, "CURRENT")
      try files(disk, "new", synced: false)
      try disk.rename("/data/new", to: "/data/CURRENT")
    }
    let disk = SimulatedDisk(folders: ["/data"])
    try story(disk)
    for found in [
      try Set(disk.crashImagesOfNames().map { try $0.contents(of: "/data/CURRENT") }),
      try afterCrashes(story, left: { try $0.contents(of: "/data/CURRENT") }),
    ] {
      #expect(found == [Array("CURRENT".utf8), Array("new".utf8)])
    }
  }

  @Test("a rename is durable after a sync of its folder")
  func renameSynced() throws {
    let left = try afterCrashes { disk in
      try files(disk, "CURRENT", "new")
      try disk.rename("/data/new", to: "/data/CURRENT")
      try disk.syncFolder("/data")
    } left: { disk in
      try listing(disk).map { try disk.contents(of: "/data/\($0)") }
    }
    #expect(left == [[Array("new".utf8)]])
  }

  @Test("a rename between folders wants both synced, and shows the file once until then")
  func between() throws {
    func left(_ synced: String...) throws -> Set<[String]> {
      try afterCrashes { disk in
        disk.plantFolder("/data/f")
        try files(disk, "a")
        try disk.rename("/data/a", to: "/data/f/a")
        for folder in synced { try disk.syncFolder(folder) }
      } left: { disk in
        try listing(disk) + (try disk.names(in: "/data/f")).map { "f/" + $0 }
      }
    }
    #expect(try left() == [["a", "f"], ["f", "f/a"]])
    #expect(try left("/data") == [["a", "f"], ["f", "f/a"]])
    #expect(try left("/data/f") == [["a", "f"], ["f", "f/a"]])
    #expect(try left("/data", "/data/f") == [["f", "f/a"]])
  }

  @Test("a folder whose name was lost takes its files along")
  func folder() throws {
    let left = try afterCrashes { disk in
      try disk.makeFolder("/data/f")
      _ = try disk.open("/data/f/a", .create)
      try disk.syncFolder("/data/f")
    } left: { disk in
      try listing(disk) + ((try? disk.names(in: "/data/f")) ?? [])
    }
    #expect(left == [[], ["f", "a"]])
  }

  @Test("a name used again is never kept without what happened to it before")
  func reused() throws {
    let disk = SimulatedDisk(folders: ["/data", "/other"])
    try files(disk, "a")
    try disk.rename("/data/a", to: "/other/a")
    try files(disk, "a")
    // The sync of /data has made the new `a` durable, so the rename of the old one is durable too.
    #expect(disk.unsyncedNames == 0)
    #expect(try disk.durableNames(in: "/other") == ["a"])
  }
}
