import ApusContracts
import Testing

/// A file that is wrong, as what stands in a frame of what is right, and every word that is said about it.
struct WrongFile: Sendable, CustomTestStringConvertible {
  enum Frame: String, Sendable {
    case whole = ""
    case entity = """
      project: p
      entities:
      \u{20}\u{20}
      """
    case view = """
      project: p
      entities: {customer: {keys: {id: int64}}}
      views:
      \u{20}\u{20}
      """
    case feature = """
      project: p
      entities: {customer: {keys: {id: int64}}}
      views:
        v:
          entity: customer
          ttl: none
          features:
           \u{20}
      """
    case service = """
      project: p
      entities: {account: {keys: {account_id: int64}}, owner: {keys: {owner_id: string}}}
      views:
        account: {entity: account, ttl: none, features: {score: {type: float64}, embedding: {type: "float32[3]"}}}
        owner: {entity: owner, ttl: none, features: {name: {type: string}}}
      services:
      \u{20}\u{20}
      """
  }

  let frame: Frame
  let text: String
  let errors: [String]

  init(_ frame: Frame, _ text: String, _ errors: String...) {
    self.frame = frame
    self.text = text
    self.errors = errors
  }

  var testDescription: String { "\(frame): \(text)" }

  static let all: [WrongFile] = [
    WrongFile(
      .whole, "",
      "1:1: the file is empty; expected project, entities, views, services"),
    WrongFile(
      .whole,
      """
      # nothing

      """,
      "1:1: the file is empty; expected project, entities, views, services"),
    WrongFile(
      .whole, "just words",
      #"1:1: expected the settings of a file of definitions (a mapping), found "just words""#),
    WrongFile(
      .whole, "- project: p",
      "1:1: expected the settings of a file of definitions (a mapping), found a list"),
    WrongFile(
      .whole,
      """
      project: p
      project: q
      """,
      #"2:1: "project" is here twice, first at 1:1"#),
    WrongFile(
      .whole, "entities: {}",
      "1:1: a file of definitions needs project"),
    WrongFile(
      .whole, "project: 7",
      "1:10: expected text, found the number 7, which is text only in quotes"),
    WrongFile(
      .whole, "project: my-project",
      #"1:10: "my-project" is no name: a name has letters, digits and underscores, not "-""#),
    WrongFile(
      .whole, #"project: "9lives""#,
      #"1:10: "9lives" is no name: a name begins with a letter"#),
    WrongFile(
      .whole, "project: _apus",
      #"1:10: "_apus" is no name: a name begins with a letter"#),
    WrongFile(
      .whole,
      """
      project: p
      entites: {}
      """,
      #"2:1: a file of definitions has no setting "entites"; did you mean "entities"?"#),
    WrongFile(
      .whole,
      """
      project: p
      views: [a]
      """,
      "2:8: expected a mapping of names to views, found a list"),
    WrongFile(
      .whole,
      """
      project: p
      entities:
      """,
      "2:10: expected a mapping of names to entities, found null"),
    WrongFile(
      .whole,
      """
      project: p
      ---
      project: q
      """,
      "2:1: a second document begins here; a file holds one"),
    WrongFile(
      .whole, "project: {p",
      "2:1: this is not YAML: did not find expected ',' or '}' (while parsing a flow mapping at 1:10)"),
    WrongFile(
      .whole,
      """
      project: p
        entities: {}
      """,
      "2:11: this is not YAML: mapping values are not allowed in this context"),
    WrongFile(
      .whole, #"project: "p"#,
      "1:12: this is not YAML: found unexpected end of stream (while scanning a quoted scalar at 1:10)"),
    WrongFile(
      .whole, "project: p\n\tentities: {}",
      """
      2:1: this is not YAML: found a tab character that violates indentation (while scanning a plain scalar at 1:10)
      """),
    WrongFile(
      .whole, "project: &a p",
      "1:10: the anchor &a is not allowed; write the value out where it is needed"),
    WrongFile(
      .whole, "project: *a",
      "1:10: the alias *a is not allowed; write the value out"),
    WrongFile(
      .whole, "project: !!str p",
      "1:10: the tag tag:yaml.org,2002:str is not allowed; leave it out"),
    WrongFile(
      .whole,
      """
      %YAML 1.1
      ---
      project: p
      """,
      "1:1: %YAML 1.1 is not allowed; definitions are YAML 1.2"),
    WrongFile(
      .whole,
      """
      %TAG ! tag:x,2000:
      ---
      project: p
      """,
      "1:1: %TAG is not allowed; definitions are YAML 1.2"),
    WrongFile(
      .whole, "project: p\u{7}",
      "1:11: the character U+0007 is not allowed here; write it escaped, in double quotes"),
    WrongFile(
      .whole,
      """
      project: p
      entities: {<<: {a: 1}}
      """,
      "2:12: the merge key << is not allowed; write the settings out"),
    WrongFile(
      .whole,
      """
      project: p
      1: x
      """,
      "2:1: expected a name, found the number 1; if it is a name, put it in quotes"),
    WrongFile(
      .whole,
      """
      project: p
      ? [a, b]
      : x
      """,
      "2:3: expected a name, found a list; if it is a name, put it in quotes"),
    WrongFile(
      .whole,
      """
      project: p
      views: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      """,
      "2:31: nested more than 24 deep"),
    WrongFile(
      .entity, "e: {}",
      "3:3: an entity needs keys"),
    WrongFile(
      .entity, "e: {keys: {}}",
      "3:13: keys is empty"),
    WrongFile(
      .entity, "e: {keys: {k: float64}}",
      "3:17: a key cannot be float64: equal floats are not always equal; use int64 or string"),
    WrongFile(
      .entity, "e: {keys: {k: integer64}}",
      #"""
      3:17: expected the type of a key: bool, int32, int64, string, bytes, timestamp, found "integer64"
      """#),
    WrongFile(
      .entity, #"e: {keys: {k: "string "}}"#,
      #"3:17: there is no type "string "; did you mean "string"?"#),
    WrongFile(
      .entity, "e: {keys: {k: list<int64>}}",
      "3:17: expected the type of one value for a key, found list<int64>"),
    WrongFile(
      .entity, "e: {keys: [k]}",
      "3:13: expected a mapping of key names to types, found a list"),
    WrongFile(
      .entity, "e: {keys: {k: int64, k: string}}",
      #"3:24: "k" is here twice, first at 3:14"#),
    WrongFile(
      .entity, "e: {key: {k: int64}}",
      #"3:7: an entity has no setting "key"; did you mean "keys"?"#),
    WrongFile(
      .entity, #""a b": {keys: {k: int64}}"#,
      #"3:3: "a b" is no name: a name has letters, digits and underscores, not " ""#),
    WrongFile(
      .entity,
      """
      e: {keys: {a: int64, b: int64, c: int64, d: int64, f: int64, g: int64, h: int64, i: int64, j: int64}}
      """,
      "3:13: there are too many keys, at most 8 allowed"),
    WrongFile(
      .view, "v: {}",
      "4:3: a view needs entity",
      "4:3: a view needs ttl: a length of time as in 30d, or none",
      "4:3: a view needs features"),
    WrongFile(
      .view, "v: {entity: card, ttl: none, features: {x: {type: int64}}}",
      #"4:15: there is no entity "card""#),
    WrongFile(
      .view, "v: {entity: customr, ttl: none, features: {x: {type: int64}}}",
      #"4:15: there is no entity "customr"; did you mean "customer"?"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: 0, features: {x: {type: int64}}}",
      #"""
      4:30: "0" is no length of time: 0 could mean both at once and never; write none or a number and a unit, as in 30d
      """#),
    WrongFile(
      .view, "v: {entity: customer, ttl: 30 days, features: {x: {type: int64}}}",
      #"4:30: "30 days" is no length of time; write none or a number and ms, s, m, h, d or w, as in 30d"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: 30, features: {x: {type: int64}}}",
      #"4:30: "30" is no length of time; write none or a number and ms, s, m, h, d or w, as in 30d"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: null, features: {x: {type: int64}}}",
      "4:30: expected a length of time as in 30d or none, found null"),
    WrongFile(
      .view, "v: {entity: customer, ttl: 999999d, features: {x: {type: int64}}}",
      #"4:30: "999999d" is longer than the 292 years that can be told"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: 0d, features: {x: {type: int64}}}",
      #"""
      4:30: "0d" is no length of time: 0 could mean both at once and never; write none or a number and a unit, as in 30d
      """#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, history: all, features: {x: {type: int64}}}",
      #"""
      4:45: "all" is no length of time; write forever or none or a number and ms, s, m, h, d or w, as in 30d
      """#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, max_future_skew: none, features: {x: {type: int64}}}",
      #"4:53: "none" is no length of time; write a number and ms, s, m, h, d or w, as in 30d"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, owner: 12, features: {x: {type: int64}}}",
      "4:43: expected text, found the number 12, which is text only in quotes"),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, tags: pii, features: {x: {type: int64}}}",
      #"4:42: expected a list of texts, found "pii""#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, tags: [pii, pii], features: {x: {type: int64}}}",
      #"4:48: "pii" is in the list twice"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, features: {}}",
      "4:46: features is empty"),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, features: [x]}",
      "4:46: expected a mapping of feature names to features, found a list"),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, max_latenes: 7d, features: {x: {type: int64}}}",
      #"4:36: a view has no setting "max_latenes"; did you mean "max_lateness"?"#),
    WrongFile(
      .view, "v: {entity: customer, ttl: none, retention: 7d, features: {x: {type: int64}}}",
      #"""
      4:36: a view has no setting "retention"; it has entity, owner, description, tags, ttl, history, freshness, max_lateness, max_future_skew, features
      """#),
    WrongFile(
      .view, "a__b: {entity: customer, ttl: none, features: {x: {type: int64}}}",
      #"4:3: "a__b" is no name: two underscores in a row are kept for roles"#),
    WrongFile(
      .feature, "x: int64",
      #"8:10: expected the settings of a feature (a mapping), found "int64""#),
    WrongFile(
      .feature, "x: {}",
      "8:7: a feature needs type"),
    WrongFile(
      .feature, "x: {type: int46}",
      #"8:17: there is no type "int46"; did you mean "int64"?"#),
    WrongFile(
      .feature, "x: {type: decimal}",
      #"""
      8:17: there is no type "decimal"; there are bool, int32, int64, float32, float64, string, bytes, timestamp, list<T> and, in quotes, float32[N]
      """#),
    WrongFile(
      .feature, "x: {type: float32[64]}",
      #"""
      8:24: this is not YAML: did not find expected ',' or '}' (while parsing a flow mapping at 8:10); text with brackets needs quotes here, as in "float32[64]"
      """#),
    WrongFile(
      .feature, #"x: {type: "float32[0]"}"#,
      #"8:17: "0" is no size of a vector; write a number from 1 to 65535"#),
    WrongFile(
      .feature, #"x: {type: "float32[65536]"}"#,
      #"8:17: "65536" is no size of a vector; write a number from 1 to 65535"#),
    WrongFile(
      .feature, #"x: {type: "string[4]"}"#,
      "8:17: there are no vectors of string; write list<string>"),
    WrongFile(
      .feature, "x: {type: list<strng>}",
      #"8:17: there is no type "strng"; did you mean "string"?"#),
    WrongFile(
      .feature, "x: {type: [int64]}",
      #"8:17: expected a type as in int64, list<string> or "float32[64]", found a list"#),
    WrongFile(
      .feature, "x: {type: int64, nullable: no}",
      #"8:34: expected true or false, found "no""#),
    WrongFile(
      .feature, "x: {type: int64, required: 1}",
      "8:34: expected true or false, found the number 1"),
    WrongFile(
      .feature, "x: {type: int64, min: 5, max: 3}",
      "8:37: min 5 is above max 3: no value could be admitted"),
    WrongFile(
      .feature, "x: {type: int64, min: 0.5}",
      "8:29: expected a value of int64, found the number 0.5"),
    WrongFile(
      .feature, #"x: {type: int64, min: "0"}"#,
      #"8:29: expected a value of int64, found "0""#),
    WrongFile(
      .feature, "x: {type: int32, max: 3000000000}",
      "8:29: expected a value of int32, found the number 3000000000"),
    WrongFile(
      .feature, "x: {type: int64, max: 9223372036854775808}",
      "8:29: expected a value of int64, found the number 9223372036854775808"),
    WrongFile(
      .feature, "x: {type: float64, max: .inf}",
      "8:31: expected a value of float64, found the number inf"),
    WrongFile(
      .feature, "x: {type: string, min: 1}",
      "8:30: min means nothing for string"),
    WrongFile(
      .feature, "x: {type: timestamp, min: yesterday}",
      #"8:33: expected a value of timestamp, found "yesterday""#),
    WrongFile(
      .feature, "x: {type: int64, one_of: [1, two]}",
      #"8:36: expected a value of int64, found "two""#),
    WrongFile(
      .feature, "x: {type: string, one_of: [on, off, on]}",
      #"8:43: "on" is in the list twice"#),
    WrongFile(
      .feature, "x: {type: string, one_of: [buy, 1]}",
      "8:39: expected a value of string, found the number 1"),
    WrongFile(
      .feature, "x: {type: string, one_of: []}",
      "8:33: one_of is empty"),
    WrongFile(
      .feature, "x: {type: string, one_of: buy}",
      #"8:33: expected a list of values, found "buy""#),
    WrongFile(
      .feature, "x: {type: float64, one_of: [0.5]}",
      "8:34: one_of means nothing for float64"),
    WrongFile(
      .feature, "x: {type: int64, min: 1, one_of: [0, 1]}",
      "8:41: 0 is outside of min and max, so it could never be admitted"),
    WrongFile(
      .feature, "x: {type: int64, max_length: 3}",
      "8:36: max_length means nothing for int64"),
    WrongFile(
      .feature, "x: {type: string, max_length: 0}",
      "8:37: expected a number from 1 to 2147483648, found 0"),
    WrongFile(
      .feature, #"x: {type: string, max_length: "9"}"#,
      #"8:37: expected a whole number, found "9""#),
    WrongFile(
      .feature, #"x: {type: string, pattern: "^[a-z]+$"}"#,
      #"""
      8:34: the pattern "^[a-z]+$" cannot be used: a pattern always matches the whole text; leave out ^ and $ (character 1)
      """#),
    WrongFile(
      .feature, #"x: {type: string, pattern: "(a"}"#,
      #"8:34: the pattern "(a" cannot be used: this group has no ) (character 1)"#),
    WrongFile(
      .feature, #"x: {type: string, pattern: "(a{900}){900}"}"#,
      #"""
      8:34: the pattern "(a{900}){900}" cannot be used: it takes more than 1024 steps; use smaller counts
      """#),
    WrongFile(
      .feature, "x: {type: string, pattern: 12}",
      "8:34: expected text, found the number 12, which is text only in quotes"),
    WrongFile(
      .feature, "x: {type: int64, pattern: a}",
      "8:33: pattern means nothing for int64"),
    WrongFile(
      .feature, "x: {type: int64, finite: false}",
      "8:32: finite means nothing for int64"),
    WrongFile(
      .feature, "x: {type: int64, one_off: [1]}",
      #"8:24: a feature has no setting "one_off"; did you mean "one_of"?"#),
    WrongFile(
      .feature, "x: {type: int64, default: 1}",
      #"""
      8:24: a feature has no setting "default"; it has type, nullable, required, min, max, one_of, max_length, pattern, finite, description, tags
      """#),
    WrongFile(
      .feature, "x: {type: int64, min: 1, min: 2}",
      #"8:32: "min" is here twice, first at 8:24"#),
    WrongFile(
      .feature, "x: {typ: int64}",
      #"8:11: a feature has no setting "typ"; did you mean "type"?"#),
    WrongFile(
      .service, "s: {}",
      "7:3: a service needs features"),
    WrongFile(
      .service, "s: {features: []}",
      "7:17: features is empty"),
    WrongFile(
      .service, "s: {features: {view: account}}",
      "7:17: expected a list of {view, take, as, keys}, found a mapping"),
    WrongFile(
      .service, "s: {features: [account]}",
      #"7:18: expected the settings of a service's feature (a mapping), found "account""#),
    WrongFile(
      .service, "s: {features: [{take: [score]}]}",
      "7:18: a service's feature needs view"),
    WrongFile(
      .service, "s: {features: [{view: acount}]}",
      #"7:25: there is no view "acount"; did you mean "account"?"#),
    WrongFile(
      .service, "s: {features: [{view: account, take: [scor]}]}",
      #"7:41: account has no feature "scor"; did you mean "score"?"#),
    WrongFile(
      .service, "s: {features: [{view: account, take: []}]}",
      "7:40: take is empty"),
    WrongFile(
      .service, "s: {features: [{view: account, take: [score, score]}]}",
      #"7:48: "score" is in the list twice"#),
    WrongFile(
      .service, "s: {features: [{view: account}, {view: account}]}",
      #"""
      7:42: the service would have two features called "score", the first from 7:25; give one of them a role with as
      """#,
      #"""
      7:42: the service would have two features called "embedding", the first from 7:25; give one of them a role with as
      """#),
    WrongFile(
      .service, "s: {features: [{view: account, as: a}, {view: account, as: a, take: [score]}]}",
      #"7:62: the role "a" is defined twice, first at 7:38"#),
    WrongFile(
      .service, "s: {features: [{view: account, keys: {acount_id: x}}]}",
      #"7:41: account has no key "acount_id"; did you mean "account_id"?"#),
    WrongFile(
      .service, "s: {features: [{view: account, keys: {account_id: a b}}]}",
      #"7:53: "a b" is no name: a name has letters, digits and underscores, not " ""#),
    WrongFile(
      .service, "s: {features: [{view: account, keys: {account_id: K}}], defaults: {\u{212A}: 1}}",
      "7:70: the service has no output \"\u{212A}\""),
    WrongFile(
      .whole,
      """
      project: p
      entities: {e: {keys: {a: int64, b: int64}}, K: {keys: {k: int64}}}
      views:
        v: {entity: e, ttl: none, features: {x: {type: int64}}}
        w: {entity: \u{212A}, ttl: none, features: {x: {type: int64}}}
      services:
        s: {features: [{view: v, keys: {a: b}}]}
        t: {features: [{view: v, keys: {b: a, a: a}}]}
        u: {features: [{view: v, keys: {b: a, a: b}}]}
      """,
      "5:15: there is no entity \"\u{212A}\"",
      #"7:34: requests would call two keys "b"; give each a name of its own"#,
      #"8:44: requests would call two keys "a"; give each a name of its own"#),
    WrongFile(
      .service, "s: {features: [{view: account}], defaults: {scor: 1}}",
      #"7:47: the service has no output "scor"; did you mean "score"?"#),
    WrongFile(
      .service, #"s: {features: [{view: account}], defaults: {score: "1"}}"#,
      #"7:54: expected a value of float64, found "1""#),
    WrongFile(
      .service, "s: {features: [{view: account}], defaults: {embedding: [1, 2]}}",
      "7:58: expected a value of float32[3], found a list of 2"),
    WrongFile(
      .service, "s: {features: [{view: account@0}]}",
      #"7:25: "account@0" names no view; write NAME or NAME@NUMBER"#),
    WrongFile(
      .service, #"s: {features: [{view: "account:score"}]}"#,
      #"7:25: "account:score" names no view; write NAME or NAME@NUMBER"#),
    WrongFile(
      .service,
      "s: {features: [{view: account, keys: {account_id: id}}, {view: owner, keys: {owner_id: id}}]}",
      #"7:79: the request's key "id" would be both int64 and string; rename one with keys"#),
    WrongFile(
      .service, "s: {features: [{veiw: account}]}",
      #"7:19: a service's feature has no setting "veiw"; did you mean "view"?"#),
    WrongFile(
      .service, "s: {features: [{view: account, as: 1st}]}",
      #"7:38: "1st" is no name: a name begins with a letter"#),
  ]
}

@Suite("Wrong definitions")
struct WrongDefinitionTests {
  @Test("each slip is told with its line, its column and what to write instead", arguments: WrongFile.all)
  func slips(_ wrong: WrongFile) {
    let errors = define(wrong.frame.rawValue + wrong.text).errors
    #expect(errors == wrong.errors, "\(errors.joined(separator: "\n"))")
  }

  @Test("all that is wrong is told at once, in the order of the places")
  func all() {
    let text = """
      project: p
      views:
        v: {entity: card, ttl: 0, features: {x: {type: int46, typ: 1}}}
      entities:
        card: {keys: {k: float32}}
      services:
        s: {features: [{view: w}]}
      """
    #expect(
      define(text).errors == [
        #"3:26: "0" is no length of time: 0 could mean both at once and never; write none or a number and a unit, as in 30d"#,
        #"3:50: there is no type "int46"; did you mean "int64"?"#,
        #"3:57: a feature has no setting "typ"; did you mean "type"?"#,
        "5:20: a key cannot be float32: equal floats are not always equal; use int64 or string",
        #"7:25: there is no view "w""#,
      ])
  }

  @Test("a name defined in two files is told with the other place")
  func twoFiles() {
    let files = ["a.yaml", "b.yaml"].map { name in
      DefinitionFile(name: name, bytes: Array("project: p\nentities:\n  e: {keys: {k: int64}}".utf8))
    }
    #expect(throws: DefinitionErrors.self) { try DefinitionReader.read(files) }
    do throws(DefinitionErrors) {
      _ = try DefinitionReader.read(files)
    } catch {
      #expect("\(error)" == #"b.yaml:3:3: the entity "e" is defined twice, first at a.yaml:3:3"#)
    }
  }

  @Test("bytes that are no text are refused where they stand")
  func bytes() {
    #expect(define(bytes: Array("project: \u{e9}".utf8) + [0xFF]).errors == ["1:11: this byte is not UTF-8"])
    #expect(define(bytes: [0xFF, 0xFE, 0x70, 0x00]).errors == ["1:1: this byte is not UTF-8"])
    #expect(
      define(bytes: [UInt8](repeating: 0x20, count: 1 << 20 | 1)).errors
        == ["1:1: the file has 1048577 bytes, at most 1048576 allowed"])
  }

  @Test("of very many slips the first hundred are told")
  func many() {
    let text = "project: p\nviews:\n" + (0..<5_000).map { "  v\($0): {entiti: x}\n" }.joined()
    let errors = define(text).error?.errors ?? []
    #expect(errors.count == 100)
    #expect(define(text).error?.isCut == true)
  }
}

extension Result where Failure == DefinitionErrors {
  /// The complaints, each without the file's name.
  var errors: [String] {
    guard let error else { return [] }
    return error.errors.map { "\($0.place): \($0.fault)" }
  }

  var error: DefinitionErrors? { if case .failure(let error) = self { error } else { nil } }
}
