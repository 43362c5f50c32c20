// One change becomes one record: its kind, then its fields up to the record's end.

internal import ApusBytes

/// The kinds of records. Numbers stay what they are; even ones must be understood.
enum RegistryRecord: UInt64 {
  case project = 2
  case entity = 4
  case entityDescribed = 6
  case view = 8
  case version = 10
  case revised = 12
  case promoted = 14
  case retired = 16
  case service = 18
  case serviceDescribed = 20
  case serviceVersion = 22
  case serviceRetired = 24
}

extension RegistryChange {
  var record: RegistryRecord {
    switch self {
    case .project: .project
    case .entity: .entity
    case .entityDescribed: .entityDescribed
    case .view: .view
    case .version: .version
    case .revised: .revised
    case .promoted: .promoted
    case .retired: .retired
    case .service: .service
    case .serviceDescribed: .serviceDescribed
    case .serviceVersion: .serviceVersion
    case .serviceRetired: .serviceRetired
    }
  }

  /// The payload of a log record.
  package var encoded: [UInt8] {
    var fields = RegistryFieldWriter()
    encodeFields(into: &fields)
    var writer = ByteWriter()
    writer.writeVarint(record.rawValue)
    writer.write(fields.bytes)
    return writer.bytes.copied()
  }

  private func encodeFields(into fields: inout RegistryFieldWriter) {
    switch self {
    case .project(let id, let name):
      fields.id(2, id)
      fields.text(4, name)
    case .entity(let entity):
      fields.id(2, entity.id)
      fields.id(4, entity.project)
      fields.text(6, entity.name)
      for key in entity.keys { fields.key(8, key) }
      fields.words(11, entity.description)
    case .entityDescribed(let id, let words):
      fields.id(2, id)
      fields.words(5, words)
    case .view(let id, let project, let name):
      fields.id(2, id)
      fields.id(4, project)
      fields.text(6, name)
    case .version(let id, let view, let number, let entity, let settings, let features):
      fields.id(2, id)
      fields.id(4, view)
      fields.number(6, UInt64(number))
      fields.id(8, entity)
      fields.settings(10, settings)
      for feature in features { fields.feature(12, RegisteredFeature(definition: feature)) }
    case .revised(let id, let revision, let settings, let features):
      fields.id(2, id)
      fields.number(4, UInt64(revision))
      fields.settings(6, settings)
      for feature in features { fields.feature(8, feature) }
    case .promoted(let id), .retired(let id): fields.id(2, id)
    case .service(let id, let project, let name, let words):
      fields.id(2, id)
      fields.id(4, project)
      fields.text(6, name)
      fields.serviceWords(8, words)
    case .serviceDescribed(let id, let words):
      fields.id(2, id)
      fields.serviceWords(4, words)
    case .serviceVersion(let id, let service, let number, let members, let defaults):
      fields.id(2, id)
      fields.id(4, service)
      fields.number(6, UInt64(number))
      for member in members { fields.member(8, member) }
      for filled in defaults { fields.filled(10, filled) }
    case .serviceRetired(let id): fields.id(2, id)
    }
  }
}
