import Logging
import Reports
import Values

/// Writes the outcome of commits into comments on their merge requests.
///
/// Callers never wait, and nothing is stored over a restart: the outcome of a commit is written once it is final, and
/// again if it changes after that. A reporter that is closed writes what is left for a short time. No other decision
/// depends on comments.
public actor CommentReporter {
  private let settings: ForgeSettings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private let standing: (@Sendable () -> StatusStanding)?
  private let connection: ForgeConnection
  private let backoff: Backoff

  /// The outcomes to write, the oldest first.
  private var queue: [CommentSession] = []
  /// The last outcome of each commit that was queued.
  private var queued = BoundedHistory<String, OutcomeText>(limit: 512)
  private var failures = 0
  /// The logged problems; each is logged once, until an outcome is written again.
  private var loggedProblems: Set<String> = []
  private let news: AsyncStream<Void>
  private let hasNews: AsyncStream<Void>.Continuation

  private static let queueLimit = 64
  /// The retry interval while intervention is required.
  private static let interventionInterval = Duration.seconds(300)

  /// - Parameters:
  ///   - standing: the owner of the status in git, which also owns the comments. With nil, the owner is not checked.
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

  /// Writes the outcome of a commit if it is final and new; replaces its unwritten one.
  public func report(_ report: CommitReport) {
    let state = CommitState(report).state
    guard state == .success || state == .failed else { return }
    let text = OutcomeText(report, context: settings.context)
    guard queued[report.commit] != text else { return }
    queued[report.commit] = text
    queue.removeAll { $0.commit == report.commit }
    queue.append(CommentSession(commit: report.commit, text: text))
    if queue.count > Self.queueLimit { queue.removeFirst() }
    hasNews.yield()
  }

  /// Writes outcomes until the task is cancelled.
  public func run() async {
    for await _ in news {
      while let session = queue.first, !Task.isCancelled {
        guard let wait = await step(session) else { continue }
        guard (try? await clock.sleep(for: wait)) != nil else { return }
      }
    }
  }

  /// Writes the remaining outcomes, stopping at the first that must wait, and closes the connections.
  ///
  /// - Parameter limit: the longest time for writing.
  public func close(within limit: Duration = .seconds(2)) async {
    await withTaskGroup { group in
      group.addTask { await self.writeRest() }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    await connection.close()
  }

  private func writeRest() async {
    while let session = queue.first, !Task.isCancelled {
      if await step(session) != nil { return }
    }
  }

  /// The number of outcomes that are not written yet.
  var backlog: Int { queue.count }

  /// Sends one request of a session.
  ///
  /// - Returns: the delay before the next attempt; nil to go on at once.
  private func step(_ session: CommentSession) async -> Duration? {
    if let wait = waitForOwnership() { return wait }
    var session = session
    do throws(ForgeConnection.Failure) {
      let token = try await connection.token()
      guard let call = session.call(settings, token: token) else {
        remove(session)
        return nil
      }
      let answer = try await connection.send(call)
      switch session.take(answer, settings, now: now()) {
      case .next:
        replace(session)
        return nil
      case .finished:
        failures = 0
        loggedProblems = []
        remove(session)
        return nil
      case .later(let pause): return later(pause, "it answers \(answer.code)")
      case .refused:
        complain(
          "the token may not read or write comments (\(answer.code)); give it the scope api on GitLab, or pull "
            + "requests: write on GitHub")
        return Self.interventionInterval
      case .hopeless(let words):
        complain(words)
        remove(session)
        return nil
      }
    } catch {
      switch error {
      case .noToken(let words):
        complain(words)
        return Self.interventionInterval
      case .away(let words): return later(nil, words)
      case .tooLarge(let words):
        // Comments of others must not keep the outcomes of later commits from being written.
        complain("the comments of a merge request are not read: \(words)")
        remove(session)
        return nil
      }
    }
  }

  /// Puts the session's new state into the queue, unless a newer outcome has replaced it.
  private func replace(_ session: CommentSession) {
    guard let index = queue.firstIndex(where: { $0.commit == session.commit && $0.text == session.text })
    else {
      return
    }
    queue[index] = session
  }

  private func remove(_ session: CommentSession) {
    queue.removeAll { $0.commit == session.commit && $0.text == session.text }
  }

  /// The delay before the next attempt if another cluster owns the comments, or if that is not known yet.
  private func waitForOwnership() -> Duration? {
    switch standing?() {
    case nil, .own?: return nil
    case .unknown?: return .seconds(1)
    case .foreign(let refusal)?:
      complain("the comments of \(settings.context) are those of another cluster: \(refusal)")
      return Self.interventionInterval
    }
  }

  private func later(_ pause: Duration?, _ words: String) -> Duration {
    let wait = pause ?? backoff.delay(attempt: failures)
    failures += 1
    logger.info(
      "forge.comment.later", metadata: ["forge": "\(settings.url)", "reason": "\(words)", "retry": "\(wait)"])
    return wait
  }

  private func complain(_ words: String) {
    guard loggedProblems.insert(words).inserted else { return }
    logger.warning("forge.comment.refused", metadata: ["forge": "\(settings.url)", "reason": "\(words)"])
  }
}
