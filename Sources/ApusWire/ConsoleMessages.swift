// CONSOLE: a command line that runs where the data is, and what it printed. Counts are at most 65,535.

package import ApusBytes

package struct ConsoleRequest: Equatable, Sendable {
  package struct File: Equatable, Sendable {
    /// As it was typed.
    package var path: String
    package var content: String
    package init(path: String, content: String) { (self.path, self.content) = (path, content) }
  }

  package var words: [String]
  package var files: [File]
  package init(words: [String], files: [File] = []) { (self.words, self.files) = (words, files) }

  package func encode(into writer: inout ByteWriter) {
    writer.write(count: words.count)
    for word in words { writer.write(text: word) }
    writer.write(count: files.count)
    for file in files {
      writer.write(short: file.path)
      writer.write(text: file.content)
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    words = []
    for _ in 0..<(try reader.count("words", as: UInt16.self, ofAtLeast: 4)) {
      words.append(try reader.text("a word"))
    }
    files = []
    for _ in 0..<(try reader.count("files", as: UInt16.self, ofAtLeast: 6)) {
      files.append(
        File(path: try reader.short("a file's path"), content: try reader.text("a file's content")))
    }
    try reader.finish("CONSOLE")
  }
}

package struct ConsoleReply: Equatable, Sendable {
  package var exitCode: UInt8
  package var output: String
  package var errors: String
  package init(exitCode: UInt8, output: String, errors: String) {
    (self.exitCode, self.output, self.errors) = (exitCode, output, errors)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(exitCode)
    writer.writeZeroes(7)
    writer.write(text: output)
    writer.write(text: errors)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    exitCode = try reader.number("the exit code")
    try reader.zero(7)
    output = try reader.text("the output")
    errors = try reader.text("the errors")
    try reader.finish("CONSOLE's reply")
  }
}
