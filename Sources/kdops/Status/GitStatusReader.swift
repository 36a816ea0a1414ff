import ClusterAPI
import FoundationEssentials
import GitStore
import KubeDirector
import Reports
import Validation
import Values
import Views

/// The status that a daemon last wrote to git. The ref is looked up once, so that all parts are of the same commit.
struct GitStatusReader {
  private let status: GitStatus?
  private let problems: [GitError]
  private let now: Int

  init(_ repository: GitRepository) async throws {
    now = Int(Date().timeIntervalSince1970)
    (status, problems) = try await GitStatus.find(in: repository, now: Int64(now))
  }

  /// The selected clusters as objects, sorted by namespace and name. Of a namespace, only its files are read.
  func clusters(_ selection: ClusterSelection) async throws -> [Object] {
    guard let status else {
      if let problem = problems.first { throw problem }
      throw GitError(
        .gone, "this repository has no status of running clusters",
        hint:
          "name the cluster with --embedded=DIR, --kubeconfig FILE or --context NAME, or fetch the status: "
          + "git fetch origin +refs/kdops/status:refs/kdops/status")
    }
    if case .cluster(let name) = selection {
      return [try await status.cluster(namespace: name.namespace, name: name.name)].compactMap(\.?.object)
    }
    return try await status.clusters(in: selection.namespace)
      .sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }.map(\.object)
  }

  /// The commit and age of the status, and the problems of refs that should have one.
  var age: [String] { problems.map { "warning: \($0)" } + (status?.words ?? []) }

  /// The source of the status, for programs; nil if there is no status.
  var origin: JSON? {
    guard let status else { return nil }
    var out: JSON = [
      "commit": .string(status.commit.hex), "written": .string(Timestamp.text(now - status.age)),
    ]
    out["cluster"] = status.owner?.json
    return out
  }

  /// When the status was written, in whole seconds since 1970; nil if there is none.
  var written: Int? { status.map { now - $0.age } }
}
