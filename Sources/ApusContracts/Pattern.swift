// A pattern says which whole strings are admitted. Its cost is bounded whoever writes it and whatever is matched: a
// program of at most `instructionCountMax` instructions takes each scalar of the text once, all its states side by side
// (Thompson's construction, Pike's loop), and never goes back. Definitions.md lists what may be written.

package struct Pattern: Sendable {
  package static let byteCountMax = 1_024
  package static let instructionCountMax = 1_024
  package static let repeatCountMax = 1_000
  package static let depthMax = 32
  /// Longer text matches no pattern: together with the program's size this bounds the work for one value.
  package static let textByteCountMax = 4_096

  package let source: String
  fileprivate let program: [Instruction]

  package init(_ source: String) throws(PatternFault) {
    self.source = source
    var parser = PatternParser(source)
    var compiler = PatternCompiler()
    try compiler.emit(try parser.parse())
    try compiler.append(.match)
    program = compiler.program
  }

  /// One step of a program. The targets are indices in it.
  enum Instruction: Sendable {
    case take(ScalarSet)
    case split(Int, Int)
    case jump(Int)
    case match
  }
}

extension Pattern: Equatable {
  package static func == (a: Pattern, b: Pattern) -> Bool { a.source.utf8.elementsEqual(b.source.utf8) }
}

extension Pattern {
  /// Whether the whole text matches.
  package func matches(_ text: String) -> Bool {
    guard text.utf8.count <= Self.textByteCountMax else { return false }
    var states = PatternStates(programCount: program.count)
    states.add(0, of: program)
    for scalar in text.unicodeScalars {
      guard states.step(over: scalar, program) else { return false }
    }
    return states.isMatch
  }
}

/// The instructions a text may be at, each at most once, so a step costs at most the program's length.
private struct PatternStates {
  private var current: [Int] = []
  private var next: [Int] = []
  private var pending: [Int] = []
  /// The step at which an instruction was last reached.
  private var reachedAt: [Int]
  private var step = 1
  private(set) var isMatch = false

  init(programCount: Int) {
    reachedAt = [Int](repeating: 0, count: programCount)
  }

  /// Reaches an instruction, and all that follow it without taking a scalar.
  mutating func add(_ index: Int, of program: [Pattern.Instruction]) {
    pending.append(index)
    while let index = pending.popLast() {
      guard reachedAt[index] != step else { continue }
      reachedAt[index] = step
      switch program[index] {
      case .take: current.append(index)
      case .split(let first, let second):
        pending.append(second)
        pending.append(first)
      case .jump(let target): pending.append(target)
      case .match: isMatch = true
      }
    }
  }

  /// Takes one scalar; false when nothing can match any more.
  mutating func step(over scalar: Unicode.Scalar, _ program: [Pattern.Instruction]) -> Bool {
    swap(&current, &next)
    current.removeAll(keepingCapacity: true)
    step += 1
    isMatch = false
    for index in next {
      if case .take(let set) = program[index], set.contains(scalar) { add(index + 1, of: program) }
    }
    return isMatch || !current.isEmpty
  }
}

/// A set of Unicode scalars: ranges that ascend and do not touch, and the first 128 as bits.
struct ScalarSet: Hashable, Sendable {
  private(set) var ranges: [ClosedRange<UInt32>]
  private let low: UInt64
  private let high: UInt64

  init(_ parts: [ClosedRange<UInt32>]) {
    var merged: [ClosedRange<UInt32>] = []
    for part in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, part.lowerBound <= last.upperBound &+ 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, part.upperBound)
      } else {
        merged.append(part)
      }
    }
    ranges = merged
    var bits: (low: UInt64, high: UInt64) = (0, 0)
    for value: UInt32 in 0..<128 where merged.contains(where: { $0.contains(value) }) {
      if value < 64 { bits.low |= 1 << UInt64(value) } else { bits.high |= 1 << UInt64(value - 64) }
    }
    (low, high) = bits
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let value = scalar.value
    if value < 64 { return low >> UInt64(value) & 1 == 1 }
    if value < 128 { return high >> UInt64(value - 64) & 1 == 1 }
    return ranges.contains { $0.contains(value) }
  }

  var inverted: ScalarSet {
    var gaps: [ClosedRange<UInt32>] = []
    var start: UInt32 = 0
    for range in ranges {
      if range.lowerBound > start { gaps.append(start...(range.lowerBound - 1)) }
      start = range.upperBound + 1
    }
    if start <= Self.last { gaps.append(start...Self.last) }
    return ScalarSet(gaps)
  }

  private static let last: UInt32 = 0x10FFFF

  static let digits = ScalarSet([0x30...0x39])
  static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let space = ScalarSet([0x09...0x0D, 0x20...0x20])
  static let anyButNewline = ScalarSet([0x0A...0x0A]).inverted
}

/// What a pattern says, as a tree.
indirect enum PatternNode: Sendable {
  case set(ScalarSet)
  case sequence([PatternNode])
  case choice([PatternNode])
  case repeated(PatternNode, atLeast: Int, atMost: Int?)
}

/// Turns the tree into a program. Stops at the limit, so that counted repeats of counted repeats cost nothing.
private struct PatternCompiler {
  private(set) var program: [Pattern.Instruction] = []

  mutating func append(_ instruction: Pattern.Instruction) throws(PatternFault) {
    guard program.count < Pattern.instructionCountMax else {
      throw PatternFault(at: nil, .tooComplex(limit: Pattern.instructionCountMax))
    }
    program.append(instruction)
  }

  mutating func emit(_ node: PatternNode) throws(PatternFault) {
    switch node {
    case .set(let set): try append(.take(set))
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .choice(let nodes): try emit(choice: nodes)
    case .repeated(let node, let least, let most):
      for _ in 0..<least {
        let start = program.count
        try emit(node)
        // What takes no instruction matches nothing but the empty text, however often.
        if program.count == start { return }
      }
      guard let most else { return try emit(loop: node) }
      var splits: [Int] = []
      for _ in least..<max(least, most) {
        splits.append(program.count)
        try append(.split(program.count + 1, program.count + 1))
        let start = program.count
        try emit(node)
        if program.count == start { break }
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    }
  }

  private mutating func emit(loop node: PatternNode) throws(PatternFault) {
    let start = program.count
    try append(.split(start + 1, start + 1))
    try emit(node)
    try append(.jump(start))
    program[start] = .split(start + 1, program.count)
  }

  private mutating func emit(choice nodes: [PatternNode]) throws(PatternFault) {
    var jumps: [Int] = []
    for node in nodes.dropLast() {
      let split = program.count
      try append(.split(split + 1, split + 1))
      try emit(node)
      jumps.append(program.count)
      try append(.jump(program.count))
      program[split] = .split(split + 1, program.count)
    }
    if let last = nodes.last { try emit(last) }
    for jump in jumps { program[jump] = .jump(program.count) }
  }
}
