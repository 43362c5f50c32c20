// How a letter is written. What is written here is ours: nothing can fail.

package import ApusBytes
import ApusContracts

extension ByteWriter {
  /// Writes the letter's record, its head included. Words beyond their limit are cut.
  package mutating func write(_ letter: DeadLetter) {
    let start = beginRecord(.deadLetter)
    write(DeadLetterFormat.letterOperation)
    write(letter.event.rawValue)
    write(0 as UInt16)
    write(letter.viewVersion.rawValue)
    write(letter.revision)
    write(text: letter.rule)
    write(text: letter.words.prefix(utf8Count: DeadLetterFormat.wordsByteCountMax))
    write(given: letter.times)
    writeVarint(UInt64(letter.key.count))
    for part in letter.key { write(letterValue: part) }
    let said = letter.features.filter { $0.input != .absent }
    writeVarint(UInt64(said.count))
    for feature in said {
      write(text: feature.name)
      switch feature.input {
      // Filtered out above.
      case .absent: break
      case .null: write(DeadLetterFormat.nullState)
      case .value(let value):
        write(DeadLetterFormat.valueState)
        write(letterValue: value)
      }
    }
    endRecord(from: start)
  }

  private mutating func write(given times: GivenTimes) {
    var flags: UInt8 = 0
    if times.eventTime != nil { flags |= DeadLetterFormat.eventTimeFlag }
    if times.createdAt != nil { flags |= DeadLetterFormat.createdAtFlag }
    if times.knownAt != nil { flags |= DeadLetterFormat.knownAtFlag }
    write(flags)
    if let eventTime = times.eventTime { write(eventTime.nanoseconds) }
    if let createdAt = times.createdAt { write(createdAt.nanoseconds) }
    if let knownAt = times.knownAt { write(knownAt.nanoseconds) }
  }

  private mutating func write(text: String) {
    writeVarint(UInt64(text.utf8.count))
    write(utf8: text)
  }

  private mutating func write(letterValue value: Value) {
    write(DeadLetterFormat.typeID(of: value))
    // The length stands before the bytes, which are only then counted: a letter is rare, so they are written twice.
    var bytes = ByteWriter()
    value.write(into: &bytes)
    writeVarint(UInt64(bytes.count))
    write(bytes.bytes)
  }
}

extension String {
  /// As many whole characters (scalars) from the beginning as have at most so many bytes.
  fileprivate func prefix(utf8Count limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var kept = ""
    var byteCount = 0
    for scalar in unicodeScalars {
      byteCount += UTF8.width(scalar)
      if byteCount > limit { break }
      kept.unicodeScalars.append(scalar)
    }
    return kept
  }
}
