package import ApusBytes
package import ApusSystem

/// What the manifest says of a store's log, and what its unfinished segment holds beyond that.
///
/// Finished segments are not read, so that this is quick for a log of any size; `LogCheck` reads every byte. Nothing is changed.
package struct LogOverview: Sendable {
  package struct Segment: Equatable, Sendable {
    package let record: FileRecord
    /// Bytes that the file has; nil when it is not there.
    package let byteCount: UInt64?
    package let lsns: LSNRange
    package let frames: UInt64
    package let firstTime: WallTime
    package let lastTime: WallTime
    /// How an unfinished segment ends; nil for a finished one.
    package let tail: Survey.Tail?
    package let damages: [Damage]
  }

  package let folder: String
  package let manifest: ManifestReading
  package let segments: [Segment]
  /// Runs and ledgers, by id.
  package var history: [FileRecord] { manifest.state.history }
}

extension LogOverview {
  /// Looks at a store that no process has open.
  package static func read(_ path: String, on disk: any Disk) throws(LogError) -> LogOverview {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      let manifest = try ManifestReading(in: folder, syncing: false)
      var segments: [Segment] = []
      for record in manifest.state.segments {
        segments.append(try Segment(record, in: folder, manifest: manifest))
      }
      return LogOverview(folder: folder.path, manifest: manifest, segments: segments)
    }
  }
}

extension LogOverview {
  /// The manifest alone.
  package static func manifest(_ path: String, on disk: any Disk) throws(LogError) -> ManifestReading {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      try ManifestReading(in: folder, syncing: false)
    }
  }
}

extension LogOverview.Segment {
  fileprivate init(
    _ record: FileRecord, in folder: StoreFolder, manifest: ManifestReading
  ) throws(LogError) {
    let path = folder.at(record.name)
    let known = manifest.state.damages.filter { $0.file == record.id }
    let entry = try wrapping { () throws(SystemError) in try folder.disk.entry(at: path) }
    guard record.seal == nil, let entry else {
      self.init(record, byteCount: entry?.size, survey: nil, damages: known)
      return
    }
    let opened = try FrameFile.open(path, as: .segment, on: folder.disk, syncing: false)
    defer { opened.file.close() }
    var walker = FrameWalker(
      file: opened.file, seed: FrameSeed(storeID: manifest.storeID, fileID: record.id), end: opened.byteCount)
    let survey = try Survey.walk(
      &walker, listed: record, at: path, hasHeader: try opened.headerDamage(of: record, path: path) == nil,
      durable: record.first.previous, ceiling: manifest.state.ceiling)
    self.init(
      record, byteCount: entry.size, survey: survey,
      // What was accepted before the segment is finished is both known and found.
      damages: known + survey.damages.filter { !known.contains($0) })
  }

  /// Of a segment that was not walked, the manifest knows what there is to know.
  private init(_ record: FileRecord, byteCount: UInt64?, survey: Survey?, damages: [Damage]) {
    let none = WallTime(nanoseconds: 0)
    self.init(
      record: record, byteCount: byteCount,
      lsns: LSNRange(
        record.first, through: survey?.place.lastLSN ?? record.seal?.last ?? record.first.previous),
      frames: survey?.tally.frames ?? record.seal?.frames ?? 0,
      firstTime: survey?.tally.firstTime ?? record.seal?.firstTime ?? none,
      lastTime: survey?.tally.lastTime ?? record.seal?.lastTime ?? none, tail: survey?.tail, damages: damages)
  }
}
