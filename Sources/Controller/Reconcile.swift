import ClusterAPI
import KubeDirector
import Upgrade
import Values

extension Engine {
  /// Takes steps until nothing is left to do before the next change.
  func reconcile(_ name: ObjectName) async throws(APIError) {
    for _ in 0..<Self.stepsAtOnce {
      guard let snapshot = await cache.snapshot(name),
        case (let observation, var context)? = try await observe(snapshot),
        let decision = ClusterMachine.step(observation)
      else { return }
      context.status = decision.status
      let isNews = decision.status != observation.status
      if isNews { try await write(decision.status, over: snapshot.cluster.object) }
      await cache.dropFinished(name, snapshot.work)
      let acted = try await act(on: decision.actions, context)
      if !isNews, !acted { return }
    }
  }

  /// Executes the actions in order. A failed action does not block the others: roles do not wait for each other.
  ///
  /// - Returns: whether an action was executed that may require another step at once.
  /// - Throws: the first failure, after all actions were tried.
  private func act(on actions: [Action], _ context: ActionExecutor.Context) async throws(APIError) -> Bool {
    var acted = false
    var failure: APIError?
    for action in actions {
      do throws(APIError) {
        switch action {
        case .order(let pod, let order): await start(order, pod: pod, context)
        case .wake(let seconds): await enqueue(context.name, after: .seconds(seconds))
        case .emit: try await executor.perform(action, in: context)
        default:
          try await executor.perform(action, in: context)
          acted = true
        }
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return acted
  }

  /// A safety limit that is never reached in practice: each step either changes something or is the last.
  private static let stepsAtOnce = 32

  private func observe(
    _ snapshot: ClusterCache.ClusterSnapshot
  ) async throws(APIError) -> (Observation, ActionExecutor.Context)? {
    let known = snapshot.cluster
    guard let cluster = known.cluster?.restricted(to: settings.tenancy).filled(from: settings.pods) else {
      return nil
    }
    let mismatches = ClusterShape.mismatches(
      foreignFields: known.foreignFields,
      sets: snapshot.sets.values.compactMap { set in
        ClusterShape.mismatch(
          set: set.object.json, of: cluster.metadata.name, adopted: known.status?.adopted)
      })
    if case .foreignStatus = mismatches.first {
      // The status belongs to another operator, which would take a write by kdops for a change of its own.
      logger.warning("cluster.foreign", metadata: ["cluster": "\(known.object.objectName)"])
      return nil
    }
    let status = known.status
    let namespace = cluster.metadata.namespace
    var apps: [String: AppSpec] = [:]
    var catalogs: [String: AppCatalog] = [:]
    var annotations: [String: [String: String]] = [:]
    let names: [(String, AppCatalog?)] = [
      (cluster.spec.app, cluster.spec.appCatalog), (status?.app ?? "", status?.appCatalog),
      (status?.upgradeInfo?.prevApp ?? "", status?.upgradeInfo?.prevAppCatalog),
    ]
    for (name, catalog) in names where !name.isEmpty {
      guard let (app, found) = try await app(name, namespace: namespace, catalog: catalog, status) else {
        continue
      }
      apps[name] = app.spec.restricted(to: settings.tenancy)
      annotations[name] = app.metadata.annotations
      catalogs[name] = found
    }
    var sets: [String: SetObservation] = [:]
    for set in snapshot.sets.values {
      if let role = set.role { sets[role] = set.observation }
    }
    let state = status ?? ClusterStatus(state: .creating, app: cluster.spec.app)
    let owner = OwnerReference(known.object)
    let builder = ObjectBuilder(
      cluster: cluster, owner: owner, status: state, clusterDomain: settings.clusterDomain, stamp: stamp)
    let connections = await connections(of: cluster, isStamped: known.isStamped, status)
    let observation = Observation(
      cluster: cluster, isStamped: known.isStamped, status: status, apps: apps,
      catalogs: catalogs, appAnnotations: annotations, sets: sets,
      pods: snapshot.podObservations,
      gone: snapshot.gone, work: snapshot.work,
      budgets: Self.budgets(snapshot), connections: connections?.observation(settings.clusterDomain, stamp),
      headlessServiceExists: builder.hasHeadless(snapshot.services),
      memberServices: Set(snapshot.services.keys),
      outdatedServices: builder.outdated(snapshot.services, apps[state.app]),
      newClaims: await newClaims(of: known.object, status), mismatches: mismatches,
      now: now(),
      settings: Observation.Settings(
        progressDeadline: settings.progressDeadline, clusterDomain: settings.clusterDomain))
    let context = ActionExecutor.Context(
      cluster: cluster, owner: owner, status: state, apps: apps, sets: snapshot.sets,
      clusterDomain: settings.clusterDomain, stamp: stamp, connections: connections ?? Connections())
    return (observation, context)
  }

  /// The objects that the cluster is connected to; nil if it has no connections and never had any. A spec without a
  /// valid stamp adds no new connections.
  private func connections(
    of cluster: Cluster, isStamped: Bool, _ status: ClusterStatus?
  ) async -> Connections? {
    let known = status?.connections
    var wanted = cluster.spec.connections
    guard wanted != ClusterSpec.Connections() || known != nil else { return nil }
    if !isStamped { wanted = wanted.only { known?.marks[$0] != nil } }
    return await cache.connections(wanted, namespace: cluster.metadata.namespace)
  }

  /// Finds an app by name. A missing app is read from the API before it counts as missing: the watch of apps may lag
  /// behind the watch of clusters.
  private func app(
    _ name: String, namespace: String, catalog: AppCatalog?, _ status: ClusterStatus?
  ) async throws(APIError) -> (App, AppCatalog)? {
    if let known = await cache.app(name, namespace: namespace, catalog: catalog) { return known }
    // The app was already read from the API. The watch reports it when it is created.
    if status?.stall?.reason == .appMissing { return nil }
    let places =
      (catalog == .system ? [] : [namespace]) + (catalog == .local ? [] : [settings.systemNamespace])
    for place in places {
      let apps = try await api.list(.apps, namespace: place, labels: .everything)
      if let found = apps.items.first(where: { $0.name == name }) {
        // The watch reports the same version later, which is no change then: other clusters may wait for the app.
        await queue.add(await cache.put(found, .apps))
        break
      }
    }
    return await cache.app(name, namespace: namespace, catalog: catalog)
  }

  /// The budgets that cover pods of this cluster, each with the roles of those pods.
  private static func budgets(_ snapshot: ClusterCache.ClusterSnapshot) -> [BudgetObservation] {
    snapshot.budgets.sorted { $0.name < $1.name }.compactMap { budget in
      let pods = snapshot.pods.values.map(\.object).filter { budget.selector.covers($0.labels) }
      guard !pods.isEmpty else { return nil }
      return BudgetObservation(
        name: budget.name, roles: Set(pods.compactMap { $0.label(Wire.Label.role) }),
        allowed: budget.allowed(for: pods))
    }
  }

  private func write(_ status: ClusterStatus, over cluster: Object) async throws(APIError) {
    var object = cluster
    let json = status.json
    let written: Object
    do throws(APIError) {
      object.json["status"] = json
      written = try await api.updateStatus(object)
    } catch {
      // The status is too large. The journal and the output of scripts can be dropped; the status of a revert must
      // always be written.
      guard error.kind == .invalid else { throw error }
      written = try await write(briefly: status, over: object)
    }
    // The watch reports the engine's own write only after the cache has it, so connected clusters are enqueued here.
    let dependents = await cache.put(cluster: written, written: (status, json))
    await queue.add(dependents.subtracting([written.objectName]))
  }

  private func write(briefly status: ClusterStatus, over cluster: Object) async throws(APIError) -> Object {
    var object = cluster
    do throws(APIError) {
      object.json["status"] = status.withoutJournal.json
      return try await api.updateStatus(object)
    } catch {
      guard error.kind == .invalid else { throw error }
      object.json["status"] = status.withoutJournal.withoutOutput.json
      return try await api.updateStatus(object)
    }
  }

  /// Starts a pod order asynchronously, unless one for the same container is running.
  private func start(_ order: PodOrder, pod: String, _ context: ActionExecutor.Context) async {
    let name = context.name
    guard await cache.claimWork(name, pod: pod, order) else { return }
    jobs.start {
      do throws(APIError) {
        let result = try await executor.carryOut(order, pod: pod, in: context)
        await cache.endWork(name, pod: pod, order, .finished(order, result))
      } catch {
        // The engine is stopping. The state of the command is unknown; the next engine resumes it.
        guard !Task.isCancelled else { return }
        logger.debug("exec.failed", metadata: ["pod": "\(name.namespace)/\(pod)", "error": "\(error)"])
        let failure = CommandFailure(error)
        // Gives up only after repeated start failures in the same container. The count starts again for a new
        // container.
        let attempts = await cache.recordStartFailure(name, pod: pod, order, failure, error.message)
        guard let wait = failure.wait(after: attempts) else {
          return await giveUp(order, pod: pod, failure.result(error, after: attempts), name)
        }
        if failure.isReported(after: attempts) { report(error, failure, attempts, pod: pod, context) }
        // KubeDirector's operator has set no mark in the containers of an adopted cluster.
        let limit = context.status.adopted == nil ? Self.markStartFailures : 1
        if error.kind == .conflict, attempts.total >= limit {
          await markAnew(order, pod: pod, context)
        }
        guard (try? await clock.sleep(for: error.retryAfter ?? wait)) != nil else { return }
        await cache.endWork(name, pod: pod, order, nil)
      }
      await queue.add(name)
    }
  }

  /// Writes the container's id marker again. If a command is repeatedly refused because it was meant for another
  /// container, although the pod's container has not changed, the container has lost its marker: a program has
  /// removed it. A container of an adopted cluster never had one.
  private func markAnew(_ order: PodOrder, pod: String, _ context: ActionExecutor.Context) async {
    guard case .script = order.task,
      await cache.snapshot(context.name)?.pods[pod]?.observation.containerID == order.containerID
    else { return }
    do throws(APIError) {
      try await executor.mark(order, pod: pod, in: context)
    } catch {
      logger.debug("exec.failed", metadata: ["pod": "\(context.name.namespace)/\(pod)", "error": "\(error)"])
    }
  }

  /// The number of attempts after which the marker is written again, about ten seconds.
  private static let markStartFailures = 7

  /// Records the failure as the order's result, because nothing changes without intervention and a user has to see it.
  private func giveUp(_ order: PodOrder, pod: String, _ result: PodResult, _ cluster: ObjectName) async {
    await cache.endWork(cluster, pod: pod, order, .finished(order, result))
    await queue.add(cluster)
  }

  private func report(
    _ error: APIError, _ failure: CommandFailure, _ attempts: CommandAttempts, pod: String,
    _ context: ActionExecutor.Context
  ) {
    logger.warning(
      "exec.refused", metadata: ["pod": "\(context.name.namespace)/\(pod)", "error": "\(error)"])
    executor.eventRecorder?.announce(
      RecordedEvent(
        about: context.reference, isWarning: true, reason: "CommandNotBegun",
        message: "\(pod): \(error.message); \(failure.outlook(after: attempts))"))
  }
}
