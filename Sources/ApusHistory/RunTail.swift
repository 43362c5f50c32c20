// The tail of a run, judged: what it says of the file is what the manifest and whoever opens it know, and what it says of its pages holds
// together. The digest is compared before anything of it is parsed.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusSystem

struct RunTail: Sendable {
  let schema: RunSchema
  /// For each column what its pages have in them.
  let forms: [ParquetPageForm]
  let pages: RunPages

  init(
    _ file: any DiskFile, _ id: HistoryFileID, _ lsns: LSNRange, _ attributes: RunAttributes
  ) throws(HistoryError) {
    let path = file.path
    let size = try file.checkedSize()
    guard size == attributes.size else {
      throw .damaged(path: path, at: min(size, attributes.size), "\(size) bytes, not \(attributes.size)")
    }
    func fault(_ what: String) -> HistoryError { .damaged(path: path, at: attributes.tailAt, what) }
    // Tail and size are of the same file: the attributes were checked.
    let tailByteCount = attributes.size &- attributes.tailAt
    guard tailByteCount <= UInt64(RunFormat.tailByteCountMax),
      attributes.tailAt >= UInt64(RunFormat.magicByteCount)
    else { throw fault("a tail of \(tailByteCount) bytes") }
    let block = try file.block(Int(clamping: tailByteCount), at: attributes.tailAt, path: path)
    guard SHA256.digest(of: block.bytes) == attributes.tailDigest else {
      throw fault("its tail's digest is not the one in the manifest")
    }
    let footer = try Self.footer(block.bytes, fault)
    let texts = try RunTexts(footer.keyValues, fault)
    try texts.check(id, lsns, attributes, fault)
    // For each column a schema of it alone: who reads one column need not look at all the others.
    let elements = Self.columns(footer.schema)
    schema = try texts.schema(elements.map { $0[1].name }, attributes.viewVersion, fault)
    guard footer.rowCount == Int64(clamping: attributes.events) else {
      throw fault("\(footer.rowCount) rows")
    }
    var forms: [ParquetPageForm] = []
    do throws(ColumnarError) {
      for own in elements { forms.append(try ParquetPageForm(of: own[1].name, in: own)) }
    } catch {
      throw .columns(path: path, error)
    }
    self.forms = forms
    pages = try RunPages(
      footer, try texts.crcs(fault), columns: schema.fields.count, tail: block.bytes, at: attributes.tailAt,
      path: path)
  }

  /// The root's children, each with what lies below it, and a root of its own before it.
  private static func columns(_ elements: [ParquetSchemaElement]) -> [[ParquetSchemaElement]] {
    var columns: [[ParquetSchemaElement]] = []
    // How many elements of the column are still to come.
    var inside: Int64 = 0
    for element in elements.dropFirst() {
      if inside == 0 {
        columns.append([ParquetSchemaElement(name: "schema", childCount: 1), element])
      } else {
        inside &-= 1
        columns[columns.count - 1].append(element)
      }
      inside &+= Int64(element.childCount ?? 0)
    }
    return columns
  }

  /// The footer stands before its length and the last four bytes.
  private static func footer(
    _ tail: RawSpan, _ fault: (String) -> HistoryError
  ) throws(HistoryError) -> ParquetFooter {
    let end = tail.byteCount &- RunFormat.magicByteCount &- 4
    guard end >= 0 else { throw fault("its tail is cut") }
    var last = ByteReader(tail.extracting(end...))
    guard let rawCount = try? last.read(UInt32.self), let count = Int(exactly: rawCount), count <= end else {
      throw fault("its footer begins before its tail")
    }
    var reader = ThriftReader(tail.extracting((end &- count)..<end))
    do throws(ThriftError) { return try ParquetFooter(from: &reader) } catch {
      throw fault("its footer: \(error)")
    }
  }
}

/// The key–value metadata of a run.
private struct RunTexts {
  private var values: [String: String] = [:]

  init(_ keyValues: [ParquetKeyValue], _ fault: (String) -> HistoryError) throws(HistoryError) {
    for pair in keyValues {
      guard let value = pair.value, values.updateValue(value, forKey: pair.key) == nil else {
        throw fault("its metadata says \(pair.key) twice, or nothing of it")
      }
    }
  }

  func check(
    _ id: HistoryFileID, _ lsns: LSNRange, _ attributes: RunAttributes, _ fault: (String) -> HistoryError
  ) throws(HistoryError) {
    let expected = [
      (RunMetadata.version, "\(RunFormat.version)"), (RunMetadata.store, id.storeText),
      (RunMetadata.file, "\(id.file)"), (RunMetadata.viewVersion, "\(attributes.viewVersion.rawValue)"),
      (RunMetadata.lsns, "\(lsns.first)..\(lsns.last)"), (RunMetadata.events, "\(attributes.events)"),
      (RunMetadata.digest, "\(attributes.digest)"),
    ]
    for (key, value) in expected where values[key] != value {
      throw fault("its metadata says \(key) is \(values[key] ?? "nothing"), not \(value)")
    }
  }

  func crcs(_ fault: (String) -> HistoryError) throws(HistoryError) -> [UInt32] {
    guard let text = values[RunMetadata.pages], let bytes = Base64.bytes(text), bytes.count % 4 == 0 else {
      throw fault("its metadata has no checksums of pages")
    }
    var reader = ByteReader(unsafe bytes.span.bytes)
    var crcs: [UInt32] = []
    while let crc = try? reader.read(UInt32.self) { crcs.append(crc) }
    return crcs
  }

  /// The schema that gives the columns that the file has.
  func schema(
    _ names: [String], _ viewVersion: ViewVersionID, _ fault: (String) -> HistoryError
  ) throws(HistoryError) -> RunSchema {
    guard let view = values[RunMetadata.view], let typeIDs = numbers(RunMetadata.types),
      let keyIDs = numbers(RunMetadata.keys)
    else { throw fault("its metadata does not say its types") }
    var types: [FeatureType] = []
    for id in typeIDs {
      guard let type = FeatureType(id: id) else { throw fault("its metadata names a type \(id)") }
      types.append(type)
    }
    var keyTypes: [KeyType] = []
    for id in keyIDs {
      guard let type = UInt8(exactly: id).flatMap(KeyType.init(rawValue:)) else {
        throw fault("its metadata names a key's type \(id)")
      }
      keyTypes.append(type)
    }
    let features = RunSchema.names(ofKeys: keyTypes.count, features: types.count, in: names)
    guard let features,
      let schema = RunSchema(
        viewVersion: viewVersion, view: view,
        keys: zip(features.keys, keyTypes).map { RunSchema.Key($0, $1) },
        features: zip(features.features, types).map { RunSchema.Feature($0, $1) }),
      schema.fields.map(\.name) == names
    else { throw fault("its columns are not those of its types") }
    return schema
  }

  /// A list of numbers; an empty text is none.
  private func numbers(_ key: String) -> [UInt32]? {
    guard let text = values[key] else { return nil }
    var numbers: [UInt32] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: true) {
      guard let number = UInt32(part) else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
