// What a person reads when a log's record is no change, or one that does not fit.

extension RegistryError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notNext(let kind, let found, let expected):
      "\(kind.rawValue) \(found) is not the next one, which is \(expected)"
    case .unknown(let kind, let id): "there is no \(kind.rawValue) \(id)"
    case .nameTaken(let kind, let name):
      "the \(kind.rawValue) \(Quoted(name)) cannot be added: its name is taken or does not fit"
    case .badName(let name, let fault): "\(Quoted(name)) is no name: \(fault)"
    case .isRetired(let kind, let id): "\(kind.rawValue) \(id) is retired"
    case .isCurrent(let id): "version \(id) is the current one"
    case .inUse(let id, let readers): "version \(id) is read by \(readers.joined(separator: ", "))"
    case .featureMoved(let index): "feature \(index) lost its index, its name or its type"
    case .badRevision(let found, let now): "revision \(found) does not follow revision \(now)"
    case .empty(let kind): "there is no \(kind.rawValue) in it"
    case .tooMany(let kind, let count, let limit):
      "\(count) times a \(kind.rawValue) is too many, at most \(limit) allowed"
    case .bytes(.cut(let at)): "cut short in the field at byte \(at)"
    case .bytes(.order(let at)): "the field at byte \(at) is out of order"
    case .unknownRecord(let kind): "a newer Apus wrote this: record kind \(kind) is unknown"
    case .unknownField(let tag, let kind):
      "a newer Apus wrote this: field \(tag) of the \(kind.rawValue) is unknown"
    case .missingField(let tag, let kind): "field \(tag) of the \(kind.rawValue) is missing"
    case .badField(let tag, let kind): "field \(tag) of the \(kind.rawValue) cannot be what it says"
    }
  }
}
