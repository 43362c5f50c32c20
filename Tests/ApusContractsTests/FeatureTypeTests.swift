import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Types and values")
struct FeatureTypeTests {
  private var all: [FeatureType] {
    ElementType.allCases.flatMap { element in
      [.scalar(element), .list(of: element)]
        + [1, 2, 384, 65_535].compactMap { FeatureType.vector(of: element, count: $0) }
    }
  }

  @Test("a type is spelled as it is read, and has a number of its own")
  func spelling() throws {
    #expect(all.count == 8 + 8 + 16)
    for type in all {
      #expect(try FeatureType(spelling: "\(type)") == type)
      #expect(FeatureType(id: type.id) == type)
    }
    #expect(Set(all.map(\.id)).count == all.count)
    #expect(try FeatureType(spelling: "float32[384]").vectorByteCount == 1536)
    #expect("\(FeatureType.list(of: .string))" == "list<string>")
  }

  @Test(
    "nothing else is a type",
    arguments: [
      "", "int", "Int64", "float32[0]", "float32[-1]", "float32[+4]", "float32[04]", "float32[65536]",
      "float32[]", "float32[ 4]", "string[4]", "bool[4]", "timestamp[4]", "list<>", "list<list<int64>>",
      "list<float32[4]>", "list<int64", "int64>", "[4]", "float32[4]]", " int64", "int64 ",
      "float32[99999999999999999999]", "list",
    ])
  func nonsense(text: String) {
    #expect(throws: FeatureType.Fault.self) { try FeatureType(spelling: text) }
  }

  @Test("a number that stands for no type is none")
  func numbers() {
    for id: UInt32 in [0, 9, 0x0301, 0x0201, 0x0206, 0x10206, 0x10001, 0x10104, 0x0204, .max] {
      #expect(FeatureType(id: id) == nil, "\(id)")
    }
    // Ids are on disks: they never change.
    #expect(FeatureType.timestamp.id == 8)
    #expect(FeatureType.list(of: .string).id == 0x0106)
    #expect(FeatureType.vector(of: .float32, count: 384)?.id == 0x0180_0204)
  }

  @Test("values are equal when their bits are")
  func equality() {
    let quiet = Double(bitPattern: 0x7ff8_0000_0000_0001)
    #expect(Value.float64(.nan) == .float64(.nan))
    #expect(Value.float64(.nan) != .float64(quiet))
    #expect(Value.float64(0) != .float64(-0.0))
    #expect(Value.float32(.nan) == .float32(.nan))
    #expect(Value.string("é") != .string("e\u{301}"))
    #expect(Value.list(.string(["é"])) != .list(.string(["e\u{301}"])))
    #expect(Value.int32(1) != .int64(1))
    #expect(Value.int64(1) != .timestamp(nanoseconds: 1))
    #expect(Value.list(.float32([.nan])) == .list(.float32([.nan])))
    #expect(Value.list(.float32([1])) != .vector(.float32([1])))
    #expect(Value.vector(.float32([1])).type == .vector(of: .float32, count: 1))
    #expect(Value.vector(.float32([])).type == nil)
  }

  @Test("a key of any types reads back as it was written")
  func keys() throws {
    var encoder = KeyEncoder()
    for seed in UInt64(1)...1000 {
      var random = SplitMix64(seed: seed)
      let schema = KeySchema((0..<random.within(1...4)).map { _ in random.pick(KeyType.allCases) })
      let key = schema.parts.map { random.value(.scalar($0.element)) }
      try schema.encode(key, into: &encoder)
      let read = try schema.decode(encoder.bytes)
      #expect(read == key, "seed \(seed)")
    }
    #expect(KeyType.allCases.allSatisfy { KeyType(spelling: "\($0)") == $0 })
    #expect(KeyType(spelling: "float64") == nil)
    // The ids of a key's types are those of a feature's elements.
    #expect(KeyType.allCases.allSatisfy { $0.rawValue == $0.element.rawValue })
  }

  @Test("a key that does not fit its schema is refused, part by part")
  func keyRefusals() throws {
    let schema = KeySchema([.int32, .string])
    var encoder = KeyEncoder()
    func refusal(_ values: [Value]) -> KeyError? {
      do throws(KeyError) {
        try schema.encode(values, into: &encoder)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal([.int32(1)]) == .partCount(expected: 2, found: 1))
    #expect(refusal([.int64(1), .string("")]) == .partType(part: 0, expected: .int32, found: .int64))
    #expect(
      refusal([.int32(1), .list(.string([]))]) == .partType(part: 1, expected: .string, found: nil))
    #expect(
      refusal([.int32(1), .string(String(repeating: "a", count: 396))])
        == .encoding(part: 1, .keyTooLong(byteCount: 401, limit: 400)))
    #expect(refusal([.int32(1), .string(String(repeating: "a", count: 395))]) == nil)
    func undecodable(_ key: Bytes) -> KeyError? {
      do throws(KeyError) {
        _ = try schema.decode(unsafe key.span.bytes)
        return nil
      } catch {
        return error
      }
    }
    #expect(undecodable([0x80, 0, 0, 0, 0x61, 0]) == nil)
    #expect(undecodable([0x80, 0, 0, 0, 0x61]) == .encoding(part: 1, .badKey(at: 4, .unterminated)))
    #expect(undecodable([0x80, 0, 0, 0, 0, 0]) == .encoding(part: 2, .badKey(at: 5, .trailingBytes(1))))
  }
}
