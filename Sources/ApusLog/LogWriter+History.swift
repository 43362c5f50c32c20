package import ApusBytes
import ApusSystem

// What the log gives up becomes runs and ledgers. They are made elsewhere, whole and durable, before one edit lists them and takes out
// what they replace: at no moment does the manifest say less than all, or anything twice.

extension LogWriter {
  /// Gives out ids for files that are about to be made; makes their folder if it is not there. What is not used is never given out again.
  package func reserveFiles(_ count: Int) throws(LogError) -> [FileID] {
    try checkUsable()
    precondition(count > 0 && count <= ManifestState.reservedMax, "a unit of work makes few files")
    try wrapping { () throws(SystemError) in
      if try folder.disk.entry(at: folder.history) == nil { try folder.makeFolder(folder.history) }
    }
    let first = manifest.state.nextFile
    let end = FileID(first.rawValue + UInt64(count))
    try attempt([.reserve(first, end)])
    return (first.rawValue..<end.rawValue).map { FileID($0) }
  }

  /// One edit: files of reserved ids are added, others removed, the floor is raised, and what a person gave up is noted. Then the removed ones
  /// are unlinked; one that was given up is moved aside.
  ///
  /// The added files are there under their names, and durable. What is removed is finished, and held by no pin (`pinned`); an edit
  /// after which the manifest would not hold together is refused, and nothing happened.
  package func rearrange(
    adding added: [FileRecord], removing ids: [FileID], floor: LSN? = nil, givingUp lost: GivenUp? = nil
  ) throws(LogError) {
    try checkUsable()
    let state = manifest.state
    let gone = state.files.filter { ids.contains($0.id) }
    guard gone.count == Set(ids).count, gone.allSatisfy({ $0.kind != .segment || $0.seal != nil }) else {
      throw .editRefused(why: "a file that is to go is not listed, or not finished")
    }
    guard added.allSatisfy({ $0.kind != .segment && state.reserved.contains($0.id) }) else {
      throw .editRefused(why: "a file that is to be added has no reserved id")
    }
    for file in added { _ = try folder.checked(file) }
    var changes = added.map { ManifestChange.add($0) } + gone.map { .remove($0.id) }
    if let floor { changes.append(.floor(floor)) }
    let stray = gone.first { $0.id == lost?.file }
    // Not among those that are unlinked: the next start finds it in no manifest, and moves it aside.
    if let stray { changes.append(.forget(stray.id)) }
    if let lost { changes.append(.givenUp(lost)) }
    try refuseUnlessWhole(changes)
    // Readers see it first: whoever pins while the edit is written must not be given what is about to go.
    let before = reader.view
    guard reader.rearrange(adding: added, removing: gone, floor: floor ?? state.floor) else {
      throw .pinned(lowest: reader.lowestPin ?? .none)
    }
    do throws(LogError) { try commit(changes) } catch {
      reader.publish(before)
      throw error
    }
    unlink(gone.filter { $0.id != stray?.id })
    if let stray, (try? folder.disk.entry(at: folder.at(stray.name))) ?? nil != nil {
      _ = try? folder.moveAside([stray.name])
    }
  }

  /// Commits what may be refused.
  private func attempt(_ changes: [ManifestChange]) throws(LogError) {
    try refuseUnlessWhole(changes)
    try commit(changes)
  }

  private func refuseUnlessWhole(_ changes: [ManifestChange]) throws(LogError) {
    do throws(ManifestFault) { _ = try manifest.state.applying(changes) } catch {
      throw .editRefused(why: error.description)
    }
  }
}
