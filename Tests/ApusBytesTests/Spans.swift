import ApusBytes

// `#expect` takes neither spans nor noncopyable values, so tests look at them through these.

/// Reads from `bytes` and says what came out or why nothing did.
func read<T>(
  _ bytes: [UInt8], _ body: (inout ByteReader) throws(BytesError) -> T
) -> Result<T, BytesError> {
  var reader = ByteReader(unsafe bytes.span.bytes)
  do throws(BytesError) {
    return .success(try body(&reader))
  } catch {
    return .failure(error)
  }
}

/// What a writer holds after `body`.
func written(capacity: Int = 0, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
  var writer = ByteWriter(capacity: capacity)
  body(&writer)
  return writer.bytes.copied()
}

/// The error `body` throws, or nil.
func failure<T>(_ body: () throws(BytesError) -> T) -> BytesError? {
  do throws(BytesError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

extension Result {
  var error: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
  var value: Success? {
    if case .success(let value) = self { value } else { nil }
  }
}

/// The bytes that `text` spells in hexadecimal; spaces are ignored.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }.compactMap(\.hexDigitValue).map { UInt8($0) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
