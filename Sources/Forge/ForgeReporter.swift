import AsyncHTTPClient
import Diagnostics
import FoundationEssentials
import GitStore
import Logging
import NIOCore
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
  /// Created with the first request, because a client must be shut down once it exists.
  private var client: HTTPClient?
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

  private static let timeout = TimeAmount.seconds(10)
  private static let answerLimit = 1 << 20
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
    let last = client
    client = nil
    try? await last?.shutdown()
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
    do throws(SendFailure) {
      let token = try token()
      if reported[state.commit] == nil {
        let answer = try await send(settings.ask(state.commit, token: token))
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
      let answer = try await send(settings.report(state, token: token))
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
      case .away(let words): return later(nil, words)
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

  private enum SendFailure: Error {
    case noToken(String)
    case away(String)
  }

  private func token() throws(SendFailure) -> String {
    let bytes = FileManager.default.contents(atPath: settings.tokenFile) ?? Data()
    let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard token.count == 1 else {
      throw .noToken("\(settings.tokenFile) cannot be read, or holds no single token; check forge.tokenFile")
    }
    return String(token[0])
  }

  private func send(_ call: CommitCall) async throws(SendFailure) -> ForgeAnswer {
    var request = HTTPClientRequest(url: call.url)
    request.method = .init(rawValue: call.method.rawValue)
    for (name, value) in call.headers { request.headers.add(name: name, value: value) }
    if let body = call.body { request.body = .bytes(Array(body.utf8)) }
    let client = client ?? Self.connections()
    self.client = client
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      let body = try await response.body.collect(upTo: Self.answerLimit)
      let headers = response.headers.map { ($0.name.lowercased(), $0.value) }
      return ForgeAnswer(
        code: Int(response.status.code), headers: Dictionary(headers, uniquingKeysWith: { $1 }),
        body: Array(buffer: body))
    } catch {
      throw .away("it cannot be reached (\(Redaction.url("\(error)")))")
    }
  }

  /// Creates the HTTP client. Redirects are disallowed, because the redirect's target would receive the
  /// token.
  private static func connections() -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
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
