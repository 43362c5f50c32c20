// The stores that benchmarks fill and read: entities with a number for a key, and rows whose values tell which update
// wrote them.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem

/// Numbers below a bound, all as likely, and the same in every run.
struct Uniform: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  @inline(__always) mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}

/// What the rows of a view are made of.
enum RowShape {
  /// Ten float64.
  case features
  /// One vector of so many float32.
  case vector(Int)

  /// As a definition spells the features of a view.
  fileprivate func lines(_ view: Int) -> [String] {
    switch self {
    case .features: names(view).map { "\($0): {type: float64}" }
    case .vector(let count): names(view).map { "\($0): {type: \"float32[\(count)]\"}" }
    }
  }

  /// Different ones in every view: a vector has no two alike.
  func names(_ view: Int = 0) -> [String] {
    switch self {
    case .features: (0..<10).map { "v\(view)_f\($0)" }
    case .vector: ["v\(view)_f0"]
    }
  }

  /// Bytes of all values together.
  var byteCount: Int {
    switch self {
    case .features: 80
    case .vector(let count): 4 * count
    }
  }

  /// The values of update `number`.
  func fill(_ inputs: inout [FeatureInput], _ number: Int) {
    switch self {
    case .features:
      for place in 0..<10 { inputs[place] = .value(.float64(Double(number &* 16 &+ place))) }
    case .vector(let count):
      inputs[0] = .value(
        .vector(
          .float32(
            unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
              for place in 0..<count { unsafe buffer[place] = Float((number &+ place) & 0xffff) }
              filled = count
            })))
    }
  }

  /// The same as they lie in a row.
  func write(_ number: Int, to bytes: UnsafeMutableRawPointer) {
    switch self {
    case .features:
      for place in 0..<10 {
        unsafe bytes.storeBytes(
          of: Double(number &* 16 &+ place), toByteOffset: place &* 8, as: Double.self)
      }
    case .vector(let count):
      for place in 0..<count {
        unsafe bytes.storeBytes(
          of: Float((number &+ place) & 0xffff), toByteOffset: place &* 4, as: Float.self)
      }
    }
  }

  /// What a reader makes of the values: it looks at every byte.
  @inline(__always) func sum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    switch self {
    case .features: return unsafe Self.summed(bytes).bitPattern
    case .vector: return unsafe Self.folded(bytes)
    }
  }

  @inline(__always) static func summed(_ bytes: UnsafeRawBufferPointer) -> Double {
    var sum = 0.0
    for place in 0..<10 { sum += unsafe bytes.loadUnaligned(fromByteOffset: place &* 8, as: Double.self) }
    return sum
  }

  @inline(__always) static func folded(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum: UInt64 = 0
    var at = 0
    while at &+ 8 <= bytes.count {
      sum &+= unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      at &+= 8
    }
    return sum
  }
}

final class BenchStore {
  let store: Store
  let shape: RowShape
  let views: [CatalogView]
  /// Of each view its features, all of them.
  private(set) var vector: PreparedVector
  private var random = Uniform(seed: 42)

  /// Makes the store, or opens it again.
  init(
    _ path: String, _ bench: Bench, _ shape: RowShape = .features, views count: Int = 1,
    change: (inout StoreOptions) -> Void = { _ in }
  ) throws {
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    if bench.isToy { options.log.segmentByteCount = 4 << 20 }
    change(&options)
    self.shape = shape
    let opened = try Store.open(path, on: bench.disk, random: &random, options: options)
    store = opened
    if opened.report.log.created { _ = try opened.apply(Self.definition(shape, count)) }
    views = try (0..<count).map { place in
      guard let name = VersionedName(spelling: "v\(place)"),
        let view = opened.catalog.view(name, in: "bench")
      else { throw BenchError("the store lacks the view v\(place)") }
      return view
    }
    vector = try Self.vector(opened, shape, views: count)
  }

  private static func definition(_ shape: RowShape, _ count: Int) throws -> ProjectDefinition {
    var lines = ["project: bench", "entities:", "  thing: {keys: {id: int64}}", "views:"]
    for view in 0..<count {
      lines += ["  v\(view):", "    entity: thing", "    ttl: 30d", "    features:"]
      lines += shape.lines(view).map { "      \($0)" }
    }
    let text = lines.joined(separator: "\n") + "\n"
    return try DefinitionReader.read([DefinitionFile(name: "bench.yaml", bytes: Array(text.utf8))])
  }

  /// Ready for the features of the first views.
  func vector(views count: Int) throws -> PreparedVector { try Self.vector(store, shape, views: count) }

  private static func vector(_ store: Store, _ shape: RowShape, views count: Int) throws -> PreparedVector {
    let features = (0..<count).flatMap { view in shape.names(view).map { "v\(view):\($0)" } }
    return try store.vector(features: features, in: "bench")
  }

  /// Bytes that the index keeps for a row of one event.
  var valueByteCount: Int {
    let cells =
      switch shape {
      // The states with n, then ten slots; or then the end of one vector.
      case .features: 8 + 80
      case .vector(let count): 8 + 4 + 4 * count
      }
    return IndexFormat.valueHeaderByteCount + 8 + 24 + cells
  }

  /// The keys of the first view, as the index has them.
  func key() -> WholeKey { WholeKey(vector) }
}

/// The key of a row of the index, made anew for each number.
struct WholeKey: ~Copyable {
  private let vector: PreparedVector
  private var encoder = KeyEncoder()
  private var key = IndexKey()

  fileprivate init(_ vector: PreparedVector) { self.vector = vector }

  @inline(__always) mutating func set(_ number: Int) throws {
    encoder.removeAll()
    try encoder.append(int64: Int64(number))
    Self.set(&key, encoder, vector)
  }

  // It borrows one part while another changes.
  @inline(__always)
  private static func set(_ key: inout IndexKey, _ encoder: borrowing KeyEncoder, _ vector: PreparedVector) {
    key.set(
      project: vector.roles[0].project.rawValue, entity: vector.roles[0].entity.rawValue,
      key: encoder.bytes, view: vector.groups[0].view.rawValue)
  }

  var bytes: RawSpan { @_lifetime(borrow self) get { key.bytes } }
}

/// A value of bare LMDB that takes as many bytes as the index's for the same row.
struct BareValue: ~Copyable {
  private var block: ByteBlock
  private let shape: RowShape
  private let at: Int

  init(of store: BenchStore) {
    shape = store.shape
    block = ByteBlock(byteCount: store.valueByteCount)
    at = store.valueByteCount - store.shape.byteCount
  }

  mutating func set(_ number: Int) {
    let (shape, at) = (shape, at)
    var bytes = block.mutableBytes
    unsafe bytes.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe shape.write(number, to: start + at)
    }
  }

  var bytes: RawSpan { @_lifetime(borrow self) get { block.bytes } }
}
