// A line that is no row: nothing of it can be kept as one, so it is named by its number and by what is wrong with it.

package enum LineFault: Equatable, Sendable {
  case fieldCount(expected: Int, found: Int)
  case quoteInside
  case textBehindQuote
  case bareCarriageReturn
  case neverClosed
  case tooLong
  case notUTF8
  case notAnObject
  case json(String)

  init(_ fault: CSVFault) {
    switch fault {
    case .quoteInside: self = .quoteInside
    case .textBehindQuote: self = .textBehindQuote
    case .bareCarriageReturn: self = .bareCarriageReturn
    case .neverClosed: self = .neverClosed
    case .tooLong: self = .tooLong
    }
  }
}

extension LineFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fieldCount(let expected, let found):
      "has \(found) field\(found == 1 ? "" : "s"), and the header has \(expected)"
    case .quoteInside: "has a quote inside of a field that does not begin with one"
    case .textBehindQuote: "goes on behind a closing quote"
    case .bareCarriageReturn: "has a carriage return without a newline behind it"
    case .neverClosed: "opens a quote that is never closed"
    case .tooLong: "is longer than \(Input.recordByteCountMax) bytes"
    case .notUTF8: "is not UTF-8"
    case .notAnObject: "is no JSON object"
    case .json(let words): words
    }
  }
}

/// Lines of a file that are no row.
package struct UnreadableLines: Equatable, Sendable {
  package var lines: ClosedRange<Int>
  package var fault: LineFault

  package init(lines: ClosedRange<Int>, fault: LineFault) {
    self.lines = lines
    self.fault = fault
  }
}
