import ClusterAPI
import EmbeddedCluster
import GitStore

// Which source a command reads from.
extension ClusterSource {
  /// Opens the source that the options select: a cluster, or without any the status in a repository.
  static func open(
    _ cluster: ClusterOptions, repo: String, _ environment: [String: String]
  ) async throws -> ClusterSource {
    if let live = try await live(cluster, environment) { return live }
    do throws(GitError) {
      return .git(try await GitRepository.openFromEnvironment(path: repo, environment))
    } catch {
      guard error.kind == .gone else { throw error }
      throw GitError(
        .gone, "no cluster is selected, and \(repo == "." ? "this folder" : repo) is not a git repository",
        hint: "select one: --embedded=DIR, --context NAME, or --repo PATH for the status last written to git"
      )
    }
  }

  /// Opens the cluster that the options select, for commands that git cannot answer.
  ///
  /// - Parameter need: what needs the cluster, as the subject of a sentence.
  static func open(
    _ cluster: ClusterOptions, need: String, _ environment: [String: String]
  ) async throws -> ClusterSource {
    if let live = try await live(cluster, environment) { return live }
    if cluster.selectsKubernetes(environment) { return .kubernetes(try await cluster.connect(environment)) }
    throw GitError(
      .gone, "no cluster is selected, and git does not contain \(need)",
      hint: "select one: --embedded=DIR, --kubeconfig FILE, --context NAME, or set KUBECONFIG")
  }

  /// Opens the cluster that a command controls: without options the current context of the kubeconfig.
  static func connected(
    _ cluster: ClusterOptions, _ environment: [String: String]
  ) async throws -> ClusterSource {
    if let live = try await live(cluster, environment) { return live }
    return .kubernetes(try await cluster.connect(environment))
  }

  /// Nil if the options select none.
  private static func live(
    _ cluster: ClusterOptions, _ environment: [String: String]
  ) async throws -> ClusterSource? {
    if let folder = cluster.folder(environment) {
      return .embedded(try EmbeddedCluster.openReadOnly(folder), folder: folder)
    }
    guard cluster.namesKubernetes(environment) else { return nil }
    return .kubernetes(try await cluster.connect(environment))
  }

  /// Runs the body and then closes the source, also after an error.
  func use<T>(_ body: (ClusterSource) async throws -> T) async throws -> T {
    let result: Result<T, any Error>
    do { result = .success(try await body(self)) } catch { result = .failure(error) }
    await close()
    return try result.get()
  }

  /// The cluster's API; nil for git.
  var api: (any ClusterAPI)? {
    switch self {
    case .embedded(let reader, _): reader
    case .kubernetes(let client): client
    case .git: nil
    }
  }
}
