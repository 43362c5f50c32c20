import ApusBytes
import ApusSystem

/// The manifest's file: reads the state that it holds, and makes changes of it durable.
///
/// A change has taken effect when `commit` returns: the edit was synced, and a mark that says so as well. When a write or a
/// sync fails, nobody can say which edits a restart will find, so nothing may be done on the strength of this
/// object any more; `LogWriter` stops for good. Only a full disk, met before anything was written, leaves it usable.
final class Manifest {
  private let folder: StoreFolder
  private let clock: any Clock
  let storeID: StoreID
  private(set) var state: ManifestState
  private(set) var name: String
  private var number: UInt64
  private var file: any DiskFile
  private var place: FramePlace
  private var capacity: UInt64
  /// Behind a torn tail nothing may be appended: the next edit begins a new file.
  private var mustRoll: Bool

  private init(
    folder: StoreFolder, clock: any Clock, storeID: StoreID, state: ManifestState, number: UInt64,
    file: any DiskFile, place: FramePlace, capacity: UInt64, mustRoll: Bool
  ) {
    self.folder = folder
    self.clock = clock
    self.storeID = storeID
    self.state = state
    self.number = number
    name = StoreFolder.manifestName(number)
    self.file = file
    self.place = place
    self.capacity = capacity
    self.mustRoll = mustRoll
  }

  /// Makes a new store's first manifest, and CURRENT.
  static func create(
    in folder: StoreFolder, clock: any Clock, storeID: StoreID
  ) throws(LogError) -> Manifest {
    let state = ManifestState()
    let written = try write(state, number: 1, edit: .first, storeID: storeID, in: folder, clock: clock)
    try point(to: 1, storeID: storeID, in: folder)
    return Manifest(
      folder: folder, clock: clock, storeID: storeID, state: state, number: 1, file: written.file,
      place: written.place, capacity: written.capacity, mustRoll: false)
  }

  /// Takes up what `reading` found, to go on writing.
  init(_ reading: ManifestReading, in folder: StoreFolder, clock: any Clock) {
    self.folder = folder
    self.clock = clock
    storeID = reading.storeID
    state = reading.state
    number = reading.number
    name = StoreFolder.manifestName(reading.number)
    file = reading.file
    place = reading.survey.place
    capacity = reading.byteCount
    mustRoll = reading.survey.tail != .clean
  }

  /// Applies changes, all or none, and makes them durable.
  func commit(_ changes: [ManifestChange]) throws(LogError) {
    let next: ManifestState
    do throws(ManifestFault) {
      next = try state.applying(changes)
    } catch {
      // Our own changes contradict each other: a wrong self, not a wrong disk.
      preconditionFailure("manifest: \(error) in \(changes)")
    }
    var writer = ByteWriter()
    let edit = Manifest.encode(
      .edit, changes, at: place, storeID: storeID, id: FileID(number), clock: clock, into: &writer)
    let end = edit.end + UInt64(Format.frameHeaderByteCount)
    guard !mustRoll, end <= capacity else { return try roll(to: next) }
    place = try Manifest.append(edit, &writer, to: file, at: place, storeID: storeID, id: FileID(number))
    state = next
  }

  /// Begins a new manifest with a snapshot of `next`, and points CURRENT to it.
  private func roll(to next: ManifestState) throws(LogError) {
    let old = name
    // Until CURRENT names the new file for good, no edit may go into the old one: it might not be read again.
    mustRoll = true
    let written = try Manifest.write(
      next, number: number + 1, edit: place.nextBase, storeID: storeID, in: folder, clock: clock)
    try Manifest.point(to: number + 1, storeID: storeID, in: folder)
    file.close()
    file = written.file
    place = written.place
    capacity = written.capacity
    number += 1
    name = StoreFolder.manifestName(number)
    mustRoll = false
    state = next
    // If the old name stays, the next start moves it aside.
    try? folder.disk.remove(folder.at(old))
  }

  func close() { file.close() }
}

// MARK: Bytes

extension Manifest {
  private typealias Written = (file: any DiskFile, place: FramePlace, capacity: UInt64)

  /// Writes a manifest file that begins with a snapshot.
  private static func write(
    _ state: ManifestState, number: UInt64, edit: LSN, storeID: StoreID, in folder: StoreFolder,
    clock: any Clock
  ) throws(LogError) -> Written {
    var header = FileHeader(
      kind: .manifest, storeID: storeID, fileID: FileID(number), created: clock.wall(), first: edit,
      epoch: state.epoch, previous: 0)
    var writer = ByteWriter()
    header.encode(into: &writer)
    var place = FramePlace(after: header)
    let snapshot = encode(
      .snapshot, state.snapshot, at: place, storeID: storeID, id: header.fileID, clock: clock, into: &writer)
    place.pass(snapshot)
    // The file appears whole or not at all, so its snapshot is durable before anybody can read it. The mark says so, and damage
    // to the snapshot is known for damage even when no edit follows.
    let mark = encodeMark(at: place, storeID: storeID, id: header.fileID, into: &writer)
    place.pass(mark)
    let capacity = max(Format.manifestByteCount, 2 * place.offset)
    let file = try wrapping { () throws(SystemError) in
      let path = folder.at(StoreFolder.manifestName(number))
      let file = try folder.prepare(path, size: capacity) { (file) throws(SystemError) in
        try file.writeAll(writer.bytes, at: 0)
      }
      try folder.reveal(path)
      try folder.disk.syncFolder(folder.path)
      return file
    }
    return (file, place, capacity)
  }

  private static func encode(
    _ type: FrameType, _ changes: [ManifestChange], at place: FramePlace, storeID: StoreID, id: FileID,
    clock: any Clock, into writer: inout ByteWriter
  ) -> FrameHeader {
    let draft = FrameHeader(
      offset: place.offset, type: type, flags: .clockStep, payloadByteCount: 0, base: place.nextBase,
      recordCount: 1,
      epoch: place.epoch, durable: place.lastLSN, appendTime: clock.wall(), payloadCRC: 0,
      chain: place.chain ?? 0,
      headerCRC: 0)
    var payload = ByteWriter()
    ManifestChange.encode(changes, into: &payload)
    return FrameFormat.encode(
      draft, payload: payload.bytes, seed: FrameSeed(storeID: storeID, fileID: id), into: &writer)
  }

  private static func encodeMark(
    at place: FramePlace, storeID: StoreID, id: FileID, into writer: inout ByteWriter
  ) -> FrameHeader {
    let draft = FrameHeader(
      offset: place.offset, type: .mark, flags: [], payloadByteCount: 0, base: place.nextBase, recordCount: 0,
      epoch: place.epoch, durable: place.lastLSN, appendTime: place.appendTime, payloadCRC: 0,
      chain: place.chain ?? 0, headerCRC: 0)
    return FrameFormat.encode(
      draft, payload: RawSpan(), seed: FrameSeed(storeID: storeID, fileID: id), into: &writer)
  }

  /// Writes an edit, syncs it, and then a mark that says it is durable.
  private static func append(
    _ edit: FrameHeader, _ writer: inout ByteWriter, to file: any DiskFile, at place: FramePlace,
    storeID: StoreID,
    id: FileID
  ) throws(LogError) -> FramePlace {
    var place = place
    do throws(SystemError) {
      try file.writeAll(writer.bytes, at: place.offset)
      try file.syncData()
      place.pass(edit)
      writer.removeAll()
      let mark = encodeMark(at: place, storeID: storeID, id: id, into: &writer)
      try file.writeAll(writer.bytes, at: place.offset)
      try file.syncData()
      place.pass(mark)
    } catch {
      throw .stopped(because: error)
    }
    return place
  }

  /// Makes CURRENT name a manifest, in one step.
  ///
  /// Up to the rename a failure changes nothing. After it nobody knows which manifest a restart will find.
  private static func point(to number: UInt64, storeID: StoreID, in folder: StoreFolder) throws(LogError) {
    let line = CurrentFile(storeID: storeID, manifest: StoreFolder.manifestName(number)).line
    var writer = ByteWriter()
    writer.write(utf8: line)
    try wrapping { () throws(SystemError) in
      try folder.prepare(folder.current) { (file) throws(SystemError) in
        try file.writeAll(writer.bytes, at: 0)
      }.close()
      try folder.reveal(folder.current)
    }
    do throws(SystemError) { try folder.disk.syncFolder(folder.path) } catch {
      throw .stopped(because: error)
    }
  }
}
