internal import CZstd

/// What similar small records have in common, learnt from samples, so that each need not say it again.
///
/// A dictionary is always a trained one that carries a number, and every frame made with it carries the same:
/// so a frame is never read with the wrong one. Raw content as a dictionary, which zstd knows too, has no
/// number and is refused.
package struct ZstdDictionary: Sendable, Hashable {
  /// The dictionary as it is stored; `init(_:)` takes it back.
  package let bytes: [UInt8]
  /// The number that frames carry. Never 0.
  package let id: UInt32

  /// Checks bytes that `train` made once.
  package init(_ bytes: [UInt8]) throws(BytesError) {
    id = unsafe bytes.withUnsafeBytes { unsafe ZSTD_getDictID_fromDict($0.baseAddress, $0.count) }
    self.bytes = bytes
    guard id != 0 else { throw .dictionary(.notADictionary) }
    // The number alone proves little: let both sides read the tables too.
    let isReadable = unsafe bytes.withUnsafeBytes { content in
      let forReading = unsafe ZSTD_createDDict(content.baseAddress, content.count)
      let forWriting = unsafe ZSTD_createCDict(
        content.baseAddress, content.count, ZstdLevel.standard.rawValue)
      defer {
        // Freeing nil does nothing.
        _ = unsafe ZSTD_freeDDict(forReading)
        _ = unsafe ZSTD_freeCDict(forWriting)
      }
      return unsafe forReading != nil && forWriting != nil
    }
    guard isReadable else { throw .dictionary(.notADictionary) }
  }

  /// Learns a dictionary of at most `byteCountMax` bytes. Give it thousands of records, in total about a
  /// hundred times the dictionary's size; too few, or too much alike, and zstd refuses.
  package static func train(
    from samples: [[UInt8]], byteCountMax: Int = 16 * 1024
  ) throws(BytesError) -> ZstdDictionary {
    precondition(byteCountMax >= 0, "a dictionary's size cannot be negative")
    guard let sampleCount = UInt32(exactly: samples.count) else {
      throw .dictionary(.refused("more samples than can be counted in 32 bits"))
    }
    let content = Array(samples.joined())
    let sizes = samples.map(\.count)
    var dictionary = [UInt8](repeating: 0, count: byteCountMax)
    let written = unsafe dictionary.withUnsafeMutableBytes { target in
      unsafe content.withUnsafeBytes { content in
        unsafe sizes.withUnsafeBufferPointer { sizes in
          // The sizes add up to the content's, which is what this function walks over.
          unsafe ZDICT_trainFromBuffer(
            target.baseAddress, target.count, content.baseAddress, sizes.baseAddress, sampleCount)
        }
      }
    }
    if ZDICT_isError(written) != 0 {
      throw .dictionary(.refused(unsafe String(cString: ZDICT_getErrorName(written))))
    }
    return try ZstdDictionary(Array(dictionary.prefix(written)))
  }
}
