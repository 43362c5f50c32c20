import ApusContracts
import Testing

@Suite("Rules")
struct RuleTests {
  /// The example's view with this one feature.
  private func contract(_ feature: String) throws -> Contract {
    let text = """
      project: p
      entities: {e: {keys: {k: int64}}}
      views: {v: {entity: e, ttl: none, features: {x: {\(feature)}}}}
      """
    var registry = Registry()
    try apply(try define(text).get(), to: &registry)
    return try #require(Contract(of: ViewVersionID(1), in: registry))
  }

  @Test(
    "a cell is admitted, or refused by the name of the rule",
    arguments: [
      ("type: int64", .absent, nil), ("type: int64, required: true", .absent, .required),
      ("type: int64, required: true", .null, nil), ("type: int64, nullable: false", .null, .nullable),
      ("type: int64, nullable: false", .absent, nil), ("type: int64", .value(.float(1)), .type),
      ("type: int32", .value(.integer(1 << 40)), .type), ("type: float32", .value(.float(0.1)), .type),
      ("type: int64, min: 0", .value(.integer(0)), nil), ("type: int64, min: 0", .value(.integer(-1)), .min),
      ("type: int64, max: 3", .value(.integer(4)), .max),
      ("type: float32, max: 0.1", .value(.float(Double(Float(0.1)))), nil),
      ("type: float64", .value(.float(.nan)), .finite),
      ("type: float64", .value(.float(-.infinity)), .finite),
      ("type: float64, finite: false, min: 0", .value(.float(.nan)), nil),
      ("type: float64, finite: false, min: 0", .value(.float(-.infinity)), .min),
      ("type: \"float32[2]\"", .value(.many([.float(1), .float(.nan)])), .finite),
      ("type: \"float32[2]\"", .value(.many([.float(1)])), .type),
      ("type: list<int64>, max: 3", .value(.many([.integer(1), .integer(4)])), .max),
      ("type: list<int64>, max_length: 1", .value(.many([.integer(1), .integer(4)])), .maxLength),
      ("type: string, one_of: [on]", .value(.string("on")), nil),
      ("type: string, one_of: [on]", .value(.string("off")), .oneOf),
      ("type: string, max_length: 2", .value(.string("é😀")), nil),
      ("type: string, max_length: 2", .value(.string("abc")), .maxLength),
      ("type: string, one_of: [\"\\u00e9\"]", .value(.string("e\u{301}")), .oneOf),
      ("type: string, pattern: \"\\u00e9\"", .value(.string("e\u{301}")), .pattern),
      ("type: bytes, max_length: 2", .value(.bytes([1, 2, 3])), .maxLength),
      ("type: string, pattern: '[a-z]+'", .value(.string("abc1")), .pattern),
      ("type: list<string>, pattern: '[a-z]+'", .value(.many([.string("abc"), .string("")])), .pattern),
      ("type: timestamp, min: 2026-01-01", .value(.timestamp(0)), .min),
      ("type: bool, one_of: [true]", .value(.bool(false)), .oneOf),
    ] as [(String, FeatureCell, Rule?)])
  func cells(feature: String, cell: FeatureCell, rule: Rule?) throws {
    let contract = try contract(feature)
    #expect(contract.features[0].rules.broken(by: cell, of: contract.features[0].type) == rule)
  }

  @Test("a refusal names the feature, the rule, the value, shortened, and the version")
  func words() throws {
    let contract = try contract("type: string, one_of: [buy]")
    func refusal(_ cell: FeatureCell) -> Refusal? {
      do throws(Refusal) {
        try contract.admit([cell])
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(.value(.string("buy"))) == nil)
    #expect(refusal(.value(.string("add_to_cart")))?.name == "x.one_of")
    #expect(
      "\(try #require(refusal(.value(.string("add\n_to_cart")))))"
        == #"x.one_of: "add\u{a}_to_cart" is refused by v@1"#)
    let long = try #require(refusal(.value(.string(String(repeating: "é", count: 10_000)))))
    #expect("\(long)".count < 100)
  }
}
