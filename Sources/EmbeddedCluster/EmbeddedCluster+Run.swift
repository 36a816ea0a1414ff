import ClusterAPI
import KubeDirector
import Values

/// Work that the cluster does outside its actor.
enum ClusterJob: Sendable {
  case pod(NodeJob)
  /// Removes the volume of this claim.
  case volume(ObjectName)
  case alarm(Duration)
  /// Continues with work that did not fit into one turn.
  case turn
}

extension EmbeddedCluster {
  /// Runs the StatefulSet controller and the node until the task is cancelled.
  ///
  /// Stops at once. The next `run`, also in a later process, continues unfinished work in pods; running scripts
  /// are not stopped.
  public func run() async throws {
    guard self.jobs == nil else {
      throw EmbeddedClusterError("The embedded cluster in \(directory) is running already")
    }
    let (jobs, continuation) = AsyncStream.makeStream(of: ClusterJob.self)
    self.jobs = continuation
    lookAtEverything()
    await wake()
    await withDiscardingTaskGroup { group in
      for await job in jobs {
        group.addTask { await self.perform(job) }
      }
      group.cancelAll()
    }
    continuation.finish()
    stopped()
  }

  /// Whether the StatefulSet controller and the node run.
  public var isRunning: Bool { jobs != nil }

  /// Waits until only delays and backoffs are pending. For tests, which advance the clock.
  public func settle() async {
    await wake()
    while jobs != nil, jobsUnderWay > 0 {
      await withCheckedContinuation { idleWaiters.append($0) }
      await wake()
    }
  }

  private nonisolated func perform(_ job: ClusterJob) async {
    switch job {
    case .pod(let job): await perform(job)
    case .volume(let claim): await discard(claim)
    case .turn: await turnOrdered()
    case .alarm(let deadline):
      do { try await time.sleep(deadline) } catch { return }
      await alarmRang(deadline)
    }
  }

  private nonisolated func perform(_ job: NodeJob) async {
    var initRun: (containerID: String, ending: Completion<ScriptRunner.Ending>)?
    for step in job.steps {
      switch step {
      case .prepare(let container, let id, let image):
        await prepare(container, id, image: image, of: job)
      case .runInit(let container, let id):
        do {
          initRun = (id, try startInit(container, id, of: job).ending)
        } catch {
          await report(.notStarted("\(error)"), of: id, in: job)
        }
      case .end(let ids):
        await end(ids, of: job)
      case .tearDown(let ids):
        await tearDown(ids, of: job)
      }
    }
    await finished(job.spec.uid)
    if let initRun, let ending = try? await initRun.ending.wait() {
      await report(ending, of: initRun.containerID, in: job)
    }
    await jobEnded()
  }

  private nonisolated func report(_ ending: ScriptRunner.Ending, of id: String, in job: NodeJob) async {
    switch ending {
    case .exited(let code, _, _):
      await deliver(.initEnded(containerID: id, exitCode: code), to: job.spec.uid)
    case .notStarted(let reason):
      logger.warning(
        "an init container did not start", metadata: ["pod": "\(job.spec.name)", "reason": "\(reason)"])
      await deliver(.initNotStarted(containerID: id), to: job.spec.uid)
    case .exceeded(let excess):
      logger.warning(
        "an init container was ended", metadata: ["pod": "\(job.spec.name)", "reason": "\(excess)"])
      await deliver(.initEnded(containerID: id, exitCode: 137), to: job.spec.uid)
    case .ended: break
    }
  }

  private nonisolated func prepare(
    _ container: PodSpec.Container, _ id: String, image: (any RootFS)?, of job: NodeJob
  ) async {
    let folders = folders
    var failure: String?
    do {
      try await files.run(key: job.spec.uid) {
        if container.isInit {
          try folders.makeInitRoot(
            of: job.spec, container: container, containerID: id, image: image, ip: job.ip)
        } else {
          try folders.makeRoot(of: job.spec, containerID: id, image: image, ip: job.ip)
        }
      }
    } catch {
      failure = "\(error)"
    }
    await deliver(.prepared(containerID: id, failure: failure), to: job.spec.uid)
  }

  private nonisolated func startInit(
    _ container: PodSpec.Container, _ id: String, of job: NodeJob
  ) throws -> ScriptRunner.Command {
    let root = folders.initRoot(id)
    let request = try folders.sandbox(container.command, in: container, of: job.spec, root: root)
    return try runner.start(request, stdin: [], outputLimit: 4096, folder: folders.run(id)) {}
  }

  private nonisolated func end(_ ids: [String], of job: NodeJob) async {
    let folders = folders
    let reserved = reserved
    do {
      try await files.run(key: job.spec.uid) {
        reserved.end(ids)
        for id in ids { try folders.end(id) }
      }
    } catch {
      logger.warning(
        "a container's folder cannot be removed", metadata: ["pod": "\(job.spec.name)", "error": "\(error)"])
    }
    await trash.wake()
  }

  private nonisolated func tearDown(_ ids: [String], of job: NodeJob) async {
    let folders = folders
    let reserved = reserved
    do {
      try await files.run(key: job.spec.uid) {
        reserved.end(ids)
        for id in ids { try folders.end(id) }
        try folders.removeRoot(of: job.spec)
        try folders.removeOwnVolumes(of: job.spec)
      }
    } catch {
      // The next pod with this name removes the folder again, and reports a failure.
      logger.warning(
        "a pod's folder cannot be removed", metadata: ["pod": "\(job.spec.name)", "error": "\(error)"])
    }
    await removed(job.spec.uid)
    await trash.wake()
  }

  private nonisolated func discard(_ claim: ObjectName) async {
    let folders = folders
    do {
      try await files.run(key: "volume \(claim)") { try folders.removeVolume(claim) }
      await volumeEnded(claim)
    } catch {
      // The next run tries again.
      logger.warning(
        "a volume's folder cannot be removed", metadata: ["claim": "\(claim)", "error": "\(error)"])
    }
    await jobEnded()
    await trash.wake()
  }

  // MARK: Results in the actor

  private func deliver(_ event: PodMachine.Event, to uid: String) async {
    start(node.deliver(event, to: uid, in: store, now: time.now()))
    await wake()
  }

  private func removed(_ uid: String) async {
    start(node.removed(uid, in: store, now: time.now()))
    await wake()
  }

  private func finished(_ uid: String) async {
    start(node.finished(uid, in: store, now: time.now()))
  }
}
