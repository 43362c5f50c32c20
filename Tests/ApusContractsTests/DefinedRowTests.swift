import ApusContracts
import Testing

@Suite("From a definition to a cell")
struct DefinedRowTests {
  private func builtRow(
    _ inputs: [FeatureInput], _ contract: Contract, _ layout: RowLayout, at stamp: Stamp
  ) throws -> Bytes {
    try contract.admit(inputs)
    var all = [FeatureInput](repeating: .absent, count: layout.count)
    for (feature, input) in zip(contract.features, inputs) { all[Int(feature.index)] = input }
    return try row(all, layout, at: stamp)
  }

  private func version(_ registry: Registry) throws -> (Contract, RowLayout, RegisteredVersion) {
    let version = try #require(registry[ViewVersionID(1)])
    let contract = try #require(Contract(of: version.id, in: registry))
    return (contract, try #require(RowLayout(of: version)), version)
  }

  @Test("rows of a defined view are admitted, built, folded and judged, across its revisions")
  func wholeWay() throws {
    var registry = Registry()
    try apply(try define(exampleText).get(), to: &registry)
    let (early, earlyLayout, _) = try version(registry)
    try apply(
      try example("last_action:    {type: string, one_of: [buy, refund]}", "country: {type: string}"),
      to: &registry)
    let (contract, layout, version) = try version(registry)
    #expect(earlyLayout.slots.map(\.type) == Array(layout.slots.map(\.type).dropLast()))
    #expect(contract.features.map(\.index) == [0, 1, 3, 4])
    #expect(contract.revision == early.revision + 1)

    let embedding = Value.vector(.float32([Float](repeating: 0.5, count: 64)))
    let first = try builtRow(
      [.value(.int64(1)), .null, .value(.string("buy")), .value(embedding)], early, earlyLayout,
      at: stamp(10, 0, 1))
    let second = try builtRow(
      [.value(.int64(2)), .absent, .absent, .value(.string("de"))], contract, layout, at: stamp(20, 0, 2))
    let folded = try fold(first, second, layout)
    #expect(try fold(second, first, layout) == folded)
    #expect(
      try inputs(folded, layout) == [
        .value(.int64(2)), .null, .value(.string("buy")), .value(embedding), .value(.string("de")),
      ])

    let ttl = try #require(version.settings.ttl).nanoseconds
    func statuses(of bytes: Bytes, at moment: Int64) throws -> [CellStatus] {
      try withRow(bytes, layout) { row in
        layout.slots.map {
          row.cell($0.index).status(at: ReadTime(nanoseconds: moment), ttlNanoseconds: ttl).status
        }
      }
    }
    #expect(try statuses(of: second, at: 30) == [.present, .notFound, .notFound, .notFound, .present])
    #expect(try statuses(of: folded, at: 10 + ttl) == [.present, .nullValue, .present, .present, .present])
    #expect(
      try statuses(of: folded, at: 15 + ttl)
        == [.present, .outsideMaxAge, .outsideMaxAge, .outsideMaxAge, .present])

    #expect(throws: Refusal.self) { try contract.admit([.value(.int64(-1)), .absent, .absent, .absent]) }
    #expect(throws: Refusal.self) { try contract.admit([.value(.int32(1)), .absent, .absent, .absent]) }
  }

  @Test("a service's default is a value of its feature's type, however it was written")
  func defaults() throws {
    var registry = Registry()
    let text = exampleText.replacing("txn_count_24h:  {type: int64", with: "txn_count_24h:  {type: float32")
    try apply(try define(text).get(), to: &registry)
    #expect(registry.serviceVersions[0].defaults.map(\.value) == [.float32(0)])
  }

  @Test("a value that no definition has is refused in a record")
  func records() throws {
    func encoded(min: Value) -> [UInt8] {
      var feature = FeatureDefinition(name: "x", type: .float64)
      feature.rules.min = min
      return RegistryChange.version(
        ViewVersionID(1), ViewID(1), 1, EntityID(1), ViewSettings(), [feature]
      ).encoded
    }
    _ = try RegistryChange(decoding: encoded(min: .float64(0)))
    for min in [Value.float64(-0.0), .int64(0), .string("0")] {
      #expect(throws: RegistryError.badField(14, in: .feature)) {
        try RegistryChange(decoding: encoded(min: min))
      }
    }
  }

  private func wide(_ names: Range<Int>) -> String {
    """
    project: p
    entities: {e: {keys: {k: int64}}}
    views: {v: {entity: e, ttl: none, features: {\(names.map { "f\($0): {type: bool}" }.joined(separator: ", "))}}}
    """
  }

  @Test("a view has as many features as its rows hold, those once removed included")
  func widest() throws {
    let limit = RowFormat.featureCountMax
    var registry = Registry()
    try apply(try define(wide(0..<limit)).get(), to: &registry)
    #expect(RowLayout(of: try #require(registry[ViewVersionID(1)]))?.count == limit)

    let errors = define(wide(0..<limit + 1)).errors
    #expect(errors.count == 1)
    #expect(errors[0].hasSuffix("there are too many features, at most 2048 allowed"))

    let next = try define(wide(1..<limit + 1)).get()
    let error = PlanError.tooManyFeatures(view: "v", count: limit + 1, limit: limit)
    let refused = #expect(throws: PlanErrors.self) { try registry.plan(next) }
    #expect(refused?.errors == [error])
    #expect(
      "\(error)"
        == "v: it would have 2049 features, those once removed included, at most 2048 allowed; begin another view"
    )

    let many = (0...limit).map { FeatureDefinition(name: "f\($0)", type: .bool) }
    let tooMany = RegistryError.tooMany(.feature, count: limit + 1, limit: limit)
    #expect(throws: tooMany) {
      try registry.apply(
        .version(ViewVersionID(2), ViewID(1), 2, EntityID(1), ViewSettings(), many))
    }
    #expect(throws: tooMany) {
      try registry.apply(
        .revised(
          ViewVersionID(1), revision: 2, ViewSettings(), many.map { RegisteredFeature(definition: $0) }))
    }
  }

  @Test("the longest vector that can be defined is held by a row")
  func longest() throws {
    var registry = Registry()
    let text = exampleText.replacing("float32[64]", with: "float64[65535]")
    try apply(try define(text).get(), to: &registry)
    let (contract, layout, _) = try version(registry)
    let vector = FeatureInput.value(.vector(.float64([Double](repeating: 1.5, count: 65_535))))
    let bytes = try builtRow([.absent, .absent, .absent, vector], contract, layout, at: stamp(1, 0, 1))
    #expect(try inputs(bytes, layout)[3] == vector)
  }
}
