import Daemon
import GitStore
import Reconciler

extension Daemon.Options {
  /// - Parameters:
  ///   - repo: The address of the repository.
  ///   - folder: The folder for the daemon's copy of the repository.
  /// - Throws: `GitError` if the address cannot be used.
  init(
    _ configuration: DaemonConfiguration, repo: String, folder: String, environment: [String: String]
  ) throws(GitError) {
    self.init(remote: try GitAccess.remote(repo, environment), folder: folder)
    reconciler = Reconciler.Settings(
      branch: configuration.branch, policy: configuration.policy, interval: configuration.interval,
      acceptsRewrittenHistory: configuration.acceptsRewrittenHistory, history: configuration.history,
      isAtomic: configuration.isAtomic, fixesForward: configuration.fixesForward,
      compareInterval: configuration.compareInterval)
    statusRefs = configuration.statusRefs
    scriptTimeout = configuration.scriptTimeout
    pods = configuration.pods
    clusterDomain = configuration.clusterDomain
    progressDeadline = configuration.progressDeadline ?? .zero
    revertsStalled = configuration.revertsStalled
    verify = configuration.verify
    forge = configuration.forge
    notifications = configuration.notifications
    author = configuration.author
    signingKey = configuration.signingKey
  }
}
