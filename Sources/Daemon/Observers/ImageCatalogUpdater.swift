import EmbeddedCluster
import GitStore
import Logging
import Reconciler

/// Keeps the image catalog of an embedded cluster at the head that is reconciled.
struct ImageCatalogUpdater: ReconcileObserver {
  private let images = GitImages()
  private let cluster: EmbeddedCluster
  private let repository: GitRepository
  private let logger: Logger

  /// Creates the updater and sets the catalog of the last attempted revision. Running pods may have to pull their images
  /// again before the first fetch has ended.
  ///
  /// - Returns: nil for a cluster that is not embedded.
  static func start(
    on backend: Backend, branch: String, repository: GitRepository, logger: Logger
  ) async throws -> ImageCatalogUpdater? {
    guard case .embedded(let cluster) = backend else { return nil }
    let updater = ImageCatalogUpdater(cluster: cluster, repository: repository, logger: logger)
    if let head = try await repository.target(of: Reconciler.lastAttemptedRef(branch)),
      let catalog = try? await updater.images.catalog(at: head, in: repository)
    {
      await cluster.setCatalog(catalog)
    }
    return updater
  }

  private init(cluster: EmbeddedCluster, repository: GitRepository, logger: Logger) {
    (self.cluster, self.repository, self.logger) = (cluster, repository, logger)
  }

  func handle(_ event: ReconcileEvent) async {
    guard case .head(let commit, let layout) = event else { return }
    do {
      await cluster.setCatalog(try await images.catalog(layout, at: commit, in: repository))
    } catch {
      logger.error("images.unreadable", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
    }
  }
}
