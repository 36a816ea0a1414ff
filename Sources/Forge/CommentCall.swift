import Values

/// A merge request of GitLab or a pull request of GitHub, by its number in the project.
struct MergeRequest: Sendable, Hashable {
  var number: Int
}

/// A comment on a merge request.
struct MergeRequestComment: Sendable, Hashable {
  var id: Int
  var body: String
}

// Requests about comments, in the format of each forge.
//
// Sources: GitLab, "Commits API" (merge requests of a commit) and "Notes API"; GitHub, "REST API endpoints for commits"
// (pull requests of a commit) and "for issue comments".
extension ForgeSettings {
  /// The number of comments of one page.
  static let pageSize = 100

  /// The request for the merge requests that brought a commit to the branch.
  func mergeRequests(of commit: String, token: String) -> CommitCall {
    let url =
      switch kind {
      case .gitlab: "\(url)/projects/\(place)/repository/commits/\(commit)/merge_requests"
      case .github: "\(url)/repos/\(place)/commits/\(commit)/pulls"
      }
    return CommitCall(method: .get, url: url, headers: headers(token))
  }

  /// The merged merge request of the followed branch, from the answer to `mergeRequests`; nil if there is none.
  func mergeRequest(in answer: JSON) -> MergeRequest? {
    for one in answer.array ?? [] {
      // `locked` is the state during the merge.
      let isMerged =
        kind == .gitlab
        ? ["merged", "locked"].contains(one["state"]?.string ?? "") : one["merged_at"]?.string != nil
      let target = kind == .gitlab ? one["target_branch"]?.string : one["base"]?["ref"]?.string
      guard isMerged, target == branch, let number = one[kind == .gitlab ? "iid" : "number"]?.integer,
        number > 0
      else { continue }
      return MergeRequest(number: number)
    }
    return nil
  }

  /// The request for one page of comments, the oldest first.
  ///
  /// - Parameter page: 1 for the first.
  func comments(on request: MergeRequest, page: Int, token: String) -> CommitCall {
    let query = "per_page=\(Self.pageSize)&page=\(page)"
    let order = kind == .gitlab ? "&sort=asc&order_by=created_at" : ""
    return CommitCall(
      method: .get, url: "\(commentsURL(request))?\(query)\(order)", headers: headers(token))
  }

  /// The comments of a page, from the answer to `comments`.
  func comments(in answer: JSON) -> [MergeRequestComment] {
    (answer.array ?? []).compactMap { comment in
      guard let id = comment["id"]?.integer, id > 0, let body = comment["body"]?.string else { return nil }
      return MergeRequestComment(id: id, body: body)
    }
  }

  func add(_ body: String, to request: MergeRequest, token: String) -> CommitCall {
    write(.post, commentsURL(request), body, token)
  }

  func edit(_ comment: MergeRequestComment, on request: MergeRequest, token: String) -> CommitCall {
    switch kind {
    case .gitlab: write(.put, "\(commentsURL(request))/\(comment.id)", comment.body, token)
    case .github:
      write(.patch, "\(url)/repos/\(place)/issues/comments/\(comment.id)", comment.body, token)
    }
  }

  private func commentsURL(_ request: MergeRequest) -> String {
    switch kind {
    case .gitlab: "\(url)/projects/\(place)/merge_requests/\(request.number)/notes"
    case .github: "\(url)/repos/\(place)/issues/\(request.number)/comments"
    }
  }

  private func write(_ method: CommitCall.Method, _ url: String, _ body: String, _ token: String)
    -> CommitCall
  {
    var headers = headers(token)
    headers["Content-Type"] = "application/json"
    let json: JSON = ["body": .string(body)]
    return CommitCall(method: method, url: url, headers: headers, body: json.text(pretty: false))
  }
}
