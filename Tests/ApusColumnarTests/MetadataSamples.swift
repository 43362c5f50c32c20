import ApusBytes
import ApusColumnar

/// Metadata in which every field is set somewhere.
enum Samples {
  static let footer: ParquetFooter = {
    let types: [ParquetLogicalType] = [
      .string, .map, .list, .enumeration, .decimal(scale: 2, precision: 9), .date,
      .time(isUTC: false, unit: .milliseconds), .timestamp(isUTC: true, unit: .nanoseconds),
      .timestamp(isUTC: false, unit: .microseconds), .integer(bits: 8, isSigned: true),
      .integer(bits: 64, isSigned: false), .null, .json, .bson, .uuid, .float16, .other(17),
    ]
    var schema = [ParquetSchemaElement(name: "schema", childCount: Int32(types.count))]
    for (index, type) in types.enumerated() {
      var element = ParquetSchemaElement(
        name: "c\(index)", physicalType: .fixedLengthByteArray, repetition: .optional, convertedType: .utf8,
        logicalType: type)
      element.typeLength = 16
      element.scale = 2
      element.precision = 9
      element.fieldID = Int32(index)
      schema.append(element)
    }

    var statistics = ParquetStatistics()
    statistics.legacyMax = [1]
    statistics.legacyMin = []
    statistics.nullCount = 3
    statistics.distinctCount = 9
    statistics.max = [0xff, 2]
    statistics.min = [0]
    statistics.isMaxExact = false
    statistics.isMinExact = true
    statistics.nanCount = 0

    var chunk = ParquetChunkMetadata(
      physicalType: .byteArray, encodings: [.plain, .rle, .rleDictionary], path: ["a", "list", "element"],
      codec: .zstd, valueCount: 7, uncompressedByteCount: 1 << 40, compressedByteCount: 5, dataPageOffset: 99)
    chunk.keyValues = [ParquetKeyValue(key: "k", value: "v"), ParquetKeyValue(key: "", value: nil)]
    chunk.indexPageOffset = 12
    chunk.dictionaryPageOffset = 4
    chunk.statistics = statistics
    chunk.encodingCounts = [ParquetEncodingCount(pageType: .data, encoding: .rleDictionary, count: 2)]
    var column = ParquetColumnChunk(metadata: chunk)
    column.filePath = "elsewhere"
    column.offsetIndexOffset = 1000
    column.offsetIndexByteCount = 20
    column.columnIndexOffset = 900
    column.columnIndexByteCount = 100

    var rowGroup = ParquetRowGroup(columns: [column], uncompressedByteCount: 77, rowCount: 7)
    rowGroup.sortingColumns = [ParquetSortingColumn(column: 3, isDescending: true, nullsFirst: false)]
    rowGroup.offset = 4
    rowGroup.compressedByteCount = 70
    rowGroup.ordinal = 2

    var footer = ParquetFooter(schema: schema, rowCount: 7, rowGroups: [rowGroup])
    footer.version = 2
    footer.keyValues = [ParquetKeyValue(key: "key", value: "ü")]
    footer.createdBy = "someone version 1.0 (build 2)"
    footer.columnOrders = [.byType, .totalOrder]
    return footer
  }()

  static func bytes(of footer: ParquetFooter) -> [UInt8] {
    var writer = ThriftWriter()
    footer.write(into: &writer)
    return writer.bytes.bytes.copied()
  }

  static let pageHeaders: [ParquetPageHeader] = {
    var data = ParquetDataPage(valueCount: 8192, encoding: .rleDictionary)
    data.statistics = ParquetStatistics()
    data.statistics?.min = [1, 2, 3]
    return [
      ParquetPageHeader(
        kind: .data(data), uncompressedByteCount: 100, compressedByteCount: 50, crc: 0xffff_fff0),
      ParquetPageHeader(
        kind: .dictionary(ParquetDictionaryPage(valueCount: 3, encoding: .plain, isSorted: true)),
        uncompressedByteCount: 100, compressedByteCount: 50, crc: nil),
      ParquetPageHeader(
        kind: .dataV2(
          ParquetDataPageV2(
            valueCount: 5, nullCount: 1, rowCount: 3, encoding: .plain, definitionByteCount: 4,
            repetitionByteCount: 2, isCompressed: false)), uncompressedByteCount: 100,
        compressedByteCount: 50, crc: 1),
      ParquetPageHeader(
        kind: .other(.index), uncompressedByteCount: 1, compressedByteCount: 1, crc: nil),
    ]
  }()

  static let columnIndex = ParquetColumnIndex(
    isNullPage: [true, false], min: [[], [1]], max: [[], [2]], boundaryOrder: .ascending,
    nullCounts: [4, 0], nanCounts: [0, 1])

  static let offsetIndex = ParquetOffsetIndex(pages: [
    ParquetPageLocation(offset: 4, byteCount: 100, firstRow: 0),
    ParquetPageLocation(offset: 104, byteCount: 99, firstRow: 8192),
  ])
}
