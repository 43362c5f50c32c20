// Files become one project. Names are known before references are followed: all files' entities first, then their views,
// then their services, so that the order of files and of sections means nothing.

/// A file's name, as errors shall tell it, and its bytes.
package struct DefinitionFile: Sendable {
  package var name: String
  package var bytes: [UInt8]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

package struct DefinitionReader {
  package static let keyCountMax = 8
  package static let memberCountMax = 256
  package static let tagCountMax = 64
  /// Of entities, of views and of services in one file.
  package static let definitionCountMax = 4_096

  var errors = DefinitionComplaints()
  var file = 0
  var entities = Named<EntityDefinition>()
  var views = Named<ViewDefinition>()
  var services = Named<ServiceDefinition>()
  private var project: String?

  /// Definitions by name, with the place where each is. A broken one is present too, with what could be read of it.
  struct Named<Definition> {
    var all: [Definition] = []
    var places: [String: (file: Int, place: SourcePlace, index: Int)] = [:]

    subscript(name: String) -> Definition? {
      guard DefinitionName.mayBe(name), let found = places[name] else { return nil }
      return all[found.index]
    }
  }

  /// All that the files define; they are parts of one project.
  package static func read(_ files: [DefinitionFile]) throws(DefinitionErrors) -> ProjectDefinition {
    var reader = DefinitionReader()
    reader.errors.files = files.map(\.name)
    reader.readSections(of: files)
    if let found = reader.errors.sorted { throw found }
    return ProjectDefinition(
      name: reader.project ?? "", entities: reader.entities.all, views: reader.views.all,
      services: reader.services.all)
  }

  private mutating func readSections(of files: [DefinitionFile]) {
    var sections: [[String: YamlNode]] = []
    for (index, content) in files.enumerated() {
      file = index
      sections.append(readRoot(of: content))
    }
    if files.isEmpty { errors.add(.noFiles, at: .start, in: 0) }
    for (index, section) in sections.enumerated() {
      file = index
      for entry in entries(section["entities"], of: "entities") { readEntity(entry) }
    }
    for (index, section) in sections.enumerated() {
      file = index
      for entry in entries(section["views"], of: "views") { readView(entry) }
    }
    for (index, section) in sections.enumerated() {
      file = index
      for entry in entries(section["services"], of: "services") { readService(entry) }
    }
  }

  private mutating func readRoot(of content: DefinitionFile) -> [String: YamlNode] {
    do throws(YamlProblem) {
      let document = try YamlReader.read(content.bytes)
      for problem in document.problems { errors.add(.yaml(problem.fault), at: problem.place, in: file) }
      let settings = ["project", "entities", "views", "services"]
      guard let fields = fields(document.root, of: "a file of definitions", settings) else { return [:] }
      if let node = fields["project"], let name = string(node) {
        if let fault = DefinitionName.fault(in: name) {
          complain(.badName(name, fault), node.place)
        } else if let first = project, first != name {
          complain(.otherProject(name, first: first), node.place)
        } else {
          project = name
        }
      } else if fields["project"] == nil {
        complain(.missing("project", of: "a file of definitions"), document.root.place)
      }
      return fields
    } catch {
      errors.add(.yaml(error.fault), at: error.place, in: file)
      return [:]
    }
  }

  private mutating func entries(_ node: YamlNode?, of section: String) -> [YamlEntry] {
    guard let node else { return [] }
    let entries = mapping(node, "a mapping of names to \(section)") ?? []
    if entries.count > Self.definitionCountMax {
      complain(.tooMany(section, limit: Self.definitionCountMax), node.place)
    }
    return Array(entries.prefix(Self.definitionCountMax))
  }

  /// Puts a definition in its place, or complains that its name is taken.
  mutating func define<D>(
    _ definition: D, _ kind: DefinitionFault.Kind, _ entry: YamlEntry,
    in list: WritableKeyPath<DefinitionReader, Named<D>>
  ) {
    if let first = self[keyPath: list].places[entry.key] {
      let other = first.file == file ? nil : errors.files[first.file]
      complain(.duplicate(kind, entry.key, first: first.place, file: other), entry.keyPlace)
    } else {
      self[keyPath: list].places[entry.key] = (file, entry.keyPlace, self[keyPath: list].all.count)
      self[keyPath: list].all.append(definition)
    }
  }

  private mutating func readEntity(_ entry: YamlEntry) {
    checkName(entry)
    var entity = EntityDefinition(name: entry.key, keys: [])
    if let fields = fields(entry.value, of: "an entity", ["keys", "description"]) {
      entity.description = text(fields["description"])
      if let node = fields["keys"] {
        entity.keys = keys(node)
      } else {
        complain(.missing("keys", of: "an entity"), entry.keyPlace)
      }
    }
    define(entity, .entity, entry, in: \.entities)
  }

  private mutating func keys(_ node: YamlNode) -> [KeyDefinition] {
    guard let entries = mapping(node, "a mapping of key names to types") else { return [] }
    if entries.isEmpty { complain(.empty("keys"), node.place) }
    if entries.count > Self.keyCountMax { complain(.tooMany("keys", limit: Self.keyCountMax), node.place) }
    var keys: [KeyDefinition] = []
    for entry in entries {
      checkName(entry)
      guard let spelling = string(entry.value) else { continue }
      if let type = KeyType(spelling: spelling) {
        keys.append(KeyDefinition(name: entry.key, type: type))
      } else if let type = ElementType(spelling: spelling) {
        complain(.keyType(type), entry.value.place)
      } else if (try? FeatureType(spelling: spelling)) != nil {
        complain(.expected("the type of one value for a key", found: spelling), entry.value.place)
      } else {
        let known = KeyType.allCases.map(\.description)
        if let near = nearest(to: spelling, among: known) {
          complain(.badType(.unknown(spelling), suggestion: near), entry.value.place)
        } else {
          let found = Quoted(spelling).description
          complain(
            .expected("the type of a key: \(known.joined(separator: ", "))", found: found), entry.value.place)
        }
      }
    }
    return keys
  }
}
