package import ApusBytes
package import ApusSystem

/// Shows a log as it lies in its files: every frame, marks and seals included, and between them what is no frame.
///
/// One segment is walked at a time through one buffer, so memory is the same for any log. Nothing is changed.
package enum LogDump {
  /// What stands at a place of the log.
  package enum Item: Equatable, Sendable {
    case frame(FileRecord, FrameHeader)
    /// Behind the frames before it, and before those that follow.
    case damage(FileRecord, Damage)
    /// The end of an unfinished segment: bytes that never counted, and that the next start cuts.
    case torn(FileRecord, Survey.Cut)
    /// A listed file that is not there.
    case missing(FileRecord)
    /// LSNs that no frame holds, because an opening skipped them.
    case gap(LSNRange)
  }

  /// Gives `each` everything that lies at or behind the LSN `from`, in order, until it returns false.
  ///
  /// The bytes are a frame's payload, and empty for what is no frame.
  package static func run(
    _ path: String, on disk: any Disk, from: LSN = .none, each: (Item, RawSpan) -> Bool
  ) throws(LogError) {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      let manifest = try ManifestReading(in: folder, syncing: false)
      var gaps = manifest.state.gaps.filter { $0.last >= from }[...]
      var goesOn = true
      func showGaps(before lsn: LSN?) {
        while goesOn, let gap = gaps.first, lsn.map({ gap.first < $0 }) ?? true {
          goesOn = each(.gap(gap), RawSpan())
          gaps.removeFirst()
        }
      }
      for record in manifest.state.segments where (record.seal?.last ?? from) >= from {
        showGaps(before: record.first)
        guard goesOn else { return }
        goesOn = try show(record, in: folder, manifest, from: from, each: each)
      }
      showGaps(before: nil)
    }
  }

  /// Shows a segment; returns whether to go on.
  private static func show(
    _ record: FileRecord, in folder: StoreFolder, _ manifest: ManifestReading, from: LSN,
    each: (Item, RawSpan) -> Bool
  ) throws(LogError) -> Bool {
    let path = folder.at(record.name)
    guard try wrapping({ () throws(SystemError) in try folder.disk.entry(at: path) }) != nil else {
      return each(.missing(record), RawSpan())
    }
    let opened = try FrameFile.open(path, as: .segment, on: folder.disk, syncing: false)
    defer { opened.file.close() }
    var goesOn = true
    let headerDamage = try opened.headerDamage(of: record, path: path)
    if let headerDamage { goesOn = each(.damage(record, headerDamage), RawSpan()) }
    var walker = FrameWalker(
      file: opened.file, seed: FrameSeed(storeID: manifest.storeID, fileID: record.id), end: opened.byteCount)
    let survey = try Survey.walk(
      &walker, listed: record, at: path, hasHeader: headerDamage == nil,
      durable: record.seal?.last ?? record.first.previous, ceiling: manifest.state.ceiling
    ) { frame, payload in
      if goesOn, frame.nextBase > from { goesOn = each(.frame(record, frame), payload) }
    } damaged: { damage in
      if goesOn, damage.lsns.last >= from { goesOn = each(.damage(record, damage), RawSpan()) }
    }
    guard goesOn else { return false }
    switch survey.tail {
    case .clean: return true
    case .torn(let cut): return each(.torn(record, cut), RawSpan())
    case .sealed:
      // The walk ends at the seal without passing it.
      let look = try wrapping { () throws(SystemError) in try walker.look(at: survey.place.offset) }
      guard case .whole(let seal) = look else { return true }
      return each(.frame(record, seal), walker.payload)
    }
  }
}
