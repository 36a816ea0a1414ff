import Values

/// Brings the outcome of one commit into a comment on its merge request: decides the next request from each answer.
///
/// The outcome becomes a section of the plan's comment. If there is no plan, or the forge does not let this token edit
/// it, it becomes a comment of its own.
struct CommentSession: Sendable {
  private enum State: Sendable, Hashable {
    /// Looks for the merge request. Can transition to: reading, finished.
    case finding
    /// Reads the comments. Can transition to: editing, adding, finished.
    case reading(MergeRequest, page: Int, plan: MergeRequestComment?)
    /// Writes the section into a comment. Can transition to: adding, finished.
    case editing(MergeRequest, MergeRequestComment)
    /// Adds a comment. Can transition to: finished.
    case adding(MergeRequest)
    case finished
  }

  /// The next step after the forge's response.
  enum Progress: Sendable, Hashable {
    /// `call` returns the next request.
    case next
    /// There is nothing left to do.
    case finished
    /// The same request is sent again: after this delay, or after a backoff if it is nil.
    case later(Duration?)
    /// The same request is sent again after the token or its permissions were corrected.
    case refused(String)
    /// The forge does not accept the comment.
    case hopeless(String)
  }

  /// The number of pages of comments that are read.
  static let pageLimit = 10

  let commit: String
  let text: OutcomeText
  private var state = State.finding

  init(commit: String, text: OutcomeText) { (self.commit, self.text) = (commit, text) }

  /// The request to send now; nil if the session is finished.
  func call(_ settings: ForgeSettings, token: String) -> CommitCall? {
    switch state {
    case .finding: settings.mergeRequests(of: commit, token: token)
    case .reading(let request, let page, _): settings.comments(on: request, page: page, token: token)
    case .editing(let request, let comment): settings.edit(comment, on: request, token: token)
    case .adding(let request): settings.add("\(text.section)\n", to: request, token: token)
    case .finished: nil
    }
  }

  /// Takes the answer to `call`.
  ///
  /// - Parameter now: in seconds since 1970.
  mutating func take(_ answer: ForgeAnswer, _ settings: ForgeSettings, now: Int) -> Progress {
    // Comments of others may be locked for this token, which may still add its own.
    if case .editing(let request, _) = state, answer.code == 403 || answer.code == 404,
      answer.headers["retry-after"] == nil, answer.headers["x-ratelimit-remaining"] != "0"
    {
      state = .adding(request)
      return .next
    }
    // A commit that was not merged by a request, or that GitHub does not know yet, has none.
    if case .finding = state, answer.code == 404 || answer.code == 422 { return finish() }
    switch answer.meaning(now: now) {
    case .done: return advance(answer.json ?? .null, settings)
    case .known: return finish()
    case .later(let pause): return .later(pause)
    case .refused(let words): return .refused(words)
    case .hopeless(let words):
      state = .finished
      return .hopeless(words)
    }
  }

  private mutating func advance(_ json: JSON, _ settings: ForgeSettings) -> Progress {
    switch state {
    case .finding:
      guard let request = settings.mergeRequest(in: json) else { return finish() }
      state = .reading(request, page: 1, plan: nil)
      return .next
    case .reading(let request, let page, let plan): return read(json, settings, request, page, plan)
    case .editing, .adding, .finished: return finish()
    }
  }

  private mutating func read(
    _ json: JSON, _ settings: ForgeSettings, _ request: MergeRequest, _ page: Int,
    _ plan: MergeRequestComment?
  ) -> Progress {
    let comments = settings.comments(in: json)
    if let own = comments.first(where: { text.isIn($0.body) }) { return write(into: own, of: request) }
    let plan = plan ?? comments.first { OutcomeText.isPlan($0.body) }
    if (json.array ?? []).count >= ForgeSettings.pageSize, page < Self.pageLimit {
      state = .reading(request, page: page + 1, plan: plan)
      return .next
    }
    guard let plan else {
      state = .adding(request)
      return .next
    }
    return write(into: plan, of: request)
  }

  private mutating func write(into comment: MergeRequestComment, of request: MergeRequest) -> Progress {
    guard let body = text.merged(into: comment.body) else {
      state = .adding(request)
      return .next
    }
    // The forge would show an edit that changes nothing.
    guard body != comment.body else { return finish() }
    state = .editing(request, MergeRequestComment(id: comment.id, body: body))
    return .next
  }

  private mutating func finish() -> Progress {
    state = .finished
    return .finished
  }
}
