import GitStore
import Logging
import Reports
import Values

/// Sends commit statuses to a forge, which shows them beside the commit and in the merge request.
///
/// Callers never wait. Nothing is stored across restarts: the reporter asks the forge once per commit for the status
/// that was sent before. No other decision depends on the forge.
public actor ForgeReporter {
  private let settings: ForgeSettings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private let standing: (@Sendable () -> StatusStanding)?
  private let connection: ForgeConnection
  private let backoff: Backoff

  private var queue = ForgeQueue()
  private var reported: [String: CommitState] = [:]
  private var failures = 0
  /// The number of attempts at which the owner of the status in git was not known yet.
  private var unknownStandings = 0
  /// The logged problems; each is logged once, until a request succeeds again.
  private var loggedProblems: Set<String> = []
  private let news: AsyncStream<Void>
  private let hasNews: AsyncStream<Void>.Continuation

  private static let reportedLimit = 512
  /// The retry interval while intervention is required.
  private static let interventionInterval = Duration.seconds(300)
  /// The maximum number of attempts, one per second, that wait for the first publication in git. That publication may
  /// never succeed, so commit statuses are sent after that.
  private static let standingLimit = 30

  /// - Parameters:
  ///   - standing: the owner of the status in git, which also owns the commit statuses. Those of another cluster are
  ///     not overwritten. With nil, the owner is not checked.
  ///   - now: in seconds since 1970.
  public init(
    _ settings: ForgeSettings, logger: Logger, clock: any Clock<Duration> = ContinuousClock(),
    standing: (@Sendable () -> StatusStanding)? = nil, now: @escaping @Sendable () -> Int,
    backoff: Backoff = Backoff(first: .seconds(1), limit: .seconds(300))
  ) {
    self.settings = settings
    connection = ForgeConnection(tokenFile: settings.tokenFile)
    self.logger = logger
    self.clock = clock
    self.now = now
    self.standing = standing
    self.backoff = backoff
    (news, hasNews) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Reports the current status of a commit; replaces its unsent state.
  ///
  /// - Parameter time: the commit's time, in seconds since 1970.
  public func report(_ report: CommitReport, of time: Int64 = 0) {
    queue.put(CommitState(report), of: time)
    hasNews.yield()
  }

  /// Sends states until the task is cancelled.
  public func run() async {
    for await _ in news {
      while let next = queue.first, !Task.isCancelled {
        guard let wait = await step(next) else { continue }
        guard (try? await clock.sleep(for: wait)) != nil else { return }
      }
    }
  }

  /// Sends the remaining states, stopping at the first that must wait, and closes the connections.
  ///
  /// - Parameter limit: the longest time for sending.
  public func close(within limit: Duration = .seconds(2)) async {
    await withTaskGroup { group in
      group.addTask { await self.tellRest() }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    await connection.close()
  }

  private func tellRest() async {
    while let next = queue.first, !Task.isCancelled {
      if await step(next) != nil { return }
    }
  }

  /// The number of states that are not sent yet.
  var backlog: Int { queue.count }

  // MARK: Sending

  /// Sends one state.
  ///
  /// - Returns: the delay before the next attempt; nil if this state is finished.
  private func step(_ state: CommitState) async -> Duration? {
    if let wait = waitForOwnership() { return wait }
    do throws(ForgeConnection.Failure) {
      let token = try await connection.token()
      if reported[state.commit] == nil {
        let answer = try await connection.send(settings.ask(state.commit, token: token))
        switch answer.meaning(now: now()) {
        case .done: remember(answer.json.flatMap { settings.reported(state.commit, $0) })
        case .later(let pause): return later(pause)
        // A token that may set states may lack permission to read them. Then a state may be sent a second
        // time.
        case .known, .refused, .hopeless: break
        }
      }
      let seen = settings.seen(state)
      guard seen.isNews(after: reported[state.commit]) else {
        queue.remove(state)
        return nil
      }
      let answer = try await connection.send(settings.report(state, token: token))
      switch answer.meaning(now: now()) {
      case .done, .known:
        failures = 0
        loggedProblems = []
        remember(seen)
        queue.remove(state)
        return nil
      case .later(let pause): return later(pause, "it answers \(answer.code)")
      case .refused(let words):
        complain(words)
        return Self.interventionInterval
      case .hopeless(let words):
        complain(words)
        queue.remove(state)
        return nil
      }
    } catch {
      switch error {
      case .noToken(let words):
        complain(words)
        return Self.interventionInterval
      case .away(let words), .tooLarge(let words): return later(nil, words)
      }
    }
  }

  /// The delay before the next attempt if commit statuses must not be written now; nil if they may.
  private func waitForOwnership() -> Duration? {
    switch standing?() {
    case nil, .own?: return nil
    case .unknown?:
      unknownStandings += 1
      return unknownStandings > Self.standingLimit ? nil : .seconds(1)
    case .foreign(let refusal)?:
      complain(
        "the commit statuses \(settings.context) are those of another cluster, and are not overwritten: \(refusal)"
      )
      return Self.interventionInterval
    }
  }

  private func remember(_ state: CommitState?) {
    guard let state else { return }
    if reported.count > Self.reportedLimit { reported = [:] }
    reported[state.commit] = state
  }

  private func later(_ pause: Duration?, _ words: String = "it asks for a pause") -> Duration {
    let wait = pause ?? backoff.delay(attempt: failures)
    failures += 1
    logger.info(
      "forge.later", metadata: ["forge": "\(settings.url)", "reason": "\(words)", "retry": "\(wait)"])
    return wait
  }

  private func complain(_ words: String) {
    guard loggedProblems.insert(words).inserted else { return }
    logger.warning("forge.refused", metadata: ["forge": "\(settings.url)", "reason": "\(words)"])
  }
}
