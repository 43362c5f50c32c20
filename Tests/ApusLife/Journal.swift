// What a life intended and what it was promised, one line each, written with one call before and after the fact.
//
// The file is opened for appending and lies on another file system than the store, so a killed process leaves its
// lines, and a power cut of the store's disk cannot touch them. A line counts when it ends with the full stop: a kill
// inside a write may cut one.

import Glibc

final class Journal: Sendable {
  private let descriptor: Int32
  private let tells: Bool

  /// With `tells`, acknowledgements are repeated on the standard output, after they stand in the journal.
  init(_ path: String, tells: Bool) {
    descriptor = unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    self.tells = tells
    guard descriptor >= 0 else {
      complain("the journal \(path) cannot be opened")
      exit(ExitCode.usage)
    }
  }

  /// Writes a line of words. The first line of a process ends what an earlier one left half written.
  func say(_ words: String) {
    write("\(words) .\n")
    if tells, words.hasPrefix("ack ") { _ = Words.write("\(words) .\n", to: STDOUT_FILENO) }
  }

  func begin(seed: UInt64) { write("\nlife \(seed) .\n") }

  /// A word for whoever holds the other end of the pipes, who answers with a line. False when nobody
  /// is there any more.
  @discardableResult
  func ask(_ word: String) -> Bool {
    _ = Words.write("\(word)?\n", to: STDOUT_FILENO)
    var byte: UInt8 = 0
    while true {
      let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
      if count < 0 && Glibc.errno == EINTR { continue }
      if count <= 0 { return false }
      if byte == UInt8(ascii: "\n") { return true }
    }
  }

  /// A journal that cannot be written proves nothing: the life ends rather than going on unseen.
  private func write(_ line: String) {
    guard !Words.write(line, to: descriptor) else { return }
    complain("the journal cannot be written")
    exit(ExitCode.usage)
  }
}

enum Words {
  /// Writes a line with one call; false when it did not go out whole.
  static func write(_ line: String, to descriptor: Int32) -> Bool {
    var line = line
    return line.withUTF8 { bytes in
      unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
    }
  }
}
