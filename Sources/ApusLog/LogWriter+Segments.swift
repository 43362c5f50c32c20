package import ApusBytes
import ApusSystem

// Segments come and go in an order such that a crash between any two steps leaves a store that opens, and a full
// disk leaves one that goes on: whatever needs space comes first, whatever cannot be taken back comes last.

extension LogWriter {
  /// Reserves LSNs up to, and without, `end`. Synced before one of them is given out.
  func raiseCeiling(to end: LSN) throws(LogError) {
    if end > manifest.state.ceiling { try commit([.ceiling(LSN(end.rawValue + options.ceilingStep))]) }
    state.ceiling = manifest.state.ceiling
  }

  /// Finishes the active segment, if there is one, and begins the next.
  package func rotate() throws(LogError) {
    try sync()
    var header = nextHeader()
    var bytes = ByteWriter(capacity: Format.headerByteCount)
    header.encode(into: &bytes)
    let record = FileRecord(
      kind: .segment, id: header.fileID,
      name: StoreFolder.segmentName(first: header.first, id: header.fileID),
      first: header.first, epoch: header.epoch, headerCRC: header.crc)
    let file = try makeSegment(folder.at(record.name), header: bytes.bytes)
    do throws(LogError) {
      try finish(adding: [.add(record)])
    } catch {
      if case .diskFull = error {
        file.close()
        try? folder.disk.remove(folder.at(record.name))
      }
      throw error
    }
    state.active = ActiveSegment(
      record: record, storeID: manifest.storeID, file: file, capacity: options.segmentByteCount)
    reader.publish(active: record, file: file)
  }

  private func nextHeader() -> FileHeader {
    let state = manifest.state
    let previous = state.segments.last { $0.seal != nil }?.seal?.digest ?? 0
    return FileHeader(
      kind: .segment, storeID: manifest.storeID, fileID: state.nextFile, created: clock.wall(),
      first: nextLSN,
      epoch: state.epoch, previous: previous)
  }

  private func makeSegment(_ path: String, header: RawSpan) throws(LogError) -> any DiskFile {
    do throws(SystemError) {
      let file = try folder.prepare(path, size: options.segmentByteCount) { (file) throws(SystemError) in
        try file.writeAll(header, at: 0)
      }
      try folder.reveal(path)
      do throws(SystemError) {
        try folder.disk.syncFolder(folder.log)
      } catch {
        file.close()
        try? folder.disk.remove(path)
        throw error
      }
      return file
    } catch {
      throw error.errno.meansDiskFull ? .diskFull(error) : stop(error)
    }
  }

  /// Seals the active segment, or removes it when it holds no frame, in one edit with `changes`.
  ///
  /// Nothing waits in the buffer. A full disk leaves the segment to be finished at the next try.
  func finish(adding changes: [ManifestChange]) throws(LogError) {
    precondition(state.buffer.isEmpty, "what is finished was flushed")
    guard let segment = state.active else { return try commit(changes) }
    let isEmpty = segment.written.tally.frames == 0
    var ending = ManifestChange.remove(segment.record.id)
    if !isEmpty {
      state.active?.spoiled = true
      ending = .seal(segment.record.id, FileSeal(try seal(segment)))
      state.durable = segment.written.place.lastLSN
      markDue = false
    }
    try commit([ending] + changes)
    // A scan on another thread may be reading from its file, which is closed when the last one lets go of it.
    state.active = nil
    if isEmpty {
      reader.publishRemoved()
      unlink([segment.record])
    } else if case .seal(_, let seal) = ending {
      reader.publish(seal: seal)
    }
  }

  private func seal(_ segment: ActiveSegment) throws(LogError) -> Seal {
    let seal: Seal
    do throws(SystemError) {
      seal = try segment.written.writeSeal(to: segment.file, seed: segment.seed, first: segment.record.first)
    } catch {
      throw error.errno.meansDiskFull ? .diskFull(error) : stop(error)
    }
    do throws(SystemError) { try seal.settle(segment.file) } catch { throw stop(error) }
    return seal
  }

  /// Removes the names of files that the manifest removed. A name that stays is removed at the next start.
  func unlink(_ files: [FileRecord]) {
    do throws(SystemError) {
      for file in files { try folder.disk.remove(folder.at(file.name)) }
      try folder.syncFolders(of: files.map(\.name))
      unlinked += files.map(\.id)
    } catch {
      // The manifest keeps the names as removed, and the next start goes on from there.
    }
  }

  /// Gives up finished segments whose records all lie at or below `lsn`, oldest first, up to the first that a pin holds.
  ///
  /// Returns what was removed. The caller has made sure that the records live elsewhere; a store with ledgers is refused, for there only
  /// `rearrange` keeps the books.
  @discardableResult
  package func retire(through lsn: LSN) throws(LogError) -> [FileRecord] {
    try checkUsable()
    guard manifest.state.history.isEmpty else {
      throw .editRefused(why: "the ledgers would not reach up to the floor")
    }
    let before = reader.view
    let candidates = manifest.state.segments.prefix { $0.seal.map { $0.last <= lsn } ?? false }
    // Readers lose them first: whoever pins while the edit is written must not be given what is about to go.
    let count = reader.giveUp(upTo: candidates.compactMap { $0.seal?.last })
    let retired = Array(candidates.prefix(count))
    guard let last = retired.last?.seal?.last else { return [] }
    do throws(LogError) {
      try commit(retired.map { .remove($0.id) } + [.floor(last.next)])
    } catch {
      reader.publish(before)
      throw error
    }
    unlink(retired)
    return retired
  }
}
