// `apus get`: what a model would get now, with the reasons. Names and keys are understood before the store is asked, and all
// entities of an answer are read at one LSN.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem
import ApusWire

enum Get {
  enum Wanted: Equatable {
    case service(VersionedName)
    case features([String])
    case view(VersionedName)
    /// The service version of a receipt, by the beginning of its fingerprint.
    case receipt([UInt8])
  }

  struct Options: Equatable {
    var what: Wanted
    var project: String?
    /// Nil: many, from standard input.
    var entity: EntityWords?
    var minimum: LSN?
    /// Nil: now, as it is served.
    var moment: PastMoment?
    /// The moment that this pin keeps, in place of one that is named.
    var pin: String?
    var isStale = false
    /// For people; programs are always told.
    var showsReceipts = false

    /// What is looked at; nil for what is served now.
    func moment(in store: Store) throws(StoreError) -> PastMoment? {
      if let pin { return try store.moment(ofPin: pin) }
      return moment
    }
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Asked(options, answer, isServed: options.moment == nil && options.pin == nil)
    let found = try answer.changing { (store) throws(StoreError) in
      guard let moment = try options.moment(in: store) else {
        let catalog = store.catalog
        let vector = try asked.wanted.pastVector(in: catalog, asked.project).served()
        let seal = ReceiptSeal(store, vector, catalog)
        return try FoundEntities(asked.entities.map(\.named), vector, store, options, seal)
      }
      let read = try store.past(moment)
      let vector = try asked.wanted.pastVector(in: read.catalog, asked.project)
      // What was known by a time is no moment of the log, and cannot be had again by one.
      var seal: ReceiptSeal?
      if case .lsn = moment { seal = ReceiptSeal(store, vector, read.catalog) }
      return try FoundEntities(asked.entities.map(\.named), vector, read, options, seal)
    }
    let title = asked.wanted.spelled(columns: found.columns.count)
    let entities = asked.entities
    if answer.isJSON {
      for (row, entity) in entities.enumerated() { answer.output.line(found.json(row, entity, title)) }
    } else if options.entity != nil {
      found.lines(row: 0, title, receipts: options.showsReceipts).forEach { answer.output.line($0) }
    } else {
      found.lines(entities, title, receipts: options.showsReceipts).forEach { answer.output.line($0) }
    }
    return .done
  }

  /// What was asked for, understood before the store is opened.
  struct Asked {
    let wanted: Wanted
    let project: String
    let entities: [Entity]

    /// The entities' keys, row after row and role after role.
    func keys(of vector: PreparedVector) throws(StoreError) -> [[UInt8]] {
      var keys = RequestKeys(for: vector)
      for entity in entities { try keys.append(named: entity.named) }
      var encoded: [[UInt8]] = []
      for row in 0..<keys.count {
        for role in vector.roles.indices { encoded.append(keys.key(row: row, role: role).copied()) }
      }
      return encoded
    }

    /// `isServed`: what is retired is refused.
    init(
      _ options: Options, _ answer: Answer, receipt: AnswerReceipt? = nil, isServed: Bool = false
    ) throws(Trouble) {
      let facts = try answer.facts()
      let naming = Naming(registry: facts.state.registry, place: answer.place)
      let project = try naming.project(options.project)
      self.project = project.name
      let catalog: Catalog
      let vector: PreparedVector
      do throws(StoreError) {
        let pinned = options.pin.flatMap { facts.state.pins[$0]?.last }
        let lsn = pinned ?? Explain.Options(what: options, receipt: receipt).lsn(on: facts.timeline.bytes)
        catalog = try facts.catalog(asOf: lsn)
        try catalog.check(has: project.name, at: lsn)
      } catch {
        throw Trouble(error, answer.place)
      }
      wanted = try Get.named(options.what, naming, project, catalog)
      do throws(StoreError) {
        let found = try wanted.pastVector(in: catalog, project.name)
        vector = isServed ? try found.served() : found
      } catch {
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
    _ what: Wanted, _ naming: Naming, _ project: RegisteredProject, _ catalog: Catalog
  ) throws(Trouble) -> Wanted {
    switch what {
    case .features: return what
    case .receipt(let fingerprint):
      guard let found = catalog.service(fingerprint: fingerprint, in: project.name) else {
        throw .unknownReceipt
      }
      return .service(found)
    case .service(let name):
      let version = try naming.version(ofService: name, in: project)
      return .service(VersionedName(name: name.name, number: version.number))
    case .view(let name):
      // As of an LSN the current version is that of then.
      let then = catalog.registry.project(project.name).flatMap { catalog.registry.version(name, in: $0.id) }
      let version = if let then { then } else { try naming.version(name, in: project) }
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
  /// Of what is retired, too: `served()` refuses it.
  func pastVector(in catalog: Catalog, _ project: String) throws(StoreError) -> PreparedVector {
    switch self {
    case .service(let name): return try catalog.pastVector(service: name, in: project)
    case .features(let names): return try catalog.pastVector(features: names, in: project)
    case .receipt(let fingerprint):
      guard let name = catalog.service(fingerprint: fingerprint, in: project) else {
        throw .unknownService(
          VersionedName(name: AnswerReceipt.name(ofFingerprint: fingerprint)), project: project)
      }
      return try catalog.pastVector(service: name, in: project)
    case .view(let name):
      guard let view = catalog.view(name, in: project) else { throw .unknownView(name, project: project) }
      return try catalog.pastVector(of: view, in: project)
    }
  }

  /// With a list of features, by how many columns it gives.
  func spelled(columns: Int) -> String {
    if case .features = self { return Numbers.count(columns, "feature") }
    return spelled
  }

  var spelled: String {
    switch self {
    case .service(let name), .view(let name): "\(name)"
    case .features(let names): Numbers.count(names.count, "feature")
    case .receipt(let fingerprint): AnswerReceipt.name(ofFingerprint: fingerprint)
    }
  }
}
