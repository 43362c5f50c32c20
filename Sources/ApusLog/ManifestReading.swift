import ApusBytes
import ApusSystem

/// What CURRENT and the manifest say, read without changing anything.
package struct ManifestReading: Sendable {
  package let storeID: StoreID
  package let number: UInt64
  package let name: String
  package let byteCount: UInt64
  package let survey: Survey
  package let state: ManifestState
  /// The edits, in order, for people.
  package let edits: [[ManifestChange]]
  let file: any DiskFile

  /// Reads the manifest that CURRENT names.
  ///
  /// With `syncing`, what a killed process left in the page cache is first made durable, and then read back from the disk: otherwise a
  /// promise could be kept now and lost later.
  package init(in folder: StoreFolder, syncing: Bool) throws(LogError) {
    if syncing {
      // A killed process may have left names that no folder on the disk has yet; what is built on them must not outlive them.
      try wrapping { () throws(SystemError) in
        try folder.disk.syncFolder(folder.path)
        try folder.disk.syncFolder(folder.log)
      }
    }
    let current = try ManifestReading.current(in: folder)
    guard let number = ManifestReading.number(of: current.manifest) else {
      throw .currentUnreadable(
        path: folder.current, why: "it names \(current.manifest), which is no manifest")
    }
    let path = folder.at(current.manifest)
    guard try wrapping({ () throws(SystemError) in try folder.disk.entry(at: path) }) != nil else {
      throw .fileMissing(path: path)
    }
    let opened = try FrameFile.open(path, as: .manifest, on: folder.disk, syncing: syncing)
    let header: FileHeader
    switch opened.header {
    case .success(let found): header = found
    case .failure(let fault):
      throw fault.isUnsupported
        ? .unsupported(path: path, what: fault.description) : .header(path: path, fault)
    }
    guard header.storeID == current.storeID, header.fileID.rawValue == number else {
      throw .foreignFile(
        path: path, why: "its header names store \(header.storeID), manifest \(header.fileID)")
    }

    var payloads: [Result<[ManifestChange], ManifestFault>] = []
    var walker = FrameWalker(
      file: opened.file, seed: FrameSeed(storeID: header.storeID, fileID: header.fileID),
      end: opened.byteCount)
    let survey = try Survey.walk(
      &walker, from: FramePlace(after: header), in: (header.fileID, .manifest, path), durable: .none
    ) { frame, payload in
      guard frame.type.takesLSN else { return }
      do throws(ManifestFault) {
        payloads.append(.success(try ManifestChange.decode(payload)))
      } catch {
        payloads.append(.failure(error))
      }
    }
    guard survey.damages.isEmpty else { throw .manifestDamaged(path: path, survey.damages) }

    var state = ManifestState()
    var edits: [[ManifestChange]] = []
    do throws(ManifestFault) {
      for payload in payloads {
        let changes = try payload.get()
        state = try state.applying(changes)
        edits.append(changes)
      }
    } catch {
      if case .unknownChange = error { throw .unsupported(path: path, what: error.description) }
      throw .manifestWrong(path: path, why: error.description)
    }
    guard !edits.isEmpty else { throw .manifestWrong(path: path, why: "it has no snapshot") }
    if let fork = state.forks.first, fork.parent != TimelineID(firstOf: header.storeID) {
      throw .manifestWrong(path: path, why: "its first timeline, \(fork.parent), is not the store's")
    }

    storeID = header.storeID
    self.number = number
    name = current.manifest
    byteCount = opened.byteCount
    self.survey = survey
    self.state = state
    self.edits = edits
    file = opened.file
  }

  /// A manifest's number, from its name.
  static func number(of name: String) -> UInt64? {
    guard name.hasPrefix(StoreFolder.manifestPrefix) else { return nil }
    let number = UInt64(name.dropFirst(StoreFolder.manifestPrefix.count))
    // Far below the end of its type, so that there is always a next one.
    return number.flatMap { StoreFolder.manifestName($0) == name && $0 < 1 << 62 ? $0 : nil }
  }

  private static func current(in folder: StoreFolder) throws(LogError) -> CurrentFile {
    let bytes = try wrapping { () throws(SystemError) in
      let file = try folder.disk.open(folder.current, .read)
      var block = ByteBlock(byteCount: 4096)
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      return block.bytes.extracting(..<count).copied()
    }
    do throws(CurrentFile.Fault) {
      return try CurrentFile.parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      switch error {
      case .unreadable(let why): throw .currentUnreadable(path: folder.current, why: why)
      case .unsupportedVersion(let version):
        throw .unsupported(path: folder.current, what: "format version \(version)")
      }
    }
  }
}
