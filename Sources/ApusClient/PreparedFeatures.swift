// A vector that was prepared on a connection: its handle, and everything that follows from its types, worked out once. Keys are
// encoded on the caller's thread; a key without a part, or with one that nobody asked for, is refused before anything is sent.

import ApusBytes
import ApusContracts
package import ApusWire

package final class PreparedFeatures: Sendable {
  let handle: UInt32
  let fingerprint: [UInt8]
  let roles: [Role]
  let columns: [FeatureRows.Column]
  let columnNumbers: [String: Int]
  let shape: ReplyShape

  struct Role: Sendable {
    let name: String
    let parts: [String]
    let schema: KeySchema
  }

  private let partNames: Set<String>

  package init(_ reply: PrepareReply) throws(ClientError) {
    handle = reply.handle
    fingerprint = reply.fingerprint
    roles = reply.roles.map { role in
      Role(
        name: role.name.isEmpty ? role.entity : role.name, parts: role.parts.map(\.name),
        schema: KeySchema(role.parts.map(\.type)))
    }
    partNames = Set(reply.roles.flatMap { $0.parts.map(\.name) })
    columns = reply.columns.map {
      FeatureRows.Column(name: $0.name, type: "\($0.type)", feature: $0.feature, hasDefault: $0.hasDefault)
    }
    var numbers: [String: Int] = [:]
    for (number, column) in columns.enumerated() {
      guard numbers.updateValue(number, forKey: column.name) == nil else {
        throw ClientError(.badReply, "two columns of the vector are called \(column.name)")
      }
    }
    columnNumbers = numbers
    shape = ReplyShape(reply.columns)
  }

  /// Keys in the order of a request, as they are sent.
  func encode(_ rows: [[String: FeatureValue]], into writer: inout ByteWriter) throws(ClientError) {
    var encoder = KeyEncoder()
    for (number, row) in rows.enumerated() {
      for role in roles {
        var values: [Value] = []
        for (part, type) in zip(role.parts, role.schema.parts) {
          guard let value = row[part] else {
            throw ClientError(
              .badInput, "row \(number) has no \(part)", where: "key of \(role.name)",
              next: "every row names \(partNames.sorted().joined(separator: ", "))")
          }
          values.append(value.part(of: type))
        }
        do throws(KeyError) {
          try role.schema.encode(values, into: &encoder)
        } catch {
          throw ClientError(
            .badInput, "row \(number) cannot be a key of \(role.name): \(error.words(role.parts))")
        }
        writer.write(short: encoder.bytes)
      }
      if row.count > partNames.count || !row.keys.allSatisfy(partNames.contains) {
        let unknown = row.keys.filter { !partNames.contains($0) }.sorted()
        throw ClientError(
          .badInput, "row \(number) has \(unknown.joined(separator: ", ")), which no key has",
          next: "a row names \(partNames.sorted().joined(separator: ", "))")
      }
    }
  }
}

extension KeyError {
  func words(_ parts: [String]) -> String {
    func name(_ part: Int) -> String { parts.indices.contains(part) ? parts[part] : "part \(part)" }
    return switch self {
    case .partCount(let expected, let found): "it has \(found) parts, and needs \(expected)"
    case .partType(let part, let expected, let found):
      "\(name(part)) is \(expected), not \(found.map { "\($0)" } ?? "a list")"
    case .encoding(let part, let error): "\(name(part)): \(error)"
    }
  }
}
