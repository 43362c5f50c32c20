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
    "an input is admitted, or refused by the name of the rule",
    arguments: [
      ("type: int64", .absent, nil), ("type: int64, required: true", .absent, .required),
      ("type: int64, required: true", .null, nil), ("type: int64, nullable: false", .null, .nullable),
      ("type: int64, nullable: false", .absent, nil), ("type: int64", .value(.float64(1)), .type),
      ("type: int32", .value(.int64(1)), .type), ("type: float32", .value(.float64(0.1)), .type),
      ("type: int64, min: 0", .value(.int64(0)), nil), ("type: int64, min: 0", .value(.int64(-1)), .min),
      ("type: int64, max: 3", .value(.int64(4)), .max),
      ("type: float32, max: 0.1", .value(.float32(0.1)), nil),
      ("type: float64", .value(.float64(.nan)), .finite),
      ("type: float64", .value(.float64(-.infinity)), .finite),
      ("type: float64, finite: false, min: 0", .value(.float64(.nan)), nil),
      ("type: float64, finite: false, min: 0", .value(.float64(-.infinity)), .min),
      ("type: \"float32[2]\"", .value(.vector(.float32([1, .nan]))), .finite),
      ("type: \"float32[2]\"", .value(.vector(.float32([1]))), .type),
      ("type: list<int64>, max: 3", .value(.list(.int64([1, 4]))), .max),
      ("type: list<int64>, max_length: 1", .value(.list(.int64([1, 4]))), .maxLength),
      ("type: string, one_of: [on]", .value(.string("on")), nil),
      ("type: string, one_of: [on]", .value(.string("off")), .oneOf),
      ("type: string, max_length: 2", .value(.string("é😀")), nil),
      ("type: string, max_length: 2", .value(.string("abc")), .maxLength),
      ("type: string, one_of: [\"\\u00e9\"]", .value(.string("e\u{301}")), .oneOf),
      ("type: string, pattern: \"\\u00e9\"", .value(.string("e\u{301}")), .pattern),
      ("type: bytes, max_length: 2", .value(.bytes([1, 2, 3])), .maxLength),
      ("type: string, pattern: '[a-z]+'", .value(.string("abc1")), .pattern),
      ("type: list<string>, pattern: '[a-z]+'", .value(.list(.string(["abc", ""]))), .pattern),
      ("type: timestamp, min: 2026-01-01", .value(.timestamp(nanoseconds: 0)), .min),
      ("type: bool, one_of: [true]", .value(.bool(false)), .oneOf),
      ("type: float64, min: 0, max: 0", .value(.float64(-0.0)), nil),
      ("type: float64, min: -0.0, max: -0.0", .value(.float64(0)), nil),
      ("type: \"int32[2]\", max: 3", .value(.vector(.int32([1, 4]))), .max),
      ("type: \"int32[2]\", max: 4", .value(.vector(.int32([1, 4]))), nil),
      ("type: \"int32[2]\"", .value(.list(.int32([1, 4]))), .type),
      ("type: list<int32>", .value(.vector(.int32([1, 4]))), .type),
      ("type: list<int32>", .value(.list(.int64([]))), .type),
      ("type: list<float32>", .value(.list(.float32([1, .infinity]))), .finite),
      ("type: list<string>, one_of: [a, b]", .value(.list(.string(["b", "a", "b"]))), nil),
      ("type: list<string>, one_of: [a, b]", .value(.list(.string(["a", "ab"]))), .oneOf),
      ("type: \"int64[2]\", one_of: [1, 2]", .value(.vector(.int64([1, 3]))), .oneOf),
      ("type: timestamp, one_of: [1970-01-01]", .value(.timestamp(nanoseconds: 0)), nil),
    ] as [(String, FeatureInput, Rule?)])
  func inputs(feature: String, input: FeatureInput, rule: Rule?) throws {
    let contract = try contract(feature)
    #expect(contract.features[0].rules.broken(by: input, of: contract.features[0].type) == rule)
    #expect(Self.refusal(of: input, by: contract)?.rule == rule)
  }

  @Test("a refusal names the feature, the rule, the value, shortened, and the version")
  func words() throws {
    let contract = try contract("type: string, one_of: [buy]")
    func refusal(_ input: FeatureInput) -> Refusal? { Self.refusal(of: input, by: contract) }
    #expect(refusal(.value(.string("buy"))) == nil)
    #expect(refusal(.value(.string("add_to_cart")))?.name == "x.one_of")
    #expect(
      "\(try #require(refusal(.value(.string("add\n_to_cart")))))"
        == #"x.one_of: "add\u{a}_to_cart" is refused by v@1"#)
    let long = try #require(refusal(.value(.string(String(repeating: "é", count: 10_000)))))
    #expect("\(long)".count < 100)
  }

  private static func refusal(of input: FeatureInput, by contract: Contract) -> Refusal? {
    do throws(Refusal) {
      try contract.admit([input])
      return nil
    } catch {
      return error
    }
  }
}
