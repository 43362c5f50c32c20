// A dry run of ERASE: how many rows of which views are found under keys that hold one of the values. Views are scanned; where
// the value is a key's first part, only the keys that begin with it. Retired views still hold their rows, and are counted. It is work for a worker, and each page is of one LSN of its own.

import ApusBytes
import ApusContracts
package import ApusStore
import ApusSystem
package import ApusWire

package struct EraseCounter {
  private let store: Store
  private let keys: [ErasedKey]
  private let project: String

  static let rowsPerPage = 4_096

  package init(_ store: Store, _ keys: [ErasedKey], in project: String) {
    self.store = store
    self.keys = keys
    self.project = project
  }

  package struct Found {
    package var timeNanoseconds: Int64
    package var views: [EraseReply.View]
  }

  /// A part of a view's keys, and the bytes that mean the value there.
  private struct Part {
    let place: Int
    let bytes: [UInt8]
  }

  package func run() throws(StoreError) -> Found {
    let catalog = store.catalog
    guard let projectID = catalog.registry.project(project)?.id else { throw .unknownProject(project) }
    guard !keys.isEmpty else { throw .emptyBatch }
    for key in keys { try check(key, projectID, catalog.registry) }
    var found = Found(timeNanoseconds: store.shared.clock.wall().nanoseconds, views: [])
    var reader = try store.reader()
    for version in catalog.registry.versions {
      guard let view = catalog[version.id], view.project == projectID else { continue }
      let parts = try self.parts(of: view)
      guard !parts.isEmpty else { continue }
      let count = try self.count(parts, view, catalog, &reader)
      if count > 0 { found.views.append(EraseReply.View(name: view.spelling, count: count)) }
    }
    return found
  }

  /// That an entity of the project has such a key, as the erasure itself would ask.
  private func check(_ key: ErasedKey, _ project: ProjectID, _ registry: Registry) throws(StoreError) {
    let named = registry.entities.filter { $0.project == project }.flatMap(\.keys).filter {
      $0.name == key.name
    }
    guard let first = named.first else { throw .unknownKeyName(key.name, project: self.project) }
    guard named.contains(where: { $0.type.element == key.value.scalarType }) else {
      throw .badKey(
        row: 0, role: key.name,
        .partType(part: 0, expected: first.type, found: key.value.scalarType))
    }
  }

  private func parts(of view: CatalogView) throws(StoreError) -> [Part] {
    var parts: [Part] = []
    for key in keys {
      for (place, definition) in view.keys.enumerated()
      where definition.name == key.name && definition.type.element == key.value.scalarType {
        var encoder = KeyEncoder()
        do throws(KeyError) { try KeySchema([definition.type]).encode([key.value], into: &encoder) } catch {
          throw .badKey(row: 0, role: key.name, error)
        }
        parts.append(Part(place: place, bytes: encoder.bytes.copied()))
      }
    }
    return parts
  }

  private func count(
    _ parts: [Part], _ view: CatalogView, _ catalog: Catalog, _ reader: inout StoreReader
  ) throws(StoreError) -> UInt64 {
    let features = view.contract.features
    // A view without features holds nothing that could be found.
    if features.isEmpty { return 0 }
    let vector = try catalog.pastVector(of: view, in: project)
    let within = parts.count == 1 && parts[0].place == 0 ? parts[0].bytes : []
    var count: UInt64 = 0
    var start = ScanStart.within(within)
    while true {
      let page = try reader.scan(vector, start, rowsMax: Self.rowsPerPage) { key, _ in
        if Self.has(key, parts, view.keySchema) { count += 1 }
      }
      guard let next = page.next else { return count }
      start = .withinAfter(within, key: next)
    }
  }

  private static func has(_ key: RawSpan, _ parts: [Part], _ schema: KeySchema) -> Bool {
    var isFound = false
    KeyParts.forEach(of: key, schema) { place, bytes in
      for part in parts where part.place == place {
        if bytes.isEqual(to: unsafe part.bytes.span.bytes) { isFound = true }
      }
    }
    return isFound
  }
}
