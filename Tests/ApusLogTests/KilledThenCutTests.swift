// A killed process leaves names and bytes that no disk has yet. What is built on them must not fall with them.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Killed, then the power cut")
struct KilledThenCutTests {
  /// Two lives with everything in them: segments that are made, sealed, given up, and manifests that are rolled.
  private func live(_ fixture: inout Fixture) throws {
    for _ in 0..<2 {
      let writer = try fixture.openWriter()
      for at in 0..<6 {
        try fixture.append(writer, bytes: 900)
        if at % 2 == 1 { try writer.sync() }
        if at % 3 == 2 { try writer.mark() }
      }
      try writer.retire(through: LSN(2))
      try writer.close()
    }
  }

  @Test(
    "a store killed at any call of a life is opened and written to; a power cut then takes nothing of that")
  func everyCall() throws {
    var whole = Fixture(segmentByteCount: 8192)
    try live(&whole)
    let calls = whole.disk.calls.total
    for number in 1...calls {
      for luck in 0..<4 {
        var fixture = Fixture(segmentByteCount: 8192)
        fixture.disk.failPower(beforeCall: number)
        #expect(throws: LogError.self) { try live(&fixture) }
        // Everything is there that was written, and nothing of it need be on the disk.
        fixture.disk = fixture.disk.killProcess()
        let writer = try fixture.openWriter()
        let found = try scanned(writer.reader).entries
        let appended = try fixture.append(writer, bytes: 50)
        try writer.sync()
        let promised =
          found + [
            LogModel.Entry(lsns: appended.lsns, payload: fixture.entries[fixture.entries.count - 1].payload)
          ]
        fixture.disk = fixture.disk.crash(seed: UInt64(number * 4 + luck))
        do {
          let log = try fixture.open()
          #expect(
            log.report.damages.isEmpty && log.writer != nil, "call \(number), luck \(luck): \(log.report)")
          #expect(try scanned(log.reader).entries == promised, "call \(number), luck \(luck)")
        } catch {
          Issue.record("call \(number), luck \(luck): \(error)")
        }
      }
    }
    print("killed before each of \(calls) calls, then the power cut, four ways each: nothing promised lost")
  }

  @Test("an opening reads nothing that it has not synced and then read from the disk")
  func order() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.sync()
    let names = [log(try fixture.manifestPath()), writer.reader.view.segments[0].record.name]
    fixture.disk = fixture.disk.killProcess()
    fixture.disk.keepsLog = true
    _ = try fixture.open()
    let calls = fixture.disk.callLog
    func first(_ call: DiskCall, _ path: String) -> Int {
      calls.firstIndex { $0.call == call && $0.path == path } ?? .max
    }
    let root = Fixture.folder + "/"
    #expect(first(.syncFolder, Fixture.folder) < first(.read, root + "CURRENT"))
    #expect(first(.syncFolder, root + "log") < first(.read, root + "CURRENT"))
    for path in names.map({ root + $0 }) {
      #expect(first(.syncData, path) < first(.dropCache, path), "\(path)")
      #expect(first(.dropCache, path) < first(.read, path), "\(path)")
    }
  }

  private func log(_ path: String) -> String { String(path.dropFirst(Fixture.folder.count + 1)) }

  @Test(
    "whatever sectors of a manifest's edit and its mark land, the store opens, and behind a torn edit a new manifest begins"
  )
  func manifestSectors() throws {
    let hooked = HookedDisk(SimulatedDisk())
    var random = SplitMix64(seed: 3)
    var options = LogOptions()
    options.ceilingStep = 1
    let log = try Log.open(
      Fixture.folder, on: hooked, clock: SimulatedClock(), random: &random, options: options)
    let writer = try #require(log.writer)
    let path = Fixture.folder + "/" + log.report.manifest
    guard let disk = hooked.base as? SimulatedDisk else { return }
    let torn = Monitor(0)
    hooked.before { call, synced in
      guard call == .syncData, synced == path else { return }
      do {
        for image in try disk.crashImages(ofSectorsIn: path) {
          var crashed = Fixture()
          crashed.disk = image
          let again = try crashed.open()
          guard case .torn = again.report.manifestTail else { continue }
          torn.withLock { $0 += 1 }
          let name = try LogOverview.manifest(Fixture.folder, on: crashed.disk.copy()).name
          #expect(Fixture.folder + "/" + name != path)
        }
      } catch {
        Issue.record("\(error)")
      }
    }
    // Edits of 128 bytes with their marks: every way to lie across a sector's end comes up.
    for _ in 0..<60 { _ = try writer.append(recordCount: 1, payload: RawSpan()) }
    hooked.before(nil)
    #expect(torn.withLock { $0 } > 0)
  }
}
