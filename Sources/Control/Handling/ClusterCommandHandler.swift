import ClusterAPI
import KubeDirector
import Values

/// Carries out commands through the cluster API. It is used both by a command that writes to Kubernetes directly and by
/// the daemon that is the only writer of its embedded cluster.
public struct ClusterCommandHandler: Sendable {
  let api: any ClusterAPI
  let now: @Sendable () -> Int

  /// - Parameter now: the wall clock, in whole seconds since 1970.
  public init(api: any ClusterAPI, now: @escaping @Sendable () -> Int) { (self.api, self.now) = (api, now) }

  /// Reads the object, decides, and writes the annotations.
  ///
  /// - Returns: what happens next.
  /// - Throws: `ControlRefusal`, or `APIError` if the request to the cluster failed.
  public func carryOut(_ command: ClusterCommand) async throws -> ControlAnswer {
    let live: Object
    do throws(APIError) {
      live = try await api.get(.clusters, command.cluster)
    } catch {
      guard error.kind == .notFound else { throw error }
      throw ControlRefusal("there is no cluster \(command.cluster); see kdops status")
    }
    let plan = try command.plan(for: live, now: now())
    let answer = ControlAnswer(.done, plan.words, pod: plan.pod)
    guard !plan.annotations.isEmpty else { return answer }
    let annotations = plan.annotations.map {
      (key: $0.key, value: $0.value.map(JSON.string) ?? .null)
    }
    let patch: JSON = [
      "metadata": [
        // A precondition: another object may have the same name by now.
        "uid": .string(live.uid),
        "annotations": .object(JSON.Members(annotations, uniquingKeysWith: { first, _ in first })),
      ]
    ]
    _ = try await api.patch(.clusters, command.cluster, merge: patch)
    return answer
  }
}
