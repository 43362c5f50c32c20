// `apus get`: what a model would get now, with the reasons. Names and keys are understood before the store is asked, and all
// entities of an answer are read at one LSN.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Get {
  enum Wanted: Equatable {
    case service(VersionedName)
    case features([String])
    case view(VersionedName)
  }

  struct Options: Equatable {
    var what: Wanted
    var project: String?
    /// Nil: many, from standard input.
    var entity: EntityWords?
    var minimum: LSN?
    /// Nil: now, as it is served.
    var moment: PastMoment?
    var isStale = false
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Asked(options, answer)
    let found = try answer.changing { (store) throws(StoreError) in
      guard let moment = options.moment else {
        let vector = try asked.wanted.vector(in: store.catalog, asked.project)
        return try FoundEntities(asked.entities.map(\.named), vector, store, options)
      }
      let read = try store.past(moment)
      let vector = try asked.wanted.vector(in: read.catalog, asked.project)
      return try FoundEntities(asked.entities.map(\.named), vector, read, options)
    }
    let title = asked.wanted.spelled
    let entities = asked.entities
    if answer.isJSON {
      for (row, entity) in entities.enumerated() { answer.output.line(found.json(row, entity, title)) }
    } else if options.entity != nil {
      found.lines(row: 0, title).forEach { answer.output.line($0) }
    } else {
      found.lines(entities, title).forEach { answer.output.line($0) }
    }
    return .done
  }

  /// What was asked for, understood before the store is opened.
  struct Asked {
    let wanted: Wanted
    let project: String
    let entities: [Entity]

    init(_ options: Options, _ answer: Answer) throws(Trouble) {
      let (naming, catalog) = try answer.definitions()
      let project = try naming.project(options.project)
      self.project = project.name
      wanted = try Get.named(options.what, naming, project)
      let vector: PreparedVector
      do throws(StoreError) { vector = try wanted.vector(in: catalog, project.name) } catch {
        throw Trouble(error, answer.place)
      }
      entities = try Get.entities(options, of: vector, answer)
      guard !entities.isEmpty else {
        throw Trouble(
          "key_missing", "there is not one line of keys", at: EntityInput.place,
          next: "write one JSON object or NAME=VALUE,NAME=VALUE on a line")
      }
    }
  }

  /// The same with the versions that names mean, so that what is not there is told with what was meant.
  static func named(
    _ what: Wanted, _ naming: Naming, _ project: RegisteredProject
  ) throws(Trouble) -> Wanted {
    switch what {
    case .features: return what
    case .service(let name):
      let version = try naming.version(ofService: name, in: project)
      return .service(VersionedName(name: name.name, number: version.number))
    case .view(let name):
      let version = try naming.version(name, in: project)
      return .view(VersionedName(name: name.name, number: version.number))
    }
  }

  private static func entities(
    _ options: Options, of vector: PreparedVector, _ answer: Answer
  ) throws(Trouble) -> [Entity] {
    var keys: [(name: String, type: KeyType)] = []
    for key in vector.roles.flatMap(\.keys) where !keys.contains(where: { $0.name == key.requested }) {
      keys.append((key.requested, key.key.type))
    }
    if let words = options.entity { return [try Entity(words, of: keys, at: "the command line")] }
    var entities: [Entity] = []
    for (number, words) in try EntityInput.lines(answer.source) {
      entities.append(try Entity(words, of: keys, at: "\(EntityInput.place), line \(number)"))
    }
    return entities
  }
}

extension Get.Wanted {
  func vector(in catalog: Catalog, _ project: String) throws(StoreError) -> PreparedVector {
    switch self {
    case .service(let name): return try catalog.vector(service: name, in: project)
    case .features(let names): return try catalog.vector(features: names, in: project)
    case .view(let name):
      guard let view = catalog.view(name, in: project) else { throw .unknownView(name, project: project) }
      return try catalog.vector(of: view, in: project)
    }
  }

  var spelled: String {
    switch self {
    case .service(let name), .view(let name): "\(name)"
    case .features(let names): Numbers.count(names.count, "feature")
    }
  }
}
