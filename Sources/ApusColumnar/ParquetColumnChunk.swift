/// One leaf's pages within a row group: where they lie, how they are encoded, and what is in them.
package struct ParquetColumnChunk: Equatable, Sendable {
  /// Another file that holds the pages. Ours never do, and such files are refused.
  package var filePath: String?
  /// Without it there is no chunk to read: the format calls it optional, every reader needs it.
  package var metadata: ParquetChunkMetadata?
  package var offsetIndexOffset: Int64?
  package var offsetIndexByteCount: Int32?
  package var columnIndexOffset: Int64?
  package var columnIndexByteCount: Int32?
  package var isEncrypted = false

  package init(metadata: ParquetChunkMetadata) {
    self.metadata = metadata
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    if let filePath { writer.field(1, string: filePath) }
    // Deprecated, and 0 by decree.
    writer.field(2, int64: 0)
    if let metadata {
      writer.begin(field: 3)
      metadata.writeFields(into: &writer)
      writer.end()
    }
    if let offsetIndexOffset { writer.field(4, int64: offsetIndexOffset) }
    if let offsetIndexByteCount { writer.field(5, int32: offsetIndexByteCount) }
    if let columnIndexOffset { writer.field(6, int64: columnIndexOffset) }
    if let columnIndexByteCount { writer.field(7, int32: columnIndexByteCount) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    var fields = ThriftFields()
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: filePath = try reader.string(field)
      case 3:
        try reader.structure(field)
        metadata = try ParquetChunkMetadata(from: &reader)
      case 4: offsetIndexOffset = try reader.int64(field)
      case 5: offsetIndexByteCount = try reader.int32(field)
      case 6: columnIndexOffset = try reader.int64(field)
      case 7: columnIndexByteCount = try reader.int32(field)
      case 8, 9:
        isEncrypted = true
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
  }
}

package struct ParquetChunkMetadata: Equatable, Sendable {
  package var physicalType: ParquetPhysicalType
  package var encodings: [ParquetEncoding]
  package var path: [String]
  package var codec: ParquetCodec
  /// As many as there are levels: nulls and empty lists included.
  package var valueCount: Int64
  /// Headers of pages included, in both.
  package var uncompressedByteCount: Int64
  package var compressedByteCount: Int64
  package var keyValues: [ParquetKeyValue] = []
  package var dataPageOffset: Int64
  package var indexPageOffset: Int64?
  package var dictionaryPageOffset: Int64?
  package var statistics: ParquetStatistics?
  package var encodingCounts: [ParquetEncodingCount] = []

  package init(
    physicalType: ParquetPhysicalType, encodings: [ParquetEncoding], path: [String], codec: ParquetCodec,
    valueCount: Int64, uncompressedByteCount: Int64, compressedByteCount: Int64, dataPageOffset: Int64
  ) {
    self.physicalType = physicalType
    self.encodings = encodings
    self.path = path
    self.codec = codec
    self.valueCount = valueCount
    self.uncompressedByteCount = uncompressedByteCount
    self.compressedByteCount = compressedByteCount
    self.dataPageOffset = dataPageOffset
  }

  internal func writeFields(into writer: inout ThriftWriter) {
    writer.field(1, int32: physicalType.rawValue)
    writer.field(2, listOf: .int32, count: encodings.count)
    for encoding in encodings { writer.element(int32: encoding.rawValue) }
    writer.field(3, listOf: .binary, count: path.count)
    for name in path { writer.element(string: name) }
    writer.field(4, int32: codec.rawValue)
    writer.field(5, int64: valueCount)
    writer.field(6, int64: uncompressedByteCount)
    writer.field(7, int64: compressedByteCount)
    if !keyValues.isEmpty {
      writer.field(8, listOf: .structure, count: keyValues.count)
      for pair in keyValues { pair.write(into: &writer) }
    }
    writer.field(9, int64: dataPageOffset)
    if let indexPageOffset { writer.field(10, int64: indexPageOffset) }
    if let dictionaryPageOffset { writer.field(11, int64: dictionaryPageOffset) }
    statistics?.write(into: &writer, field: 12)
    if !encodingCounts.isEmpty {
      writer.field(13, listOf: .structure, count: encodingCounts.count)
      for count in encodingCounts { count.write(into: &writer) }
    }
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    let name = "ColumnMetaData"
    var fields = ThriftFields()
    var type: Int32?
    var encodings: [ParquetEncoding]?
    var path: [String]?
    var codec: Int32?
    var numbers: [Int16: Int64] = [:]
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: type = try reader.int32(field)
      case 2:
        var list: [ParquetEncoding] = []
        for _ in 0..<(try reader.list(field, of: .int32)) {
          list.append(ParquetEncoding(rawValue: try reader.elementInt32()))
        }
        encodings = list
      case 3:
        var list: [String] = []
        for _ in 0..<(try reader.list(field, of: .binary)) { list.append(try reader.elementString()) }
        path = list
      case 4: codec = try reader.int32(field)
      case 5, 6, 7, 9: numbers[field.id] = try reader.int64(field)
      case 8: keyValues = try ParquetKeyValue.list(field, from: &reader)
      case 10: indexPageOffset = try reader.int64(field)
      case 11: dictionaryPageOffset = try reader.int64(field)
      case 12:
        try reader.structure(field)
        statistics = try ParquetStatistics(from: &reader)
      case 13:
        var counts: [ParquetEncodingCount] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          counts.append(try ParquetEncodingCount(from: &reader))
        }
        encodingCounts = counts
      default: try reader.skip(field)
      }
    }
    physicalType = ParquetPhysicalType(rawValue: try needed(type, 1, of: name, at: start))
    self.encodings = try needed(encodings, 2, of: name, at: start)
    self.path = try needed(path, 3, of: name, at: start)
    self.codec = ParquetCodec(rawValue: try needed(codec, 4, of: name, at: start))
    valueCount = try needed(numbers[5], 5, of: name, at: start)
    uncompressedByteCount = try needed(numbers[6], 6, of: name, at: start)
    compressedByteCount = try needed(numbers[7], 7, of: name, at: start)
    dataPageOffset = try needed(numbers[9], 9, of: name, at: start)
  }
}

/// How many pages of a chunk are of one kind and encoding.
package struct ParquetEncodingCount: Hashable, Sendable {
  package var pageType: ParquetPageType
  package var encoding: ParquetEncoding
  package var count: Int32

  package init(pageType: ParquetPageType, encoding: ParquetEncoding, count: Int32) {
    self.pageType = pageType
    self.encoding = encoding
    self.count = count
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, int32: pageType.rawValue)
    writer.field(2, int32: encoding.rawValue)
    writer.field(3, int32: count)
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var type: Int32?
    var encoding: Int32?
    var count: Int32?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: type = try reader.int32(field)
      case 2: encoding = try reader.int32(field)
      case 3: count = try reader.int32(field)
      default: try reader.skip(field)
      }
    }
    pageType = ParquetPageType(rawValue: try needed(type, 1, of: "PageEncodingStats", at: start))
    self.encoding = ParquetEncoding(rawValue: try needed(encoding, 2, of: "PageEncodingStats", at: start))
    self.count = try needed(count, 3, of: "PageEncodingStats", at: start)
  }
}
