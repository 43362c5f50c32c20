// What a person types at `apus`, run where the data is. The room knows no verb: whoever builds the server brings the one
// who does.

/// A file that the words name, as it was read by whoever typed them.
package struct ConsoleFile: Equatable, Sendable {
  /// As it was typed.
  package var path: String
  package var content: String

  package init(path: String, content: String) {
    self.path = path
    self.content = content
  }
}

package struct ConsoleAnswer: Equatable, Sendable {
  package var exit: UInt8
  package var out: String
  package var err: String
  /// What went wrong; nil when nothing did.
  package var trouble: ConsoleTrouble?

  package init(exit: UInt8, out: String, err: String, _ trouble: ConsoleTrouble? = nil) {
    self.exit = exit
    self.out = out
    self.err = err
    self.trouble = trouble
  }
}

/// The same however it is printed.
package struct ConsoleTrouble: Equatable, Sendable {
  /// The name by which programs know it.
  package var name: String
  package var what: String
  package var next: String

  package init(name: String, what: String, next: String) {
    self.name = name
    self.what = what
    self.next = next
  }
}

package protocol ConsoleHandler: Sendable {
  /// Runs a command line without its program's name, and answers with what it says. Called on a worker's thread, by several at
  /// once. What the scopes do not allow it refuses itself: only it knows what a verb needs.
  func run(words: [String], files: [ConsoleFile], scopes: Scopes) -> ConsoleAnswer
}
