import Reports
import Values

/// The operations of a running daemon that commands can request.
public protocol ControlledDaemon: Sendable {
  /// Fetches and resyncs now.
  func sync() async

  /// Fetches and resyncs now, and reports under the id when that is applied. A repeated request is no new one.
  func sync(_ id: SyncID) async

  /// The progress of a request; nil if it is unknown.
  func progress(of id: SyncID) async -> SyncProgress?

  /// Approves a commit although history was rewritten or signatures are missing.
  ///
  /// - Parameter sha: the commit's id, or at least 7 digits of it.
  /// - Returns: false if that is not the head that was fetched last; nothing is done then.
  func accept(_ sha: String) async -> Bool
}

/// Handles the requests that reach a running daemon through its socket.
public struct ControlHandler: Sendable {
  let daemon: any ControlledDaemon
  let clusters: ClusterCommandHandler

  /// - Parameter clusters: carries out the commands to clusters.
  public init(daemon: any ControlledDaemon, clusters: ClusterCommandHandler) {
    (self.daemon, self.clusters) = (daemon, clusters)
  }

  /// Carries out a request.
  public func answer(_ request: ControlRequest) async -> ControlAnswer {
    switch request.command {
    case .cluster(let command):
      return await .of { try await clusters.carryOut(command) }
    case .sync(nil, let id?): return await sync(id)
    case .sync(nil, nil):
      await daemon.sync()
      return ControlAnswer(.done, "the daemon fetches and compares now")
    case .sync(let sha?, let id): return await accept(sha, id)
    }
  }

  private func sync(_ id: SyncID) async -> ControlAnswer {
    let known = await daemon.progress(of: id)
    if known == nil { await daemon.sync(id) }
    var answer = ControlAnswer(
      .done, "the daemon fetches and compares now", sync: await daemon.progress(of: id) ?? .requested)
    answer.isRepeated = known != nil
    return answer
  }

  private func accept(_ sha: String, _ id: SyncID?) async -> ControlAnswer {
    guard await daemon.accept(sha) else {
      await daemon.sync()
      return ControlAnswer(
        .refused,
        "\(sha) is not the head that the daemon fetched last; it fetches now; try again if this is the head to accept"
      )
    }
    // The pass that answers the request begins after the approval.
    let progress = if let id { await sync(id).sync } else { SyncProgress?.none }
    return ControlAnswer(.done, "the daemon has accepted \(sha) and follows it", sync: progress)
  }
}
