import ClusterAPI
import KubeDirector
import Synchronization
import Values

/// Runs commands in the containers of pods, as sandboxed processes on this machine.
///
/// A command outlives the daemon and its callers; it ends with its container. Commands above the concurrency limit
/// wait in a queue without a time limit. The request's timeout counts from the moment the command leaves the queue;
/// on timeout the command is killed with everything it started, and so are all commands in the container with the
/// same key. If the caller stops waiting earlier, the command keeps running until its timeout, also under a later
/// daemon.
struct CommandExecutor: Sendable {
  let files: PodFiles
  let runner: ScriptRunner
  let slots: SlotQueue
  let time: ClusterTime

  /// Reserves the container for a command, as the pod is now.
  typealias Reserve = @Sendable () async throws(APIError) -> RunningContainer

  func check(_ pod: ObjectName, _ request: ExecRequest) throws(APIError) {
    guard runner.sandbox.mode != .noScripts else {
      throw APIError(.unsupported, "Pod \(pod): this embedded cluster was opened without scripts")
    }
    guard !request.command.isEmpty, request.command.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw APIError(
        .invalid, "Pod \(pod): a command needs at least one argument, and none may hold a zero byte")
    }
  }

  /// - Parameter reserve: called when the command has left the queue, because the pod may have changed meanwhile.
  func exec(
    _ pod: ObjectName, _ request: ExecRequest, _ reserve: @escaping Reserve
  ) async throws(APIError) -> ExecResult {
    let begun = BegunCommand()
    let ending: ScriptRunner.Ending?
    do {
      try await slots.acquire()
      let slot = Slot(slots)
      let deadline = request.timeout.map { CommandDeadline(time: time.now() + $0, limit: $0) }
      ending = try await inTime(deadline) {
        try await run(request, deadline, slot, begun, reserve)
      }
    } catch let error as APIError {
      throw error
    } catch {
      // The caller was cancelled: the command keeps running but no longer takes a slot.
      if let begun = begun.value {
        runner.watch.abandon(begun.command.place)
        begun.slot.free()
      }
      throw APIError(.unavailable, "Pod \(pod): the caller no longer waits for the command")
    }
    switch ending {
    case .exited(let code, let stdout, let stderr):
      if code == Self.killed, let reason = try? await excess(of: begun) {
        throw APIError(.limitExceeded, "Pod \(pod): \(reason)")
      }
      return ExecResult(exitCode: code, stdout: stdout, stderr: stderr)
    case .notStarted(let reason):
      throw APIError(.notStarted, "Pod \(pod): the command could not be started: \(reason)")
    case .exceeded(.time(let limit)): try await timedOut(pod, request, limit, begun)
    case .exceeded(let excess): throw APIError(.limitExceeded, "Pod \(pod): \(excess)")
    case .ended: throw APIError(.notRunning, "Pod \(pod): the container ended before the command did")
    case nil: try await timedOut(pod, request, request.timeout ?? .zero, begun)
    }
  }

  private func run(
    _ request: ExecRequest, _ deadline: CommandDeadline?, _ slot: Slot, _ begun: BegunCommand,
    _ reserve: Reserve
  ) async throws -> ScriptRunner.Ending {
    let command: ScriptRunner.Command
    do {
      let target = try await reserve()
      command = try await begin(target, request, deadline, slot)
      begun.set(BegunCommand.Value(command: command, uid: target.spec.uid, slot: slot))
    } catch {
      slot.free()
      throw error
    }
    return try await command.ending.wait()
  }

  /// Starts a command.
  /// - Parameter target: a container that is reserved, see `ReservedContainers`; the reservation ends here.
  func begin(
    _ target: RunningContainer, _ request: ExecRequest, _ deadline: CommandDeadline?, _ slot: Slot
  ) async throws -> ScriptRunner.Command {
    defer { files.reserved.leave(target.rootID) }
    do {
      let measured = try await files.run(for: target.spec.uid) { folders in
        try makeRoot(target, in: folders)
        return try folders.measured(of: target.spec, root: folders.root(of: target.spec))
      }
      // Not in the pod's queue, whose thread other pods share: counting the files of a pod can take seconds.
      let terms = ScriptRunner.Terms(
        deadline: deadline, key: request.key, baseline: await runner.watch.baseline(of: measured))
      return try await files.run(for: target.spec.uid) { folders in
        let root = try makeRoot(target, in: folders)
        let sandboxed = try folders.sandbox(
          request.command, in: target.container, of: target.spec, root: root)
        return try runner.start(
          sandboxed, stdin: request.stdin, outputLimit: request.outputLimit,
          folder: folders.run(target.rootID), terms: terms
        ) { slot.free() }
      }
    } catch let error as APIError {
      throw error
    } catch {
      throw APIError(.notStarted, "Pod \(target.spec.name): the command could not be started: \(error)")
    }
  }

  /// Creates the root of a container if there is none yet.
  /// - Returns: its path.
  @discardableResult
  private func makeRoot(_ target: RunningContainer, in folders: PodFolders) throws -> String {
    // A pod's folder is named after the pod, and a new pod with the same name may already use it.
    guard !files.reserved.hasEnded(target.rootID) else {
      throw APIError(
        .notRunning, "Pod \(target.spec.name): the container ended before the command began")
    }
    try folders.makeRoot(of: target.spec, containerID: target.rootID, image: target.image, ip: target.ip)
    return folders.root(of: target.spec)
  }

  // MARK: Time limits

  /// Returns nil on timeout. The work has then stopped waiting, and the caller must end the command.
  private func inTime(
    _ deadline: CommandDeadline?, _ work: @escaping @Sendable () async throws -> ScriptRunner.Ending
  ) async throws -> ScriptRunner.Ending? {
    guard let deadline else { return try await work() }
    return try await withThrowingTaskGroup(of: ScriptRunner.Ending?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await time.sleep(deadline.time)
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }

  /// Ends a command after its timeout, and all commands with the same key. Other commands in the container continue.
  ///
  /// A command with the same key may have been started by an earlier daemon, or for a caller that stopped waiting,
  /// and this command may only wait for it. That command has timed out too, and must not continue after the timeout
  /// is reported.
  private func timedOut(
    _ pod: ObjectName, _ request: ExecRequest, _ limit: Duration, _ begun: BegunCommand
  ) async throws(APIError) -> Never {
    guard let begun = begun.value else {
      throw APIError(.unavailable, "Pod \(pod): the command could not be begun within \(limit)")
    }
    let excess = ResourceExcess.time(limit: limit)
    let (place, watch) = (begun.command.place, runner.watch)
    // Runs under the pod's key, so that the container's own end cannot move the folder at the same time.
    while true {
      let areGone = try? await files.run(for: begun.uid) { _ in
        let others = request.key.map { RunFolder(ofCommand: place).commands(withKey: $0) } ?? []
        var areGone = true
        for place in Set(others).union([place]) {
          watch.note(excess, of: place)
          areGone = RunFolder.end(command: place) && areGone
        }
        return areGone
      }
      if areGone != false { break }
      do { try await Task.sleep(for: .seconds(1)) } catch { break }
    }
    begun.slot.free()
    throw APIError(.timeout, "Pod \(pod): \(excess)")
  }

  /// The exit code of a killed script.
  private static let killed = 137

  /// Why a script was ended that an earlier call or daemon had started, and that this call waited for.
  private func excess(of begun: BegunCommand) async throws -> String? {
    guard let begun = begun.value else { return nil }
    let folder = RunFolder(ofCommand: begun.command.place)
    return try await files.run(for: begun.uid) { _ in folder.takeExcess() }
  }
}

/// The command that an `exec` has started so far, for the code that has to end it.
private final class BegunCommand: Sendable {
  struct Value: Sendable {
    var command: ScriptRunner.Command
    /// The pod's uid.
    var uid: String
    var slot: Slot
  }

  private let state = Mutex<Value?>(nil)

  var value: Value? { state.withLock { $0 } }

  func set(_ value: Value) { state.withLock { $0 = value } }
}
