// The numbers that Parquet gives its kinds. A number that nobody knows yet is kept as it is, so that a file can be
// refused by what it says, and only where it matters.

package struct ParquetEncoding: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let plain = ParquetEncoding(rawValue: 0)
  package static let plainDictionary = ParquetEncoding(rawValue: 2)
  package static let rle = ParquetEncoding(rawValue: 3)
  package static let bitPacked = ParquetEncoding(rawValue: 4)
  package static let deltaBinaryPacked = ParquetEncoding(rawValue: 5)
  package static let deltaLengthByteArray = ParquetEncoding(rawValue: 6)
  package static let deltaByteArray = ParquetEncoding(rawValue: 7)
  package static let rleDictionary = ParquetEncoding(rawValue: 8)
  package static let byteStreamSplit = ParquetEncoding(rawValue: 9)
}

package struct ParquetCodec: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let uncompressed = ParquetCodec(rawValue: 0)
  package static let snappy = ParquetCodec(rawValue: 1)
  package static let gzip = ParquetCodec(rawValue: 2)
  package static let lzo = ParquetCodec(rawValue: 3)
  package static let brotli = ParquetCodec(rawValue: 4)
  package static let lz4 = ParquetCodec(rawValue: 5)
  package static let zstd = ParquetCodec(rawValue: 6)
  package static let lz4Raw = ParquetCodec(rawValue: 7)
}

package struct ParquetPageType: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let data = ParquetPageType(rawValue: 0)
  package static let index = ParquetPageType(rawValue: 1)
  package static let dictionary = ParquetPageType(rawValue: 2)
  package static let dataV2 = ParquetPageType(rawValue: 3)
}

/// How a value lies in a page.
package struct ParquetPhysicalType: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let boolean = ParquetPhysicalType(rawValue: 0)
  package static let int32 = ParquetPhysicalType(rawValue: 1)
  package static let int64 = ParquetPhysicalType(rawValue: 2)
  package static let int96 = ParquetPhysicalType(rawValue: 3)
  package static let float = ParquetPhysicalType(rawValue: 4)
  package static let double = ParquetPhysicalType(rawValue: 5)
  package static let byteArray = ParquetPhysicalType(rawValue: 6)
  package static let fixedLengthByteArray = ParquetPhysicalType(rawValue: 7)
}

package struct ParquetRepetition: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let required = ParquetRepetition(rawValue: 0)
  package static let optional = ParquetRepetition(rawValue: 1)
  package static let repeated = ParquetRepetition(rawValue: 2)
}

/// What a value meant before there were logical types; still written for older readers.
package struct ParquetConvertedType: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let utf8 = ParquetConvertedType(rawValue: 0)
  package static let map = ParquetConvertedType(rawValue: 1)
  package static let mapKeyValue = ParquetConvertedType(rawValue: 2)
  package static let list = ParquetConvertedType(rawValue: 3)
  package static let enumeration = ParquetConvertedType(rawValue: 4)
  package static let decimal = ParquetConvertedType(rawValue: 5)
  package static let date = ParquetConvertedType(rawValue: 6)
  package static let timeMillis = ParquetConvertedType(rawValue: 7)
  package static let timeMicros = ParquetConvertedType(rawValue: 8)
  package static let timestampMillis = ParquetConvertedType(rawValue: 9)
  package static let timestampMicros = ParquetConvertedType(rawValue: 10)
  package static let uint8 = ParquetConvertedType(rawValue: 11)
  package static let uint16 = ParquetConvertedType(rawValue: 12)
  package static let uint32 = ParquetConvertedType(rawValue: 13)
  package static let uint64 = ParquetConvertedType(rawValue: 14)
  package static let int8 = ParquetConvertedType(rawValue: 15)
  package static let int16 = ParquetConvertedType(rawValue: 16)
  package static let int32 = ParquetConvertedType(rawValue: 17)
  package static let int64 = ParquetConvertedType(rawValue: 18)
  package static let json = ParquetConvertedType(rawValue: 19)
  package static let bson = ParquetConvertedType(rawValue: 20)
  package static let interval = ParquetConvertedType(rawValue: 21)
}

/// Whether the bounds of a chunk's pages ascend.
package struct ParquetBoundaryOrder: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let unordered = ParquetBoundaryOrder(rawValue: 0)
  package static let ascending = ParquetBoundaryOrder(rawValue: 1)
  package static let descending = ParquetBoundaryOrder(rawValue: 2)
}

extension ParquetEncoding: CustomStringConvertible {
  package var description: String {
    switch self {
    case .plain: "PLAIN"
    case .plainDictionary: "PLAIN_DICTIONARY"
    case .rle: "RLE"
    case .bitPacked: "BIT_PACKED"
    case .deltaBinaryPacked: "DELTA_BINARY_PACKED"
    case .deltaLengthByteArray: "DELTA_LENGTH_BYTE_ARRAY"
    case .deltaByteArray: "DELTA_BYTE_ARRAY"
    case .rleDictionary: "RLE_DICTIONARY"
    case .byteStreamSplit: "BYTE_STREAM_SPLIT"
    default: "encoding \(rawValue)"
    }
  }
}

extension ParquetCodec: CustomStringConvertible {
  package var description: String {
    switch self {
    case .uncompressed: "UNCOMPRESSED"
    case .snappy: "SNAPPY"
    case .gzip: "GZIP"
    case .lzo: "LZO"
    case .brotli: "BROTLI"
    case .lz4: "LZ4"
    case .zstd: "ZSTD"
    case .lz4Raw: "LZ4_RAW"
    default: "codec \(rawValue)"
    }
  }
}

extension ParquetPhysicalType: CustomStringConvertible {
  package var description: String {
    switch self {
    case .boolean: "BOOLEAN"
    case .int32: "INT32"
    case .int64: "INT64"
    case .int96: "INT96"
    case .float: "FLOAT"
    case .double: "DOUBLE"
    case .byteArray: "BYTE_ARRAY"
    case .fixedLengthByteArray: "FIXED_LEN_BYTE_ARRAY"
    default: "type \(rawValue)"
    }
  }
}
