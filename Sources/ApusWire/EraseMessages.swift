// ERASE names keys by their names and values: everything whose key holds one of them is forgotten.

package import ApusBytes
package import ApusContracts

package struct EraseRequest: Equatable, Sendable {
  package struct Key: Equatable, Sendable {
    package var name: String
    package var value: Value
    package init(name: String, value: Value) { (self.name, self.value) = (name, value) }
  }

  /// Empty: the only one.
  package var project: String
  /// At most 65,535; their values are single ones.
  package var keys: [Key]
  package var isDryRun: Bool

  package init(project: String = "", keys: [Key], isDryRun: Bool = false) {
    (self.project, self.keys, self.isDryRun) = (project, keys, isDryRun)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(short: project)
    writer.write(count: keys.count)
    for key in keys {
      writer.write(short: key.name)
      // A list has no such type, and is refused by whoever reads it.
      writer.write(key.value.scalarType.map { FeatureType.scalar($0).id } ?? 0)
      writer.write(value: key.value)
    }
    writer.write(isDryRun)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    project = try reader.short("the project")
    keys = []
    for _ in 0..<(try reader.count("keys", as: UInt16.self, ofAtLeast: 10)) {
      let name = try reader.short("a key's name")
      let at = reader.offset
      let type = try reader.type()
      guard type.shape == .scalar, KeyType(rawValue: type.element.rawValue) != nil else {
        throw .malformed("no key is of type \(type)", at: at)
      }
      keys.append(Key(name: name, value: try reader.value(type)))
    }
    let options = try reader.number("ERASE's options", as: UInt8.self)
    guard options <= 1 else {
      throw .malformed("ERASE has the unknown options \(options)", at: reader.offset)
    }
    isDryRun = options == 1
    try reader.finish("ERASE")
  }
}

package struct EraseReply: Equatable, Sendable {
  package struct View: Equatable, Sendable {
    package var name: String
    /// Rows that are found now.
    package var count: UInt64
    package init(name: String, count: UInt64) { (self.name, self.count) = (name, count) }
  }

  /// *None* for a dry run.
  package var lsn: LSN
  package var timeNanoseconds: Int64
  package var views: [View]

  package init(lsn: LSN, timeNanoseconds: Int64, views: [View]) {
    (self.lsn, self.timeNanoseconds, self.views) = (lsn, timeNanoseconds, views)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(timeNanoseconds)
    writer.write(UInt32(views.count))
    for view in views {
      writer.write(short: view.name)
      writer.write(view.count)
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    timeNanoseconds = try reader.number("the time")
    views = []
    for _ in 0..<(try reader.count("views", as: UInt32.self, ofAtLeast: 10)) {
      views.append(View(name: try reader.short("a view"), count: try reader.number("a view's rows")))
    }
    try reader.finish("ERASE's reply")
  }
}
