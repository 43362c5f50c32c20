package import ApusSystem

/// Shows a log's frames as they lie in their files, marks included.
package enum LogDump {
  /// Gives `each` every frame, in order, that holds an LSN at or behind `from` or stands behind one, until it returns false.
  ///
  /// Frames behind damage are shown too, and the damage itself through `damaged`.
  package static func run(
    _ path: String, on disk: any Disk, from: LSN = .none, each: (FileRecord, FrameHeader, RawSpan) -> Bool,
    damaged: (FileRecord, Damage) -> Void
  ) throws(LogError) {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      let manifest = try ManifestReading(in: folder, syncing: false)
      var goesOn = true
      for record in manifest.state.segments where goesOn && (record.seal?.last ?? from) >= from {
        let opened = try FrameFile.open(folder.checked(record), as: .segment, on: folder.disk, syncing: false)
        defer { opened.file.close() }
        var walker = FrameWalker(
          file: opened.file, seed: FrameSeed(storeID: manifest.storeID, fileID: record.id), end: opened.byteCount)
        let survey = try Survey.walk(
          &walker, from: FramePlace(after: record), in: (record.id, .segment, folder.at(record.name)),
          durable: record.seal?.last ?? record.first.previous
        ) { frame, payload in
          if goesOn, frame.nextBase > from { goesOn = each(record, frame, payload) }
        }
        for damage in survey.damages { damaged(record, damage) }
      }
    }
  }

  /// What the manifest says, and how its own tail ended.
  package static func manifest(
    _ path: String, on disk: any Disk
  ) throws(LogError) -> ManifestReading {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      try ManifestReading(in: folder, syncing: false)
    }
  }
}
