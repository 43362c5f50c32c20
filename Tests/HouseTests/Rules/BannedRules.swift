/// Words that have a better one in this house.
extension Rule {
  static let fatalError = Rule(name: "fatal-error", covers: Reach.sources) { source in
    source.calls(of: "fatalError").map {
      Breach(
        line: $0.line, what: "`fatalError` says no rule that was broken",
        instead: "throw for a wrong peer; `precondition(rule, …)` for a wrong self, with an exit test")
    }
  }

  static let print = Rule(
    name: "print", covers: { $0.hasPrefix("Sources/") && !$0.hasPrefix("Sources/apus/") }
  ) { source in
    source.calls(of: "print").map {
      Breach(
        line: $0.line, what: "a room prints",
        instead: "return the words; only Sources/apus speaks to the terminal")
    }
  }

  static let unfinished = Rule(name: "unfinished", covers: Reach.everywhere) { source in
    source.comments.compactMap { comment in
      let words = comment.text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      guard let word = words.first(where: { ["TODO", "FIXME", "XXX"].contains($0) }) else { return nil }
      return Breach(
        line: comment.line, what: "\(word) in a comment",
        instead: "do it now, or say in prose what is not done and why")
    }
  }

  /// The compiler believes `@unchecked Sendable`; a person must be told, within six lines, why it is true.
  static let uncheckedSendable = Rule(name: "unchecked-sendable", covers: Reach.sources) { source in
    source.places(of: "@", "unchecked", "Sendable").compactMap { place in
      let line = source.code[place].line
      let why = ["owned by", "only owner", "guarded by", "immutable"]
      guard !source.comment(on: max(1, line - 6)...line + 6, holdsOneOf: why) else { return nil }
      return Breach(
        line: line, what: "`@unchecked Sendable` without saying why it holds",
        instead:
          "say beside it by which thread or lock each field is `owned by`, `guarded by`, or that it is `immutable`"
      )
    }
  }

  static let unownedUnsafe = Rule(name: "unowned-unsafe", covers: Reach.sources) { source in
    source.places(of: "unowned", "(", "unsafe", ")").map {
      Breach(
        line: source.code[$0].line, what: "`unowned(unsafe)`", instead: "own it, lend a span, or use `weak`")
    }
  }

  static let dispatchQueue = Rule(name: "dispatch-queue", covers: Reach.everywhere) { source in
    source.places(of: "DispatchQueue").map {
      Breach(
        line: source.code[$0].line, what: "`DispatchQueue`",
        instead: "use a thread of ApusSystem: each is named and owned")
    }
  }

  /// A test that waits is slow on a good day and wrong on a bad one.
  static let sleep = Rule(name: "sleep", covers: Reach.tests) { source in
    let members = source.places(of: ".", "sleep", "(").map { source.code[$0 + 1] }
    return (members + ["sleep", "usleep", "nanosleep"].flatMap { source.calls(of: $0) }).map {
      Breach(
        line: $0.line, what: "a test sleeps",
        instead: "wait for the event itself (a pipe, a condition, a process's end) or bring a clock")
    }
  }
}
