import ClusterAPI
import KubeDirector
import Logging
import Values

/// Executes the node's work on a pod's folders and processes.
struct PodWorker: Sendable {
  let files: PodFiles
  let runner: ScriptRunner
  /// The slots for init containers. They have slots of their own, because an init container may wait until a command
  /// has run in another pod.
  let slots: SlotQueue
  let time: ClusterTime
  let logger: Logger

  /// How long an init container may run, so that it does not keep its slot for ever.
  private static let initLimit = Duration.seconds(600)

  /// The result of one step.
  enum Outcome: Sendable {
    case done
    case event(PodMachine.Event)
    /// An init container's command can start: see `event(atEndOf:in:)`.
    case ready(InitRun)
    /// The pod's folders were removed.
    case removed
  }

  struct InitRun: Sendable {
    fileprivate var container: PodSpec.Container
    fileprivate var containerID: String
  }

  func perform(_ step: NodeJob.Step, of job: NodeJob) async -> Outcome {
    switch step {
    case .prepare(let container, let id, let image):
      return .event(await prepare(container, id, image: image, of: job))
    case .runInit(let container, let id):
      return .ready(InitRun(container: container, containerID: id))
    case .end(let ids):
      await end(ids, of: job)
      return .done
    case .tearDown(let ids):
      await tearDown(ids, of: job)
      return .removed
    }
  }

  /// Runs an init container's command, when a slot is free, to its end.
  ///
  /// Not a step of the pod's job: the container can be ended while it waits for a slot.
  /// - Returns: nil if the container was ended.
  func event(atEndOf run: InitRun, in job: NodeJob) async -> PodMachine.Event? {
    guard (try? await slots.acquire()) != nil else { return nil }
    let slot = Slot(slots)
    let command: ScriptRunner.Command
    do {
      guard let started = try await start(run, of: job, slot) else {
        slot.free()
        return nil
      }
      command = started
    } catch {
      slot.free()
      return event(.notStarted("\(error)"), of: run.containerID, in: job)
    }
    guard let ending = try? await command.ending.wait() else { return nil }
    return event(ending, of: run.containerID, in: job)
  }

  private func event(_ ending: ScriptRunner.Ending, of id: String, in job: NodeJob) -> PodMachine.Event? {
    switch ending {
    case .exited(let code, _, _): return .initEnded(containerID: id, exitCode: code)
    case .notStarted(let reason):
      logger.warning(
        "an init container did not start", metadata: ["pod": "\(job.spec.name)", "reason": "\(reason)"])
      return .initNotStarted(containerID: id)
    case .exceeded(let excess):
      logger.warning(
        "an init container was ended", metadata: ["pod": "\(job.spec.name)", "reason": "\(excess)"])
      return .initEnded(containerID: id, exitCode: 137)
    case .ended: return nil
    }
  }

  private func prepare(
    _ container: PodSpec.Container, _ id: String, image: (any RootFS)?, of job: NodeJob
  ) async -> PodMachine.Event {
    do {
      try await files.run(for: job.spec.uid) { folders in
        if container.isInit {
          try folders.makeInitRoot(
            of: job.spec, container: container, containerID: id, image: image, ip: job.ip)
        } else {
          try folders.makeRoot(of: job.spec, containerID: id, image: image, ip: job.ip)
        }
      }
      return .prepared(containerID: id, failure: nil)
    } catch {
      return .prepared(containerID: id, failure: "\(error)")
    }
  }

  /// - Returns: nil if the container was ended.
  private func start(
    _ run: InitRun, of job: NodeJob, _ slot: Slot
  ) async throws -> ScriptRunner.Command? {
    let (runner, container, id) = (runner, run.container, run.containerID)
    let root = files.folders.initRoot(id)
    let measured = try files.folders.measured(of: job.spec, root: root)
    let baseline = await runner.watch.baseline(of: measured)
    let deadline = CommandDeadline(time: time.now() + Self.initLimit, limit: Self.initLimit)
    return try await files.run(for: job.spec.uid) { folders in
      guard folders.run(id).exists else { return nil }
      let request = try folders.sandbox(container.command, in: container, of: job.spec, root: root)
      return try runner.start(
        request, stdin: [], outputLimit: 4096, folder: folders.run(id),
        terms: ScriptRunner.Terms(deadline: deadline, baseline: baseline)
      ) { slot.free() }
    }
  }

  /// The pauses before the processes of a container are ended again.
  private static let pauses = Backoff(first: .seconds(1), limit: .seconds(30))

  /// Ends containers and removes folders, and tries again while their processes are not known to be gone: a new pod
  /// would use the same folders.
  private func untilGone(
    _ job: NodeJob, _ work: @escaping @Sendable (PodFolders) throws -> Void
  ) async throws {
    var attempt = 0
    while true {
      do { return try await files.run(for: job.spec.uid, work) } catch let error
        as PodFolders.RemainingProcesses
      {
        logger.warning(
          "a container's processes have not ended yet",
          metadata: ["pod": "\(job.spec.name)", "error": "\(error)"])
      }
      try await Task.sleep(for: Self.pauses.longest(attempt: attempt))
      attempt += 1
    }
  }

  private func end(_ ids: [String], of job: NodeJob) async {
    let reserved = files.reserved
    do {
      try await untilGone(job) { folders in
        reserved.end(ids)
        for id in ids { try folders.end(id) }
      }
    } catch {
      logger.warning(
        "a container's folder cannot be removed", metadata: ["pod": "\(job.spec.name)", "error": "\(error)"])
    }
    await files.trash.wake()
  }

  private func tearDown(_ ids: [String], of job: NodeJob) async {
    let reserved = files.reserved
    do {
      try await untilGone(job) { folders in
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
    await files.trash.wake()
  }
}
