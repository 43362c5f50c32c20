// The numbers of Arrow's stream format; the page is Arrow.md.

enum ArrowFormat {
  static let continuation: UInt32 = 0xffff_ffff
  /// V5.
  static let metadataVersion: Int16 = 4

  // MARK: What is held at most

  static let fieldsMax = 65_536
  static let depthMax = 64
  static let metadataBytesMax = 268_435_456
  static let textBytesMax = 268_435_456
  static let zoneBytesMax = 255
  static let bodyBytesMax = 8_589_934_592
  static let columnBytesMax = 2_147_483_647
  static let bodyAlignment = 64
  static let stepBytes = 65_536

  // MARK: Kinds

  enum Header {
    static let schema: Int8 = 1
    static let dictionaryBatch: Int8 = 2
    static let recordBatch: Int8 = 3
  }

  enum Codec {
    static let lz4: Int8 = 0
    static let zstd: Int8 = 1
  }

  enum Kind {
    static let null: Int8 = 1
    static let int: Int8 = 2
    static let float: Int8 = 3
    static let binary: Int8 = 4
    static let utf8: Int8 = 5
    static let bool: Int8 = 6
    static let decimal: Int8 = 7
    static let date: Int8 = 8
    static let time: Int8 = 9
    static let timestamp: Int8 = 10
    static let interval: Int8 = 11
    static let list: Int8 = 12
    static let structure: Int8 = 13
    static let union: Int8 = 14
    static let fixedBinary: Int8 = 15
    static let fixedList: Int8 = 16
    static let map: Int8 = 17
    static let duration: Int8 = 18
    static let largeBinary: Int8 = 19
    static let largeUtf8: Int8 = 20
    static let largeList: Int8 = 21
    static let runEndEncoded: Int8 = 22
    static let binaryView: Int8 = 23
    static let utf8View: Int8 = 24
    static let listView: Int8 = 25
    static let largeListView: Int8 = 26
  }

  /// The ids of tables' fields.
  enum Message {
    static let version = 0
    static let headerType = 1
    static let header = 2
    static let bodyLength = 3
  }

  enum Schema {
    static let endianness = 0
    static let fields = 1
    static let metadata = 2
  }

  enum Field {
    static let name = 0
    static let nullable = 1
    static let kind = 2
    static let type = 3
    static let dictionary = 4
    static let children = 5
  }

  enum Dictionary {
    static let id = 0
    static let indexType = 1
  }

  enum Batch {
    static let length = 0
    static let nodes = 1
    static let buffers = 2
    static let compression = 3
    static let variadicCounts = 4
  }

  enum DictionaryBatch {
    static let id = 0
    static let data = 1
    static let isDelta = 2
  }
}
