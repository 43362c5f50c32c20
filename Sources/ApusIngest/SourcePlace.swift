// Where in a file something stands, as people and their editors count: from 1.

package struct SourcePlace: Equatable, Sendable {
  package var file: String
  package var line: Int

  package init(file: String, line: Int) {
    (self.file, self.line) = (file, line)
  }
}
