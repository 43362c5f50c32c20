// The names and types of columns, in order. Names may repeat: files with such columns exist, and who cares asks.

package struct ColumnField: Hashable, Sendable {
  package let name: String
  package let type: ColumnType
  package let isNullable: Bool

  package init(_ name: String, _ type: ColumnType, isNullable: Bool = true) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
  }
}

/// A text that a file carries beside its columns.
package struct ColumnMetadata: Hashable, Sendable {
  package let key: String
  package let value: String

  package init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}

/// A column that a reader does not read, and what to do about it.
package struct ColumnRefusal: Equatable, Sendable {
  package let column: String
  package let reason: String
  package let advice: String
}

package struct ColumnSchema: Hashable, Sendable {
  package let fields: [ColumnField]
  /// In the order in which the file has them.
  package let metadata: [ColumnMetadata]

  package init(_ fields: [ColumnField], metadata: [ColumnMetadata] = []) {
    self.fields = fields
    self.metadata = metadata
  }

  /// Where the first column of that name is.
  package func index(of name: String) -> Int? {
    fields.firstIndex { $0.name == name }
  }

  /// The value of the first text of that key.
  package func metadata(_ key: String) -> String? {
    metadata.first { $0.key == key }?.value
  }
}
