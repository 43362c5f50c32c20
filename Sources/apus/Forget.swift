// `apus delete` and `apus erase`: an entity's row is ended, which a later event undoes, or everything that was ever said of a key
// is forgotten, which nothing undoes. Both say what was there before.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

enum Delete {
  struct Options: Equatable {
    var view: VersionedName
    var entity: EntityWords
    var project: String?
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, catalog) = try answer.definitions()
    let project = try naming.project(options.project)
    let version = try naming.version(options.view, in: project)
    let spelling = naming.registry.spelling(of: version)
    guard let view = catalog[version.id], !view.isRetired else {
      throw Trouble(
        "retired", "\(spelling) is retired, and takes no rows", at: answer.data,
        next: "`apus describe \(options.view.name)\(answer.place.option)` lists its versions")
    }
    let entity = try Entity(
      options.entity, of: view.keys.map { ($0.name, $0.type) }, at: "the command line")
    let (found, written) = try answer.changing { (store) throws(StoreError) in
      (try has(entity, view, project.name, store), try delete(entity, view, project.name, store))
    }
    if written.counts.erased > 0 {
      throw Trouble(
        "erased", "nothing was written: \(entity.inWords) is erased", at: spelling,
        next: "there is nothing to delete; an event that becomes true from now on is taken again")
    }
    let lsn = written.frame.lsns.last
    let was = found ? "one row was found" : "no row was found"
    answer.give(
      ["\(entity.inWords) is deleted from \(spelling) (LSN \(lsn)); \(was)"],
      [
        "view": .text(spelling), "keys": entity.json, "lsn": .number(lsn.rawValue),
        "time": .text("\(written.frame.time)"), "rows_found": .number(found ? 1 : 0),
      ])
    return .done
  }

  private static func has(
    _ entity: Entity, _ view: CatalogView, _ project: String, _ store: Store
  ) throws(StoreError) -> Bool {
    // A view without features holds nothing.
    if view.contract.features.isEmpty { return false }
    let vector = try store.catalog.vector(of: view, in: project)
    var keys = RequestKeys(for: vector)
    try keys.append(named: entity.named)
    var reader = try store.reader()
    var isFound = false
    _ = try reader.read(vector, keys) { _, group, found in
      if found.hasAny(of: vector.groups[group].features) { isFound = true }
    }
    return isFound
  }

  private static func delete(
    _ entity: Entity, _ view: CatalogView, _ project: String, _ store: Store
  ) throws(StoreError) -> AppendAnswer {
    let values = entity.named
    var batch = store.batch(.live, .allOrNothing)
    try batch.turn(to: view)
    batch.delete(key: view.keys.compactMap { values[$0.name] }, GivenTimes())
    return try store.append(batch.admitted())
  }
}

enum Erase {
  struct Options: Equatable {
    var words: EntityWords
    var project: String?
    var isDryRun = false
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, _) = try answer.definitions()
    let project = try naming.project(options.project)
    var keys: [ErasedKey] = []
    for member in options.words.members {
      keys += try Self.keys(member, in: project, naming.registry)
    }
    let (found, frame, within) = try answer.changing { [keys] (store) throws(StoreError) in
      let found = try EraseCounter(store, keys, in: project.name).run()
      return (
        found, options.isDryRun ? nil : try store.erase(keys, in: project.name),
        store.options.eraseWithinNanoseconds
      )
    }
    give(found, frame, within, options, answer)
    return .done
  }

  /// One name may be of several types in a project; the word means each that it can be.
  private static func keys(
    _ member: EntityWords.Member, in project: RegisteredProject, _ registry: Registry
  ) throws(Trouble) -> [ErasedKey] {
    let all = registry.entities.filter { $0.project == project.id }.flatMap(\.keys)
    var types: [KeyType] = []
    for key in all where key.name == member.name && !types.contains(key.type) { types.append(key.type) }
    guard let first = types.first else {
      throw Trouble(
        "unknown_key", "no entity has a key `\(member.name)`", at: "project \(project.name)",
        next: Suggestion.next(for: member.name, among: all.map(\.name), see: "apus describe"))
    }
    let values = types.compactMap { member.word.value(as: $0) }
    if values.isEmpty { _ = try member.value(as: first, at: "the command line") }
    return values.map { ErasedKey(name: member.name, value: $0) }
  }

  private static func give(
    _ found: EraseCounter.Found, _ frame: FrameMoment?, _ within: Int64, _ options: Options, _ answer: Answer
  ) {
    let gone = frame.map { frame in
      let (sum, overflow) = frame.time.nanoseconds.addingReportingOverflow(within)
      return WallTime(nanoseconds: overflow ? .max : sum)
    }
    let names = options.words.members.map { "\($0.name) \($0.word.quoted)" }.joined(separator: ", ")
    let lsn = frame?.lsns.last
    var lines = [
      lsn.map { "\(names) is erased, for good (LSN \($0)); what was found:" }
        ?? "\(names) would be erased; nothing was changed. What is found now:"
    ]
    lines += found.views.map { "  \($0.name)  \(Numbers.count($0.count, "row"))" }
    if found.views.isEmpty { lines.append("  no row") }
    if let gone {
      lines.append(
        answer.isServed
          ? "its bytes are gone from every file by \(gone.inWords)"
          : "its bytes are gone from every file by \(gone.inWords), if a server runs; at once by "
            + "`apus compact --erase\(answer.place.option)`")
    }
    answer.give(
      lines,
      [
        "dry_run": .boolean(options.isDryRun), "lsn": lsn.map { .number($0.rawValue) } ?? .null,
        "time": frame.map { .text("\($0.time)") } ?? .null,
        "bytes_gone_by": gone.map { .text("\($0)") } ?? .null,
        "views": .list(
          found.views.map { ["name": .text($0.name), "rows_found": .number($0.count)] }),
      ])
  }
}
