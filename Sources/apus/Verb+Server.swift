// The verbs that start a server, tell how it is set up, say who may come in, and ask whether it is there.

import ApusServer

extension Verb {
  static let config = Option(name: "--config", value: "FILE", meaning: "settings; the defaults if not said")
  /// Each setting is a flag, too.
  private static let settings = Settings.all.map { setting in
    Option(name: setting.flag, value: setting.placeholder, meaning: "setting `\(setting.name)`")
  }

  static let serve = Verb(
    name: "serve", reach: .nowhere,
    summary: "serve a store over TCP or a Unix socket",
    about: [
      "Opens the store, or makes it, and serves it until SIGTERM or SIGINT: then it",
      "stops accepting, answers what is under way, puts everything into the index and",
      "exits with 0. A second signal ends it at once. SIGHUP rereads the tokens.",
      "Settings are read from a file, from $APUS_ and their name, and from flags, and",
      "the last of these wins. `apus config defaults` explains each.",
    ],
    options: [config] + settings,
    examples: [
      Example(command: "apus serve --data DIR", meaning: "on \(ListenAddress.usual), for this machine alone"),
      Example(command: "apus serve --config Config/apus.yaml", meaning: "with a file of settings"),
    ],
    exits: [
      (.done, "stopped by a signal, in good order"),
      (.failed, "it could not start, or the disk failed: settings, store in use, address in use, ..."),
      (.usage, usage),
    ])

  static let configuration = Verb(
    name: "config", parts: ["show", "defaults"], reach: .nowhere,
    summary: "show the settings of a server, and where each comes from",
    about: [
      "show (also when neither word is given) prints what `apus serve` with the same",
      "words would use, and who said it: default, file, environment or flag. defaults",
      "prints a file of settings with every default and what each setting does. There",
      "is no secret among the settings.",
    ],
    options: [config] + settings + [json],
    examples: [
      Example(command: "apus config show --config Config/apus.yaml", meaning: "what is in force, and why"),
      Example(command: "apus config defaults > apus.yaml", meaning: "a file to begin with"),
    ],
    exits: [(.done, "shown"), (.failed, "the settings are wrong, or do not go together"), (.usage, usage)])

  private static let tokenData = Option(
    name: "--data", value: "DIR", meaning: "the store's folder; $APUS_DATA if not said")
  private static let tokenName = Operands(name: "NAME", count: 1...1, needed: "the name of a token")

  static let tokenCreate = Verb(
    name: "token create", operands: tokenName, reach: .nowhere,
    summary: "make a token and show it, once",
    about: [
      "The token is printed and stored nowhere: only the SHA-256 of its secret is kept",
      "in the store's folder. A server that runs knows it within a second. Clients read",
      "it from the file that --token-file or $APUS_TOKEN_FILE names.",
    ],
    options: [
      Option(
        name: "--scope", value: "SCOPES", meaning: "read, ingest, admin, or several with commas",
        isRequired: true),
      Option(name: "--project", value: "NAME", meaning: "for this project only; for all if not said"),
      tokenData,
      json,
    ],
    examples: [
      Example(
        command: "apus token create scorer --scope read --data DIR > scorer.token",
        meaning: "for a service that reads"),
      Example(
        command: "apus token create etl --scope read,ingest --project fraud --data DIR",
        meaning: "for one project"),
    ],
    exits: [
      (.done, "made"), (.failed, "there is one of that name, or it could not be done"), (.usage, usage),
    ])

  static let tokenList = Verb(
    name: "token list", reach: .nowhere, summary: "show who may come in, without any secret",
    about: ["Names, ids, scopes, projects, and when each was made. There is no way to see a secret again."],
    options: [tokenData, json],
    examples: [Example(command: "apus token list --data DIR", meaning: "all of them")],
    exits: [(.done, "shown"), (.failed, failed), (.usage, usage)])

  static let tokenRevoke = Verb(
    name: "token revoke",
    operands: Operands(name: "NAME", count: 1...1, needed: "the name or the id of a token"),
    reach: .nowhere, summary: "end a token, for good",
    about: [
      "It opens no new connection within a second; connections that are open go on until",
      "they end. To end them, too, restart the server.",
    ],
    options: [tokenData, json],
    examples: [Example(command: "apus token revoke scorer --data DIR", meaning: "by its name, or by its id")],
    exits: [
      (.done, "it is gone"), (.failed, "there is none of that name or id, or it could not be done"),
      (.usage, usage),
    ])

  static let status = Verb(
    name: "status", reach: .both,
    summary: "show how a server or a store is: connections, memory, log, index, dead letters",
    about: [
      "Asks a server for its figures, and for what an operator watches of its store. With",
      "--data it looks at a folder that no process has open, and changes nothing there.",
      "For views, rows and services, see `apus describe`.",
    ],
    options: dataOrServer + [json],
    examples: [
      Example(command: "apus status --server 127.0.0.1:7399", meaning: "lines to read"),
      Example(command: "apus status --data DIR", meaning: "of a store that nobody has open"),
    ],
    exits: [
      (.done, "shown"), (.failed, "no server answers there, it refuses, or there is no such store"),
      (.usage, usage),
    ])

  static let ping = Verb(
    name: "ping", reach: .server, summary: "ask a server whether it is there",
    about: ["Connects, shows the token if there is one, and measures one answer."],
    options: remote + [json],
    examples: [Example(command: "apus ping", meaning: "is there one at $APUS_URL, or on this machine?")],
    exits: [(.done, "it answered"), (.failed, "no server answers there, or it refuses"), (.usage, usage)])

  static let completions = Verb(
    name: "completions", operands: Operands(name: "SHELL", count: 1...1, needed: "a shell: bash or zsh"),
    reach: .nowhere, summary: "print what lets a shell complete verbs and options",
    about: ["Made from the same table as this help."],
    options: [],
    examples: [
      Example(command: "source <(apus completions bash)", meaning: "in ~/.bashrc"),
      Example(command: "source <(apus completions zsh)", meaning: "in ~/.zshrc, behind compinit"),
    ],
    exits: [(.done, "printed"), (.usage, usage)])
}
