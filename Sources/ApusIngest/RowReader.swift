// The rows of a source, one by one. Every line of it is the header's, blank, a row's, or told as unreadable: the lines of
// what is handed out follow one another without a hole.

import ApusContracts
package import ApusSystem

/// Why a source was not read to its end.
package enum ReadError: Error, Equatable, Sendable {
  case system(SystemError)
  case refused(LoadRefusal)
}

/// What a source holds next.
enum FileItem {
  case row(FileRow)
  case unreadable(UnreadableLines)
  case blank
  case end
}

protocol RowReader: ~Copyable {
  /// What people call the source.
  var name: String { get }
  /// Behind what was handed out: where a load goes on, and what is true of all before it.
  var position: UInt64 { get }
  var checksum: UInt32 { get }
  static var counts: LoadOffset.Counts { get }
  /// Of all that was handed out; a block is full when it has so many more.
  var byteCount: UInt64 { get }
  /// At most in a block.
  static var blockRowsMax: Int { get }
  /// The number of the line that comes next.
  var line: Int { get }
  var columns: [String] { get }
  /// Times without an offset that were taken for UTC.
  var assumedUTC: Int { get }
  /// The column and the text of a whole number that wanted a unit, in the row that was read last.
  var wantedUnit: (column: String, value: String)? { get }
  mutating func next() throws(ReadError) -> FileItem
  /// Goes behind what an earlier run took, and says how many rows that is; nil when the only way there is to read them.
  mutating func pass(to offset: LoadOffset) throws(ReadError) -> Int?
}

/// A reader of lines.
protocol LineReader: RowReader, ~Copyable {
  var input: Input { get }
}

extension LineReader where Self: ~Copyable {
  var name: String { input.name }
  var position: UInt64 { input.offset }
  var checksum: UInt32 { input.checksum }
  static var counts: LoadOffset.Counts { .bytes }
  var byteCount: UInt64 { input.offset }
  static var blockRowsMax: Int { RowBlock.rowsMax }
  mutating func pass(to offset: LoadOffset) throws(ReadError) -> Int? { nil }
}

extension Input {
  /// Reads more, as an error of reading.
  mutating func more() throws(ReadError) -> Bool {
    do throws(SystemError) { return try fill() } catch { throw .system(error) }
  }

  /// Passes over what some programs write before a text to say that it is UTF-8; text in UTF-16 is refused.
  mutating func skipByteOrderMark() throws(ReadError) {
    while count < 3, try more() {}
    if starts(with: [0xEF, 0xBB, 0xBF]) { consume(3) }
    if starts(with: [0xFF, 0xFE]) || starts(with: [0xFE, 0xFF]) {
      throw .refused(.notUTF8("it begins as UTF-16 does"))
    }
  }

  private func starts(with mark: [UInt8]) -> Bool {
    count >= mark.count && bytes[lower..<lower + mark.count].elementsEqual(mark)
  }
}
