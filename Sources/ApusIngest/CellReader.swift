// From what a file says to the value of a type, exactly or not at all. What is no value of the type stays what it was, as a
// value of another one, so that the contract refuses the row by its rule *type* and keeps it whole: nothing is lost here.

import ApusContracts

/// Reads the cells of one load.
struct CellReader {
  var times: TimeReader
  /// Whether a cell since this was last cleared was no value of its type, and if a time wanted a unit.
  private(set) var hasMisfit = false
  private(set) var wantsUnit = false

  init(_ times: TimeReader) { self.times = times }

  mutating func clear() {
    hasMisfit = false
    wantsUnit = false
  }

  mutating func noteMisfit() { hasMisfit = true }

  // MARK: CSV

  /// The cell as text; null was told apart before.
  mutating func value(text: Span<UInt8>, as type: FeatureType) -> Value {
    let found: Value? =
      switch type.shape {
      case .scalar: scalar(text: text, as: type.element)
      case .list, .vector: many(text: text, as: type)
      }
    if let found, found.type == type { return found }
    hasMisfit = true
    return found ?? Self.misfit(text, for: type)
  }

  private mutating func scalar(text: Span<UInt8>, as type: ElementType) -> Value? {
    switch type {
    case .bool:
      if Texts.reads(text, "true") { return .bool(true) }
      return Texts.reads(text, "false") ? .bool(false) : nil
    case .int32: return NumberText.int64(text).flatMap { Int32(exactly: $0) }.map { .int32($0) }
    case .int64: return NumberText.int64(text).map { .int64($0) }
    case .float32, .float64:
      guard let value = NumberText.float64(text) ?? NumberText.notFinite(text) else { return nil }
      return Self.float(value, as: type)
    case .string: return Texts.string(text).map { .string($0) }
    case .bytes: return Base64.decode(text).map { .bytes($0) }
    case .timestamp: return moment(text).map { .timestamp(nanoseconds: $0) }
    }
  }

  /// A float32 is rounded as every producer's is; one that only rounding would make infinite is none.
  private static func float(_ value: Double, as type: ElementType) -> Value? {
    guard type == .float32 else { return .float64(value) }
    let rounded = Float(value)
    return rounded.isFinite || !value.isFinite ? .float32(rounded) : nil
  }

  private mutating func moment(_ text: Span<UInt8>) -> Int64? {
    switch times.read(text) {
    case .moment(let nanoseconds): return nanoseconds
    case .wrong(let fault):
      if fault == .needsUnit { wantsUnit = true }
      return nil
    }
  }

  private mutating func many(text: Span<UInt8>, as type: FeatureType) -> Value? {
    guard (try? UTF8Span(validating: text)) != nil else { return nil }
    var parser = JSONParser(text)
    guard case .array(let range)? = try? parser.value(), (try? parser.finish()) != nil else { return nil }
    return many(range, in: text, as: type)
  }

  /// What is certainly no value of the type.
  static func misfit(_ text: Span<UInt8>, for type: FeatureType) -> Value {
    if type != .string, let spelled = Texts.string(text) { return .string(spelled) }
    let bytes = Texts.bytes(text)
    return type == .bytes ? .list(.bytes([bytes])) : .bytes(bytes)
  }

  // MARK: JSON

  /// The value at `raw` of the line, which is not null.
  mutating func value(
    json: JSONValue, raw: Range<Int>, in line: Span<UInt8>, as type: FeatureType
  ) -> Value {
    let found: Value? =
      switch (type.shape, json) {
      case (.scalar, _): scalar(json, in: line, as: type.element)
      case (_, .array(let range)): many(range, in: line, as: type)
      default: nil
      }
    if let found, found.type == type { return found }
    hasMisfit = true
    return found ?? Self.misfit(json, raw, line, for: type)
  }

  private mutating func scalar(_ json: JSONValue, in line: Span<UInt8>, as type: ElementType) -> Value? {
    switch (json, type) {
    case (.bool(let value), .bool): return .bool(value)
    case (.number(let range), .int32), (.number(let range), .int64), (.number(let range), .float32),
      (.number(let range), .float64), (.number(let range), .timestamp):
      return scalar(text: line.extracting(range), as: type)
    case (.string(let text), .string): return .string(JSONParser(line).string(text))
    case (.string(let text), .bytes), (.string(let text), .timestamp):
      return withText(text, line) { reader, text in
        // A number in quotes is a text, which no unit makes a time of.
        if type == .timestamp, NumberText.int64(text) != nil { return nil }
        return reader.scalar(text: text, as: type)
      }
    case (.string(let text), .float32), (.string(let text), .float64):
      return withText(text, line) { _, text in
        NumberText.notFinite(text).flatMap { Self.float($0, as: type) }
      }
    default: return nil
    }
  }

  /// A moment in a text, or a number of the load's unit.
  mutating func moment(json: JSONValue, in line: Span<UInt8>) -> TimeFound {
    switch json {
    case .number(let range): return times.read(line.extracting(range))
    case .string(let text):
      guard text.hasEscapes else {
        let spelled = line.extracting(text.range)
        return NumberText.int64(spelled) == nil ? times.read(spelled) : .wrong(.notATime)
      }
      let plain = JSONParser(line).unescaped(text)
      return NumberText.int64(plain.span) == nil ? times.read(plain.span) : .wrong(.notATime)
    default: return .wrong(.notATime)
    }
  }

  private mutating func withText(
    _ text: JSONText, _ line: Span<UInt8>, _ body: (inout CellReader, Span<UInt8>) -> Value?
  ) -> Value? {
    guard text.hasEscapes else { return body(&self, line.extracting(text.range)) }
    let plain = JSONParser(line).unescaped(text)
    return body(&self, plain.span)
  }

  private static func misfit(
    _ json: JSONValue, _ raw: Range<Int>, _ line: Span<UInt8>, for type: FeatureType
  ) -> Value {
    switch json {
    case .bool(let value) where type != .bool: return .bool(value)
    case .string(let text) where type != .string: return .string(JSONParser(line).string(text))
    case .number(let range):
      let text = line.extracting(range)
      if type != .int64, let whole = NumberText.int64(text) { return .int64(whole) }
      if type != .float64, let decimal = NumberText.float64(text) { return .float64(decimal) }
    default: break
    }
    return misfit(line.extracting(raw), for: type)
  }

  // MARK: Lists and vectors

  /// Nil when an element is no value of the type. A vector of another length is a value, and refused as one.
  private mutating func many(_ range: Range<Int>, in line: Span<UInt8>, as type: FeatureType) -> Value? {
    let text = line.extracting(range)
    guard let elements = elements(text, of: type.element) else { return nil }
    return type.shape == .list ? .list(elements) : .vector(elements)
  }

  private mutating func elements(_ text: Span<UInt8>, of type: ElementType) -> Value.Elements? {
    switch type {
    case .bool:
      all(text, type) { if case .bool(let value) = $0 { value } else { nil } }.map { .bool($0) }
    case .int32:
      all(text, type) { if case .int32(let value) = $0 { value } else { nil } }.map { .int32($0) }
    case .int64:
      all(text, type) { if case .int64(let value) = $0 { value } else { nil } }.map { .int64($0) }
    case .float32:
      all(text, type) { if case .float32(let value) = $0 { value } else { nil } }.map { .float32($0) }
    case .float64:
      all(text, type) { if case .float64(let value) = $0 { value } else { nil } }.map { .float64($0) }
    case .string:
      all(text, type) { if case .string(let value) = $0 { value } else { nil } }.map { .string($0) }
    case .bytes:
      all(text, type) { if case .bytes(let value) = $0 { value } else { nil } }.map { .bytes($0) }
    case .timestamp:
      all(text, type) { if case .timestamp(let value) = $0 { value } else { nil } }
        .map { .timestamp(nanoseconds: $0) }
    }
  }

  private mutating func all<T>(_ text: Span<UInt8>, _ type: ElementType, _ body: (Value) -> T?) -> [T]? {
    var parser = JSONParser(text)
    var found: [T] = []
    do throws(JSONFault) {
      try parser.beginArray()
      while try parser.hasElement(isFirst: found.isEmpty) {
        let json = try parser.value()
        guard let value = scalar(json, in: text, as: type), let element = body(value) else { return nil }
        found.append(element)
      }
    } catch {
      return nil
    }
    return found
  }
}
