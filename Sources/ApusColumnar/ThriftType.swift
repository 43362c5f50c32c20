/// The types of Thrift's compact protocol, with the numbers that stand for them in headers of fields and lists.
///
/// In a field's header the two booleans are the value itself; in a list's header either means "booleans".
package enum ThriftType: UInt8, Sendable {
  case isTrue = 1
  case isFalse = 2
  case int8 = 3
  case int16 = 4
  case int32 = 5
  case int64 = 6
  case double = 7
  case binary = 8
  case list = 9
  case set = 10
  case map = 11
  case structure = 12
  case uuid = 13
}

/// What stands before a field's value: its number within the struct, and its type.
package struct ThriftField: Equatable, Sendable {
  package let id: Int16
  package let type: ThriftType
}

/// Where the reading of one struct stands: a field's number is written as what it adds to the one before.
package struct ThriftFields: Sendable {
  internal var last: Int16 = 0

  package init() {}
}
