/// What stands before a page: how many bytes follow, their checksum, and how to read them.
///
/// Numbers are as the file claims them, negative ones included: whoever reads a page checks them against the bytes.
package struct ParquetPageHeader: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case data(ParquetDataPage)
    case dataV2(ParquetDataPageV2)
    case dictionary(ParquetDictionaryPage)
    /// An index page, or one that is not known here: to be passed over.
    case other(ParquetPageType)
  }

  package var kind: Kind
  package var uncompressedByteCount: Int32
  package var compressedByteCount: Int32
  /// CRC-32, the one of gzip, of the page's bytes as they lie in the file, without this header.
  package var crc: UInt32?

  package init(kind: Kind, uncompressedByteCount: Int32, compressedByteCount: Int32, crc: UInt32?) {
    self.kind = kind
    self.uncompressedByteCount = uncompressedByteCount
    self.compressedByteCount = compressedByteCount
    self.crc = crc
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    let type: ParquetPageType =
      switch kind {
      case .data: .data
      case .dataV2: .dataV2
      case .dictionary: .dictionary
      case .other(let type): type
      }
    writer.field(1, int32: type.rawValue)
    writer.field(2, int32: uncompressedByteCount)
    writer.field(3, int32: compressedByteCount)
    if let crc { writer.field(4, int32: Int32(bitPattern: crc)) }
    switch kind {
    case .data(let page): page.write(into: &writer)
    case .dataV2(let page): page.write(into: &writer)
    case .dictionary(let page): page.write(into: &writer)
    case .other: break
    }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var type: ParquetPageType?
    var uncompressed: Int32?
    var compressed: Int32?
    var crc: UInt32?
    var data: ParquetDataPage?
    var dictionary: ParquetDictionaryPage?
    var dataV2: ParquetDataPageV2?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: type = ParquetPageType(rawValue: try reader.int32(field))
      case 2: uncompressed = try reader.int32(field)
      case 3: compressed = try reader.int32(field)
      case 4: crc = UInt32(bitPattern: try reader.int32(field))
      case 5:
        try reader.structure(field)
        data = try ParquetDataPage(from: &reader)
      case 7:
        try reader.structure(field)
        dictionary = try ParquetDictionaryPage(from: &reader)
      case 8:
        try reader.structure(field)
        dataV2 = try ParquetDataPageV2(from: &reader)
      default: try reader.skip(field)
      }
    }
    let pageType = try needed(type, 1, of: "PageHeader", at: start)
    switch pageType {
    case .data: kind = .data(try needed(data, 5, of: "PageHeader", at: start))
    case .dictionary: kind = .dictionary(try needed(dictionary, 7, of: "PageHeader", at: start))
    case .dataV2: kind = .dataV2(try needed(dataV2, 8, of: "PageHeader", at: start))
    default: kind = .other(pageType)
    }
    uncompressedByteCount = try needed(uncompressed, 2, of: "PageHeader", at: start)
    compressedByteCount = try needed(compressed, 3, of: "PageHeader", at: start)
    self.crc = crc
  }
}

package struct ParquetDataPage: Equatable, Sendable {
  /// Nulls and empty lists included: as many as there are levels.
  package var valueCount: Int32
  package var encoding: ParquetEncoding
  package var definitionEncoding: ParquetEncoding = .rle
  package var repetitionEncoding: ParquetEncoding = .rle
  package var statistics: ParquetStatistics?

  package init(valueCount: Int32, encoding: ParquetEncoding) {
    self.valueCount = valueCount
    self.encoding = encoding
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin(field: 5)
    writer.field(1, int32: valueCount)
    writer.field(2, int32: encoding.rawValue)
    writer.field(3, int32: definitionEncoding.rawValue)
    writer.field(4, int32: repetitionEncoding.rawValue)
    statistics?.write(into: &writer, field: 5)
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var valueCount: Int32?
    var encoding: Int32?
    var definition: Int32?
    var repetition: Int32?
    var statistics: ParquetStatistics?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: valueCount = try reader.int32(field)
      case 2: encoding = try reader.int32(field)
      case 3: definition = try reader.int32(field)
      case 4: repetition = try reader.int32(field)
      case 5:
        try reader.structure(field)
        statistics = try ParquetStatistics(from: &reader)
      default: try reader.skip(field)
      }
    }
    self.valueCount = try needed(valueCount, 1, of: "DataPageHeader", at: start)
    self.encoding = ParquetEncoding(rawValue: try needed(encoding, 2, of: "DataPageHeader", at: start))
    definitionEncoding = ParquetEncoding(rawValue: try needed(definition, 3, of: "DataPageHeader", at: start))
    repetitionEncoding = ParquetEncoding(rawValue: try needed(repetition, 4, of: "DataPageHeader", at: start))
    self.statistics = statistics
  }
}

package struct ParquetDictionaryPage: Equatable, Sendable {
  package var valueCount: Int32
  package var encoding: ParquetEncoding
  package var isSorted: Bool?

  package init(valueCount: Int32, encoding: ParquetEncoding, isSorted: Bool? = nil) {
    self.valueCount = valueCount
    self.encoding = encoding
    self.isSorted = isSorted
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin(field: 7)
    writer.field(1, int32: valueCount)
    writer.field(2, int32: encoding.rawValue)
    if let isSorted { writer.field(3, bool: isSorted) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var valueCount: Int32?
    var encoding: Int32?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: valueCount = try reader.int32(field)
      case 2: encoding = try reader.int32(field)
      case 3: isSorted = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    self.valueCount = try needed(valueCount, 1, of: "DictionaryPageHeader", at: start)
    self.encoding = ParquetEncoding(
      rawValue: try needed(encoding, 2, of: "DictionaryPageHeader", at: start))
  }
}

/// A page whose levels lie before its values, never compressed.
package struct ParquetDataPageV2: Equatable, Sendable {
  package var valueCount: Int32
  package var nullCount: Int32
  package var rowCount: Int32
  package var encoding: ParquetEncoding
  package var definitionByteCount: Int32
  package var repetitionByteCount: Int32
  package var isCompressed = true
  package var statistics: ParquetStatistics?

  package init(
    valueCount: Int32, nullCount: Int32, rowCount: Int32, encoding: ParquetEncoding,
    definitionByteCount: Int32, repetitionByteCount: Int32, isCompressed: Bool = true
  ) {
    self.valueCount = valueCount
    self.nullCount = nullCount
    self.rowCount = rowCount
    self.encoding = encoding
    self.definitionByteCount = definitionByteCount
    self.repetitionByteCount = repetitionByteCount
    self.isCompressed = isCompressed
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin(field: 8)
    writer.field(1, int32: valueCount)
    writer.field(2, int32: nullCount)
    writer.field(3, int32: rowCount)
    writer.field(4, int32: encoding.rawValue)
    writer.field(5, int32: definitionByteCount)
    writer.field(6, int32: repetitionByteCount)
    writer.field(7, bool: isCompressed)
    statistics?.write(into: &writer, field: 8)
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    let name = "DataPageHeaderV2"
    var fields = ThriftFields()
    var valueCount: Int32?
    var nullCount: Int32?
    var rowCount: Int32?
    var encoding: Int32?
    var definition: Int32?
    var repetition: Int32?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: valueCount = try reader.int32(field)
      case 2: nullCount = try reader.int32(field)
      case 3: rowCount = try reader.int32(field)
      case 4: encoding = try reader.int32(field)
      case 5: definition = try reader.int32(field)
      case 6: repetition = try reader.int32(field)
      case 7: isCompressed = try reader.bool(field)
      case 8:
        try reader.structure(field)
        statistics = try ParquetStatistics(from: &reader)
      default: try reader.skip(field)
      }
    }
    self.valueCount = try needed(valueCount, 1, of: name, at: start)
    self.nullCount = try needed(nullCount, 2, of: name, at: start)
    self.rowCount = try needed(rowCount, 3, of: name, at: start)
    self.encoding = ParquetEncoding(rawValue: try needed(encoding, 4, of: name, at: start))
    definitionByteCount = try needed(definition, 5, of: name, at: start)
    repetitionByteCount = try needed(repetition, 6, of: name, at: start)
  }
}
