/// Nothing in the product assumes by force: what may be missing is asked for, what may fail is handled.
extension Rule {
  static let forcedTry = Rule(name: "forced-try", covers: Reach.sources) { source in
    source.places(of: "try", "!").filter { source.code[$0 + 1].touchesPrevious }.map {
      Breach(
        line: source.code[$0].line, what: "`try!` traps on an error", instead: "handle it or throw it on")
    }
  }

  static let forcedCast = Rule(name: "forced-cast", covers: Reach.sources) { source in
    source.places(of: "as", "!").filter { source.code[$0 + 1].touchesPrevious }.map {
      Breach(
        line: source.code[$0].line, what: "`as!` traps on another type", instead: "use `as?` or a closed enum"
      )
    }
  }

  /// Covers `value!` and the type `Value!` alike: a `!` that touches what it follows and no `=`.
  static let forcedUnwrap = Rule(name: "forced-unwrap", covers: Reach.sources) { source in
    let code = source.code
    return source.places(of: "!").filter { place in
      guard place > 0, code[place].touchesPrevious else { return false }
      let before = code[place - 1]
      guard !before.reads("try"), !before.reads("as") else { return false }
      let ends =
        before.kind == .word || before.kind == .string
        || [")", "]", "}", ">", "?", "!"].contains(before.text)
      guard ends else { return false }
      let isComparison =
        place + 1 < code.count && code[place + 1].reads("=") && code[place + 1].touchesPrevious
      return !isComparison
    }.map {
      Breach(
        line: code[$0].line, what: "`\(code[$0 - 1].text)!` traps when there is nothing",
        instead: "use `guard let`, `??` or an optional type")
    }
  }
}
