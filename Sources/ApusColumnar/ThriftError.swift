/// What is wrong with bytes in Thrift's compact protocol, and at which byte of them.
package struct ThriftError: Error, Equatable, Sendable {
  /// The offset, in the bytes that were read, of the item that was refused.
  package let at: Int
  package let fault: ThriftFault

  package init(_ fault: ThriftFault, at: Int) {
    self.at = at
    self.fault = fault
  }
}

package enum ThriftFault: Equatable, Sendable {
  /// The item goes on where the bytes end.
  case truncated
  /// A number of more than ten bytes or more than 64 bits.
  case numberTooLong
  /// A number that its field, of so many bits, has no room for.
  case outOfRange(Int64, bits: Int)
  /// A type that the protocol does not have.
  case unknownType(UInt8)
  /// A field, or the elements of a list, of another type than the struct says.
  case wrongType(field: Int16, expected: ThriftType, found: ThriftType)
  /// A length below zero or more elements than bytes are left.
  case badLength(UInt64)
  case notText
  /// Structs, lists and maps inside of each other beyond `ThriftReader.depthMax`.
  case tooDeep
  /// A struct without a field that it must have.
  case missing(field: Int16, of: String)
  /// A union with no member, or with more than one.
  case notOneMember(of: String)
  /// A field number that does not fit 16 bits.
  case badFieldNumber
}

extension ThriftError: CustomStringConvertible {
  package var description: String { "at byte \(at): \(fault)" }
}

extension ThriftFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated: "the bytes end within an item"
    case .numberTooLong: "a number is longer than 64 bits"
    case .outOfRange(let value, let bits): "the number \(value) does not fit \(bits) bits"
    case .unknownType(let code): "there is no type \(code)"
    case .wrongType(let field, let expected, let found):
      "field \(field) is of type \(found) and must be of type \(expected)"
    case .badLength(let length): "the length \(length) is more than there are bytes"
    case .notText: "a text is no UTF-8"
    case .tooDeep: "structures are nested too deeply"
    case .missing(let field, let name): "a \(name) lacks its field \(field)"
    case .notOneMember(let name): "a \(name) has not exactly one member"
    case .badFieldNumber: "a field's number does not fit 16 bits"
    }
  }
}
