// What bounds a session, besides what an operator sets. Server.md says what happens at each.

package enum SessionLimits {
  /// Jobs that wait for a worker.
  package static let workerJobsMax = 4_096
  /// Reads of the past that wait: each may read files for a while.
  package static let pastJobsMax = 256
  /// How far ahead of the clock the time of a receipt may be.
  package static let receiptSkewNanosecondsMax: Int64 = 60_000_000_000
  /// Vectors that a connection has prepared and not released.
  package static let handlesMax = 1_024
  /// Columns of a prepared vector.
  package static let columnsMax = 4_096
  /// Rows of a request that are admitted on the loop's thread; more are a worker's.
  package static let rowsOnLoopMax = 1_000
  /// And bytes.
  package static let byteCountOnLoopMax = 262_144
  /// GETs that are answered together.
  package static let togetherMax = 32
  /// No further one of them is begun when their replies have so many bytes.
  package static let togetherByteCountMax = 65_536
  /// Bodies that wait behind an answer that takes long, before the connection is not read any more.
  package static let deferredByteCountMax = 1_048_576
  /// A page of SCAN has at most so many bytes of rows, or what the longest body holds; one row may pass it.
  package static let scanByteCountMax = 4_194_304
  /// Of a page of SCAN.
  package static let scanRowsMax = 65_535
  /// A page of HISTORY has at most so many bytes of events, or what the longest body holds; one event may pass it.
  package static let historyByteCountMax = 4_194_304
  /// Of a page of HISTORY.
  package static let historyEventsMax = 10_000
  /// What a stream takes ahead of its file, and half of what it may have made ahead of the client.
  package static let streamWindowByteCount = 1_048_576
  package static let streamPieceByteCount = 262_144
  /// Unread replies of a connection behind which no stream puts more.
  package static let streamAheadByteCount = 262_144
  /// Asked again after so long, when the answer was OVERLOADED.
  package static let overloadedWaitMilliseconds: UInt32 = 20
  /// And when an LSN was not visible yet.
  package static let notYetWaitMilliseconds: UInt32 = 1
  /// And when the index is made anew, the disk is full or something else takes long.
  package static let troubleWaitMilliseconds: UInt32 = 1_000
  /// The answer to a wrong token comes after this; twice as late after each other one of late, up to the greatest.
  package static let wrongTokenNanosecondsMin: UInt64 = 10_000_000
  package static let wrongTokenNanosecondsMax: UInt64 = 2_000_000_000
}

/// What an operator sets, as sessions see it.
package struct SessionOptions: Equatable, Sendable {
  /// The longest body after HELLO, of requests and of replies.
  package var bodyByteCountMax = 8 << 20
  package var inFlightMax = 256
  /// Keys of one GET, rows of one PUSH.
  package var rowsMax = 10_000
  /// The shortest reply that is compressed for those who ask for it; 0: none is.
  package var compressFrom = 4_096
  /// At a time.
  package var exportsMax = 1
  /// What one holds in memory, about.
  package var exportByteCount = 256 << 20
  /// Of a spine.
  package var exportSpineByteCountMax = 16 << 30
  /// How long a stream waits for its client.
  package var exportIdleNanoseconds: UInt64 = 60_000_000_000
  /// Name and version, for people.
  package var server = "apus"

  package init() {}
}
