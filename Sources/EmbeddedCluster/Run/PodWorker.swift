import ClusterAPI
import KubeDirector
import Logging

/// Executes the node's work on a pod's folders and processes.
struct PodWorker: Sendable {
  let files: PodFiles
  let runner: ScriptRunner
  let logger: Logger

  /// The result of one step.
  enum Outcome: Sendable {
    case done
    case event(PodMachine.Event)
    /// An init container's command has started.
    case started(InitRun)
    /// The pod's folders were removed.
    case removed
  }

  struct InitRun: Sendable {
    fileprivate var containerID: String
    fileprivate var ending: Completion<ScriptRunner.Ending>
  }

  func perform(_ step: NodeJob.Step, of job: NodeJob) async -> Outcome {
    switch step {
    case .prepare(let container, let id, let image):
      return .event(await prepare(container, id, image: image, of: job))
    case .runInit(let container, let id):
      do {
        return .started(InitRun(containerID: id, ending: try start(container, id, of: job).ending))
      } catch {
        return event(.notStarted("\(error)"), of: id, in: job).map(Outcome.event) ?? .done
      }
    case .end(let ids):
      await end(ids, of: job)
      return .done
    case .tearDown(let ids):
      await tearDown(ids, of: job)
      return .removed
    }
  }

  /// Waits for the end of an init container's command.
  /// - Returns: nil if the container was ended.
  func event(atEndOf run: InitRun, in job: NodeJob) async -> PodMachine.Event? {
    guard let ending = try? await run.ending.wait() else { return nil }
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

  private func start(
    _ container: PodSpec.Container, _ id: String, of job: NodeJob
  ) throws -> ScriptRunner.Command {
    let root = files.folders.initRoot(id)
    let request = try files.folders.sandbox(container.command, in: container, of: job.spec, root: root)
    return try runner.start(request, stdin: [], outputLimit: 4096, folder: files.folders.run(id)) {}
  }

  /// The longest pause before the processes of a container are ended again.
  private static let longestPause = Duration.seconds(30)

  /// Ends containers and removes folders, and tries again while their processes are not known to be gone: a new pod
  /// would use the same folders.
  private func untilGone(
    _ job: NodeJob, _ work: @escaping @Sendable (PodFolders) throws -> Void
  ) async throws {
    var pause = Duration.seconds(1)
    while true {
      do { return try await files.run(for: job.spec.uid, work) } catch let error
        as PodFolders.RemainingProcesses
      {
        logger.warning(
          "a container's processes have not ended yet",
          metadata: ["pod": "\(job.spec.name)", "error": "\(error)"])
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
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
