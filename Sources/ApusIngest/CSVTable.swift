// A CSV file as columns of text, for whoever wants its rows and not its meaning: an empty field is a null, and `""` the empty text. What is no record is
// refused by its line, since nothing could be left out without changing what the file says.

package import ApusColumnar
package import ApusSystem

package enum CSVTableError: Error, Equatable, Sendable {
  case system(SystemError)
  case empty
  case columnTwice(String)
  /// Lines count from 1.
  case wrong(line: Int, String)
  case columns(ColumnarError)
}

/// Used by one thread.
package struct CSVTable: ~Copyable {
  package let schema: ColumnSchema
  private var input: Input
  private var scanner: CSVScanner
  private var line = 1
  private let rowsMax: Int

  package init(_ source: any ByteSource, delimiter: UInt8, rowsMax: Int = 16_384) throws(CSVTableError) {
    var input = Input(source)
    var scanner = CSVScanner(delimiter: delimiter)
    var line = 1
    do throws(ReadError) { try input.skipByteOrderMark() } catch {
      if case .system(let error) = error { throw .system(error) }
      throw .wrong(line: 1, "it is not UTF-8")
    }
    var names: [String] = []
    while names.isEmpty {
      guard let count = try Self.record(&input, &scanner, line) else { throw .empty }
      var scratch: [UInt8] = []
      for field in scanner.fields {
        guard let name = Self.text(input.window, field, &scratch) else {
          throw .wrong(line: line, "it is not UTF-8")
        }
        guard !names.contains(name) else { throw .columnTwice(name) }
        names.append(name)
      }
      input.consume(count.bytes)
      line += count.lines
    }
    schema = ColumnSchema(names.map { ColumnField($0, ColumnType(.string)) })
    self.input = input
    self.scanner = scanner
    self.line = line
    self.rowsMax = rowsMax
  }

  /// Some rows; nil behind the last.
  package mutating func next() throws(CSVTableError) -> ColumnBatch? {
    let boxes = schema.fields.map { Box(ColumnBuilder($0.type, named: $0.name)) }
    var rows = 0
    var scratch: [UInt8] = []
    while rows < rowsMax, let found = try Self.record(&input, &scanner, line) {
      if !scanner.fields.isEmpty {
        guard scanner.fields.count == boxes.count else {
          throw .wrong(
            line: line, "it has \(scanner.fields.count) fields, and the header \(boxes.count)")
        }
        for (box, field) in zip(boxes, scanner.fields) {
          if field.lower == field.upper, !field.isQuoted {
            box.builder.appendNull()
            continue
          }
          guard let text = Self.text(input.window, field, &scratch) else {
            throw .wrong(line: line, "it is not UTF-8")
          }
          do throws(ColumnarError) { try box.builder.append(text) } catch { throw .columns(error) }
        }
        rows += 1
      }
      input.consume(found.bytes)
      line += found.lines
    }
    guard rows > 0 else { return nil }
    do throws(ColumnarError) {
      var columns: [Column] = []
      for box in boxes { columns.append(try box.builder.finish()) }
      return try ColumnBatch(schema, columns, rowCount: rows)
    } catch {
      throw .columns(error)
    }
  }

  /// An array holds no builders, which cannot be copied; it holds boxes of them.
  private final class Box {
    var builder: ColumnBuilder
    init(_ builder: consuming ColumnBuilder) { self.builder = builder }
  }

  /// The next record, blank lines included; nil at the end.
  private static func record(
    _ input: inout Input, _ scanner: inout CSVScanner, _ line: Int
  ) throws(CSVTableError) -> (bytes: Int, lines: Int)? {
    while true {
      switch scanner.scan(input.window, isAll: input.isAtEnd) {
      case .record(let bytes, let lines): return (bytes, lines)
      case .wrong(let fault, _): throw .wrong(line: line, "it \(LineFault(fault))")
      case .cut:
        if input.isAtEnd { return nil }
        guard input.mayGrow else { throw .wrong(line: line, "it \(LineFault.tooLong)") }
        do throws(SystemError) { _ = try input.fill() } catch { throw .system(error) }
      }
    }
  }

  /// What a field says, its quotes undone; nil when it is not UTF-8.
  private static func text(_ bytes: Span<UInt8>, _ field: CSVField, _ scratch: inout [UInt8]) -> String? {
    let raw = bytes.extracting(field.lower..<field.upper)
    guard field.hasEscapes else { return Texts.string(raw) }
    scratch.removeAll(keepingCapacity: true)
    var at = 0
    while at < raw.count {
      scratch.append(raw[at])
      // The second of two quotes.
      at += raw[at] == 0x22 ? 2 : 1
    }
    return Texts.string(scratch.span)
  }
}
