import ClusterAPI
import KubeDirector
import Upgrade
import Values

extension Engine {
  /// Takes steps until there is nothing more to do without something new happening.
  func reconcile(_ name: ObjectName) async throws(APIError) {
    for _ in 0..<Self.stepsAtOnce {
      guard let picture = await world.picture(name),
        case (let observation, var context)? = await observe(picture),
        let decision = ClusterMachine.step(observation)
      else { return }
      context.status = decision.status
      let isNews = decision.status != observation.status
      if isNews { try await write(decision.status, over: picture.cluster) }
      await world.dropFinished(name, picture.work)
      var acted = false
      for action in decision.actions {
        switch action {
        case .order(let pod, let order): await start(order, pod: pod, context)
        case .wake(let seconds): lookLater(name, seconds)
        case .tell: try await hands.perform(action, in: context)
        default:
          try await hands.perform(action, in: context)
          acted = true
        }
      }
      if !isNews, !acted { return }
    }
  }

  /// A bound, not a number that is ever reached: each step either changes something or is the last.
  private static let stepsAtOnce = 32

  private func lookLater(_ name: ObjectName, _ seconds: Int) {
    jobs.start {
      guard (try? await clock.sleep(for: .seconds(seconds))) != nil else { return }
      await queue.add(name)
    }
  }

  private func observe(_ picture: World.Picture) async -> (Observation, Hands.Context)? {
    guard let cluster = Cluster(picture.cluster.json) else { return nil }
    let status = ClusterStatus(picture.cluster.json["status"])
    let namespace = cluster.metadata.namespace
    var apps: [String: AppSpec] = [:]
    var catalogs: [String: AppCatalog] = [:]
    let names: [(String, AppCatalog?)] = [
      (cluster.spec.app, cluster.spec.appCatalog), (status?.app ?? "", status?.appCatalog),
      (status?.upgradeInfo?.prevApp ?? "", status?.upgradeInfo?.prevAppCatalog),
    ]
    for (name, catalog) in names where !name.isEmpty {
      guard let (app, found) = await world.app(name, namespace: namespace, catalog: catalog) else { continue }
      apps[name] = app.spec
      catalogs[name] = found
    }
    var sets: [String: SetObservation] = [:]
    for set in picture.sets.values {
      if let role = set.label(Wire.Label.role) { sets[role] = SetObservation(set) }
    }
    let observation = Observation(
      cluster: cluster, isStamped: Stamp.holds(picture.cluster.json), status: status, apps: apps,
      catalogs: catalogs, sets: sets, pods: picture.pods.mapValues(PodObservation.init), work: picture.work,
      headlessServiceExists: picture.services.contains(
        DerivedNames.headlessService(cluster: cluster.metadata.name)),
      memberServices: picture.services, now: now(),
      settings: Observation.Settings(
        progressDeadline: settings.progressDeadline, clusterDomain: settings.clusterDomain))
    let context = Hands.Context(
      cluster: cluster, owner: OwnerReference(picture.cluster),
      status: status ?? ClusterStatus(state: .creating, app: cluster.spec.app), apps: apps,
      sets: picture.sets,
      pods: picture.pods)
    return (observation, context)
  }

  private func write(_ status: ClusterStatus, over cluster: Object) async throws(APIError) {
    var object = cluster
    object.json["status"] = status.json
    await world.put(try await api.updateStatus(object), .clusters)
  }

  /// Starts an order beside the step, unless one for the same container is under way.
  private func start(_ order: PodOrder, pod: String, _ context: Hands.Context) async {
    let name = context.name
    guard await world.claimWork(name, pod: pod, order) else { return }
    jobs.start {
      do throws(APIError) {
        let result = try await hands.carryOut(order, pod: pod, in: context)
        await world.setWork(name, pod: pod, .finished(order, result))
        await queue.add(name)
      } catch {
        logger.debug("exec.failed", metadata: ["pod": "\(name.namespace)/\(pod)", "error": "\(error)"])
        // The pod may be going, or the way to it is cut: look again in a while, with the order open again.
        guard (try? await clock.sleep(for: error.retryAfter ?? .seconds(1))) != nil else { return }
        await world.setWork(name, pod: pod, nil)
        await queue.add(name)
      }
    }
  }
}
