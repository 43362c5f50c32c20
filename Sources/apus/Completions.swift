// `apus completions`: what a shell asks while words are typed, made from the verbs' table. The scripts hold every verb, its
// parts and its options, and for an option whose values are few, those; elsewhere files are offered.

enum Completions {
  enum Shell: String, CaseIterable {
    case bash, zsh
  }

  static func lines(for shell: Shell) -> [String] {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    }
  }

  /// What may come behind `apus`, and behind each first word of two.
  private static var first: [String] {
    var seen: [String] = []
    for verb in Verb.all {
      let word = String(verb.name.prefix { $0 != " " })
      if !seen.contains(word) { seen.append(word) }
    }
    return seen + ["help", "--help", "--version"]
  }

  /// A pattern of `case`, and the words that are offered when it fits what was typed: `inspect log`.
  private static var rows: [(pattern: String, words: [String])] {
    var rows: [(pattern: String, words: [String])] = []
    for verb in Verb.all {
      rows.append((verb.name, verb.parts + values(of: verb) + verb.options.map(\.name) + ["--help"]))
    }
    for word in first where !Verb.family(word).isEmpty {
      rows.append((word, Verb.family(word).map { String($0.name.dropFirst(word.count + 1)) } + ["--help"]))
    }
    rows.append(("help", first.filter { !$0.hasPrefix("-") && $0 != "help" }))
    return rows
  }

  private static func values(of verb: Verb) -> [String] {
    verb == .completions ? Shell.allCases.map(\.rawValue) : []
  }

  /// Values of an option that are words to choose from: `on|off`.
  private static var choices: [(option: String, words: [String])] {
    var choices: [(option: String, words: [String])] = []
    for option in Verb.all.flatMap(\.options) {
      guard let value = option.value, value.contains("|"),
        !choices.contains(where: { $0.option == option.name })
      else { continue }
      choices.append((option.name, value.split(separator: "|").map(String.init)))
    }
    return choices
  }

  /// `family` words take a second one before they are a verb.
  private static var families: String {
    first.filter { !Verb.family($0).isEmpty }.joined(separator: "|")
  }

  private static var bash: [String] {
    var lines = [
      "# Completion of apus for bash: source <(apus completions bash)",
      "_apus() {",
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=",
      "  case $verb in \(families)) [ \"$COMP_CWORD\" -gt 2 ] && verb=\"$verb ${COMP_WORDS[2]}\" ;; esac",
      "  case $before in",
    ]
    lines += choices.map {
      "    \($0.option)) COMPREPLY=($(compgen -W '\($0.words.joined(separator: " "))' -- \"$word\")); return ;;"
    }
    lines += [
      "  esac",
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then words='\(first.joined(separator: " "))'; else case $verb in",
    ]
    lines += rows.map { "    '\($0.pattern)') words='\($0.words.joined(separator: " "))' ;;" }
    lines += [
      "  esac; fi",
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))",
      "}",
      "complete -o default -F _apus apus",
    ]
    return lines
  }

  private static var zsh: [String] {
    var lines = [
      "#compdef apus",
      "# Completion of apus for zsh: source <(apus completions zsh), behind compinit",
      "_apus() {",
      "  local verb=$words[2] before=$words[CURRENT-1]",
      "  case $verb in \(families)) (( CURRENT > 3 )) && verb=\"$verb $words[3]\" ;; esac",
      "  case $before in",
    ]
    lines += choices.map { "    \($0.option)) compadd -- \($0.words.joined(separator: " ")); return ;;" }
    lines += [
      "  esac",
      "  if (( CURRENT == 2 )); then compadd -- \(first.joined(separator: " ")); return; fi",
      "  case $verb in",
    ]
    lines += rows.map { "    '\($0.pattern)') compadd -- \($0.words.joined(separator: " ")) ;;" }
    lines += ["  esac", "  _files", "}", "compdef _apus apus"]
    return lines
  }
}
