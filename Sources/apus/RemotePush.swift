// `apus push` to a server: the file is read and typed here, by what the server says of the view, and the rows are judged there.

import ApusContracts
import ApusIngest
import ApusSystem
import ApusWire

enum RemotePush {
  private static let milliseconds: Int32 = 30_000

  static func run(
    _ options: Push.Options, to peer: Remote.Peer, option: String, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    var options = options
    if let zone = options.zone { options.load.zone = try Push.zone(zone) }
    // A file that cannot be read must not cost another holder its producer.
    let source = try PushPlan.source(options)
    var found: RemoteConnection?
    let begun = try begin(options, peer, option, &found)
    guard let connection = found.take() else { throw Trouble.misplaced }
    let (place, view, producer, stored) = (begun.place, begun.view, begun.producer, begun.stored)
    let plan = try PushPlan(
      options, view.target, at: place, option, hasEvents: view.hasEvents, stored: stored)
    var load = try plan.load(source)
    let choice = try plan.choice(resuming: load.resumption)
    let head = PushHead(choice: choice, project: options.project ?? "", view: view.target.spelling)
    let sink = WireSink(peer, connection, view.target, head, producer)
    let progress = Progress(isShown: !isJSON)
    if let stop = load.run(judging: sink, choice, progress) {
      throw plan.trouble(stop, load.report, isDryRun: false) { $0 }
    }
    let report = PushReport(load.report, plan, choice, isDryRun: false)
    report.give(isJSON, output)
    return report.code
  }

  /// What is known of the server when the first row is read.
  private struct Beginning {
    let place: String
    let view: DescribedView
    var producer: WireSink.Producer?
    var stored: [UInt8]?
  }

  /// With a producer a load waits for a server that is away, at its beginning as in its middle: nothing was sent yet, and nothing is
  /// loaded twice.
  private static func begin(
    _ options: Push.Options, _ peer: Remote.Peer, _ option: String, _ connection: inout RemoteConnection?
  ) throws(Trouble) -> Beginning {
    let clock = SystemClock()
    let giveUp = clock.monotonic().nanoseconds + WireSink.patienceNanoseconds
    while true {
      do throws(Trouble) {
        return try beginOnce(options, peer, option, &connection)
      } catch {
        guard options.producer != nil, error.isOfConnection, clock.monotonic().nanoseconds < giveUp else {
          throw error
        }
      }
      _ = Monitor(()).wait(for: UInt64(WireSink.pauseMilliseconds) * 1_000_000) { _ in false }
    }
  }

  private static func beginOnce(
    _ options: Push.Options, _ peer: Remote.Peer, _ option: String, _ found: inout RemoteConnection?
  ) throws(Trouble) -> Beginning {
    var connection = try peer.connect()
    let place = "\(connection.address)"
    let view = try described(options, &connection)
    guard !view.isRetired else { throw PushPlan.retired(options, at: place, option) }
    var beginning = Beginning(place: place, view: view)
    if let name = options.producer {
      let opened = try WireSink.open(name, &connection)
      beginning.producer = WireSink.Producer(
        name: name, id: opened.id, epoch: opened.epoch, lastSequence: opened.lastSequence)
      beginning.stored = opened.sourceOffset
    }
    found = consume connection
    return beginning
  }

  private static func described(
    _ options: Push.Options, _ connection: inout RemoteConnection
  ) throws(Trouble) -> DescribedView {
    let request = DescribeRequest(project: options.project ?? "", name: "\(options.view)")
    let place = "\(connection.address)"
    let reply: Result<[UInt8], WireRefusal> = try connection.exchange(
      .describe, milliseconds: milliseconds
    ) { request.encode(into: &$0) }
    let body: [UInt8]
    switch reply {
    case .success(let found): body = found
    case .failure(let refusal):
      guard refusal.code == .unknownName else { throw Trouble(refusal, from: connection.address) }
      throw Trouble(
        "unknown_view", "the server has no view `\(options.view)`", at: place,
        next: "`apus describe` lists what it has; with several projects, say --project NAME")
    }
    let json = try connection.read("the description", body) { (body) throws(WireError) in
      try DescribeReply(decoding: body).json
    }
    guard let view = DescribedView(json: json) else {
      throw Trouble(
        "unknown_view", "the server has no view `\(options.view)`, or describes it in another way", at: place,
        next: "`apus describe` lists what it has")
    }
    return view
  }
}
