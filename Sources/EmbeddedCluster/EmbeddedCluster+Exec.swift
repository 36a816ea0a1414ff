import ClusterAPI
import KubeDirector
import Synchronization
import Values

extension EmbeddedCluster {
  /// Runs a command in a pod's container, as a sandboxed process on this machine.
  ///
  /// The command outlives the daemon and its callers; it ends with its container. Commands above the
  /// concurrency limit wait in a queue without a time limit. The request's timeout counts from the moment the
  /// command leaves the queue; on timeout the command is killed with everything it started, and so are all
  /// commands in the container with the same key. If the caller stops waiting earlier, the command keeps running
  /// until its timeout, also under a later daemon.
  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    guard runner.sandbox.mode != .noScripts else {
      throw APIError(.unsupported, "Pod \(pod): this embedded cluster was opened without scripts")
    }
    guard !request.command.isEmpty, request.command.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw APIError(
        .invalid, "Pod \(pod): a command needs at least one argument, and none may hold a zero byte")
    }
    try commitForReading()
    _ = try target(pod, request)
    let begun = BegunCommand()
    let ending: ScriptRunner.Ending?
    do {
      try await slots.acquire()
      let slot = Slot(slots)
      let deadline = request.timeout.map { CommandDeadline(time: time.now() + $0, limit: $0) }
      ending = try await inTime(deadline) {
        try await self.runScript(pod, request, deadline, slot, begun)
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

  /// Ends a command whose time is over, with all that does the same work; other commands in the container
  /// continue.
  ///
  /// An earlier daemon, or a caller that stopped waiting, may have started the same work, and this command may
  /// only wait for it. That work has timed out as well, so it must not go on after that is reported.
  private nonisolated func timedOut(
    _ pod: ObjectName, _ request: ExecRequest, _ limit: Duration, _ begun: BegunCommand
  ) async throws(APIError) -> Never {
    guard let begun = begun.value else {
      throw APIError(.unavailable, "Pod \(pod): the command could not be begun within \(limit)")
    }
    let excess = ResourceExcess.time(limit: limit)
    let (place, watch) = (begun.command.place, runner.watch)
    // Runs under the pod's key, so that the container's own end cannot move the folder at the same time.
    try? await files.run(key: begun.uid) {
      let others = request.key.map { RunFolder(ofCommand: place).commands(withKey: $0) } ?? []
      for place in Set(others).union([place]) {
        watch.note(excess, of: place)
        RunFolder.end(command: place)
      }
    }
    begun.slot.free()
    throw APIError(.timeout, "Pod \(pod): \(excess)")
  }

  /// The exit code of a killed script.
  private static let killed = 137

  /// The reason why a script was ended that an earlier call, or daemon, had started and this call attached to.
  private nonisolated func excess(of begun: BegunCommand) async throws -> String? {
    guard let begun = begun.value else { return nil }
    let folder = RunFolder(ofCommand: begun.command.place)
    return try await files.run(key: begun.uid) { folder.takeExcess() }
  }

  func target(_ pod: ObjectName, _ request: ExecRequest) throws(APIError) -> RunningContainer {
    let target = try node.running(pod, container: request.container, in: store)
    if let wanted = request.containerID, wanted != ContainerState.reference(target.containerID) {
      throw APIError(
        .conflict, "Pod \(pod): container \"\(request.container)\" is another one than \(wanted) by now")
    }
    return target
  }

  /// Finds the container for a command before `begin` starts it. `begin` then sees whether the container has
  /// ended in between.
  func reserve(_ pod: ObjectName, _ request: ExecRequest) throws(APIError) -> RunningContainer {
    let target = try target(pod, request)
    reserved.enter(target.rootID)
    return target
  }

  private func runScript(
    _ pod: ObjectName, _ request: ExecRequest, _ deadline: CommandDeadline?, _ slot: Slot,
    _ begun: BegunCommand
  ) async throws -> ScriptRunner.Ending {
    let command: ScriptRunner.Command
    do {
      // Looked up again, because the pod may have changed while the command waited in the queue.
      let target = try reserve(pod, request)
      command = try await begin(target, request, deadline, slot)
      begun.set(BegunCommand.Value(command: command, uid: target.spec.uid, slot: slot))
    } catch {
      slot.free()
      throw error
    }
    return try await command.ending.wait()
  }

  /// - Parameter target: from `reserve`.
  nonisolated func begin(
    _ target: RunningContainer, _ request: ExecRequest, _ deadline: CommandDeadline?, _ slot: Slot
  ) async throws -> ScriptRunner.Command {
    let folders = folders
    let runner = runner
    let reserved = reserved
    defer { reserved.leave(target.rootID) }
    do {
      return try await files.run(key: target.spec.uid) {
        // A pod's folder is named after the pod, and a new pod with the same name may already use it.
        guard !reserved.hasEnded(target.rootID) else {
          throw APIError(
            .notRunning, "Pod \(target.spec.name): the container ended before the command began")
        }
        try folders.makeRoot(of: target.spec, containerID: target.rootID, image: target.image, ip: target.ip)
        let root = folders.root(of: target.spec)
        let sandboxed = try folders.sandbox(
          request.command, in: target.container, of: target.spec, root: root)
        return try runner.start(
          sandboxed, stdin: request.stdin, outputLimit: request.outputLimit,
          folder: folders.run(target.rootID), deadline: deadline, key: request.key
        ) { slot.free() }
      }
    } catch let error as APIError {
      throw error
    } catch {
      throw APIError(.notStarted, "Pod \(target.spec.name): the command could not be started: \(error)")
    }
  }

  /// Returns nil on timeout. The work has then stopped waiting, and the caller must end the command.
  private nonisolated func inTime(
    _ deadline: CommandDeadline?, _ work: @escaping @Sendable () async throws -> ScriptRunner.Ending
  ) async throws -> ScriptRunner.Ending? {
    guard let deadline else { return try await work() }
    return try await withThrowingTaskGroup(of: ScriptRunner.Ending?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await self.time.sleep(deadline.time)
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
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

/// One slot for a running script. It is freed once, by the first caller of `free`.
final class Slot: Sendable {
  private let state: Mutex<SlotQueue?>

  init(_ queue: SlotQueue) { state = Mutex(queue) }

  func free() {
    let queue = state.withLock { queue in
      defer { queue = nil }
      return queue
    }
    queue?.release()
  }
}

/// Containers in which commands are about to start, and which of them have ended in between.
///
/// The actor finds the container, and the pod's queue starts the command. Between the two steps, the queue may
/// end the container.
final class ReservedContainers: Sendable {
  private struct Entry {
    var count = 0
    var hasEnded = false
  }

  private let entries = Mutex<[String: Entry]>([:])

  func enter(_ id: String) { entries.withLock { $0[id, default: Entry()].count += 1 } }

  func leave(_ id: String) {
    entries.withLock { entries in
      guard let entry = entries[id] else { return }
      entries[id] = entry.count > 1 ? Entry(count: entry.count - 1, hasEnded: entry.hasEnded) : nil
    }
  }

  func end(_ ids: [String]) { entries.withLock { entries in for id in ids { entries[id]?.hasEnded = true } } }

  func hasEnded(_ id: String) -> Bool { entries.withLock { $0[id]?.hasEnded ?? false } }
}
