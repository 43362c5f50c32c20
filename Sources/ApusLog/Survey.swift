package import ApusBytes
import ApusSystem

/// What a file of frames holds, and where its tail was torn or its middle damaged: decided by the rule of `Format.md`,
/// never guessed. A survey changes nothing.
package struct Survey: Equatable, Sendable {
  package enum Tail: Equatable, Sendable {
    /// Nothing but zeroes behind the last frame.
    case clean
    /// The file was finished; nothing behind the seal counts.
    case sealed(Seal)
    /// Everything from `Cut.at` on is beyond every durable point and does not count.
    case torn(Cut)
  }

  /// A torn tail.
  package struct Cut: Equatable, Sendable {
    package var at: UInt64
    /// Behind the last byte that is not zero.
    package var contentEnd: UInt64
    package var fault: FrameFault
    /// Whole frames among what is cut, and their records: written after the last sync that returned.
    package var wholeFrames = 0
    package var lastLSN = LSN.none
  }

  /// Behind the last frame that counts.
  package var place: FramePlace
  package var tally = Tally()
  package var tail = Tail.clean
  package var damages: [Damage] = []
  /// The highest LSN known to be durable, from the file and from outside.
  package var durable: LSN

  /// Walks the frames of a file from `place`, its first.
  ///
  /// `durable` is what is known from outside to be durable, and `seal` what is known of a finished segment, in
  /// which nothing is ever torn. `each` sees every frame that counts, in order, and `damaged` the damage in its place
  /// between them.
  package static func walk(
    _ walker: inout FrameWalker, from place: FramePlace,
    in file: (id: FileID, kind: FileHeader.Kind, path: String),
    durable: LSN, seal: FileSeal? = nil, each: (FrameHeader, RawSpan) -> Void = { _, _ in },
    damaged: (Damage) -> Void = { _ in }
  ) throws(LogError) -> Survey {
    var survey = Survey(place: place, durable: durable)
    // Frames behind the first fault, walked once: their durable points judge every later fault too.
    var behind: Behind?

    while true {
      let offset = survey.place.offset
      let look = try lookOrRefuse(&walker, at: offset, kind: file.kind, path: file.path)
      let fault: FrameFault
      switch look {
      case .whole(let frame):
        survey.durable = max(survey.durable, frame.durable)
        guard let misplaced = survey.place.fault(of: frame) else {
          if frame.type == .seal {
            guard let seal = Seal(walker.payload) else {
              throw .unsupported(
                path: file.path, what: "byte \(offset): a seal of \(frame.payloadByteCount) bytes")
            }
            survey.tail = .sealed(seal)
            return survey
          }
          each(frame, walker.payload)
          survey.tally.add(frame, bytes: walker.header)
          survey.place.pass(frame)
          continue
        }
        fault = misplaced
      case .notWhole(let broken):
        fault = broken
      }

      let known: Behind
      if let behind { known = behind } else { known = try Behind(survey.place, in: &walker) }
      behind = known
      let content = known.contentEnd > offset ? known.contentEnd : nil
      survey.durable = max(survey.durable, known.durable)

      if survey.durable <= survey.place.lastLSN {
        if let seal {
          // Its records are whole and its seal is not; no crash takes a seal.
          let end = max(offset, seal.byteCount)
          let none = LSNRange(survey.place.nextBase, through: survey.place.lastLSN)
          survey.report(Damage(file: file.id, firstByte: offset, endByte: end, lsns: none), to: damaged)
          return survey
        }
        // Beyond every durable point.
        guard let content else { return survey }
        // What was kept behind earlier damage is not cut.
        let cut = survey.damages.isEmpty ? known : try Behind(survey.place, in: &walker)
        survey.tail = .torn(
          Cut(
            at: offset, contentEnd: content, fault: fault, wholeFrames: cut.frames, lastLSN: cut.lastLSN))
        return survey
      }
      guard let resumed = try walker.nextFrame(after: survey.place, in: file.kind) else {
        // Nothing whole follows, and something durable is missing.
        let lost = LSNRange(survey.place.nextBase, through: survey.durable)
        let end = max(Format.aligned(content ?? offset), seal?.byteCount ?? 0)
        let damage = Damage(file: file.id, firstByte: offset, endByte: end, lsns: lost)
        survey.report(damage, to: damaged)
        survey.place.skip(to: end, nextBase: survey.durable.next)
        return survey
      }
      let lost = LSNRange(survey.place.nextBase, through: resumed.base.previous)
      let damage = Damage(file: file.id, firstByte: offset, endByte: resumed.offset, lsns: lost)
      survey.report(damage, to: damaged)
      survey.place.resume(at: resumed)
    }
  }

  /// Walks a segment that the manifest lists.
  ///
  /// Its header was synced before it was listed, so no crash took that. Where an unfinished one has neither its header nor a frame, nothing says what
  /// there was: all that may have been, up to the ceiling, is lost, and no torn tail.
  static func walk(
    _ walker: inout FrameWalker, listed record: FileRecord, at path: String, hasHeader: Bool, durable: LSN,
    ceiling: LSN, each: (FrameHeader, RawSpan) -> Void = { _, _ in }, damaged: (Damage) -> Void = { _ in }
  ) throws(LogError) -> Survey {
    let file = (record.id, FileHeader.Kind.segment, path)
    let survey = try walk(
      &walker, from: FramePlace(after: record), in: file, durable: durable, seal: record.seal, each: each,
      damaged: damaged)
    guard !hasHeader, record.seal == nil, survey.tally.frames == 0, survey.damages.isEmpty else {
      return survey
    }
    return try walk(
      &walker, from: FramePlace(after: record), in: file, durable: max(durable, ceiling.previous), each: each,
      damaged: damaged)
  }

  private mutating func report(_ damage: Damage, to damaged: (Damage) -> Void) {
    damages.append(damage)
    damaged(damage)
  }

  /// What lies behind the first fault.
  private struct Behind {
    /// Behind the last byte that is not zero.
    let contentEnd: UInt64
    /// Of the whole frames.
    var durable = LSN.none
    var frames = 0
    var lastLSN = LSN.none

    init(_ place: FramePlace, in walker: inout FrameWalker) throws(LogError) {
      var at = place.offset
      let content = try wrapping { () throws(SystemError) in try walker.endOfContent(from: at) }
      contentEnd = content ?? at
      // Zeroes hold no frame.
      if content == nil { return }
      while let frame = try wrapping({ () throws(SystemError) in try walker.seek(from: at) }) {
        at = frame.end
        guard frame.epoch == place.epoch else { continue }
        durable = max(durable, frame.durable)
        frames += 1
        lastLSN = max(lastLSN, frame.nextBase.previous)
      }
    }
  }

  /// Looks at a frame; one that a newer program wrote refuses the whole file.
  private static func lookOrRefuse(
    _ walker: inout FrameWalker, at offset: UInt64, kind: FileHeader.Kind, path: String
  ) throws(LogError) -> FrameWalker.Look {
    let look = try wrapping { () throws(SystemError) in try walker.look(at: offset) }
    switch look {
    case .whole(let frame) where !frame.type.belongs(in: kind):
      throw .unsupported(path: path, what: "byte \(offset): \(FrameFault.unknownType(frame.type.rawValue))")
    case .notWhole(let fault) where fault.isUnsupported:
      throw .unsupported(path: path, what: "byte \(offset): \(fault)")
    default:
      return look
    }
  }
}

extension Survey {
  /// Whether a seal is the one of these frames, whose first has the LSN `first`. Where some are damaged, their sums are not known.
  func agrees(with seal: Seal, first: LSN) -> Bool {
    let expected = Seal(first: first, place: place, tally: tally)
    if damages.isEmpty { return seal == expected }
    return seal.lsns == expected.lsns && seal.byteCount == expected.byteCount
  }
}

extension FrameWalker {
  /// The next whole frame at or behind `place` that could follow what was walked up to there.
  mutating func nextFrame(after place: FramePlace, in kind: FileHeader.Kind) throws(LogError) -> FrameHeader?
  {
    var at = place.offset
    while let frame = try wrapping({ () throws(SystemError) in try seek(from: at) }) {
      if frame.epoch == place.epoch, frame.base >= place.nextBase, frame.type.belongs(in: kind) {
        return frame
      }
      at = frame.end
    }
    return nil
  }
}

extension FrameType {
  /// Whether a file of this kind holds frames of this type.
  func belongs(in kind: FileHeader.Kind) -> Bool {
    switch (self, kind) {
    case (.mark, _): true
    case (.records, .segment), (.seal, .segment), (.clock, .segment): true
    case (.snapshot, .manifest), (.edit, .manifest): true
    default: false
    }
  }
}
