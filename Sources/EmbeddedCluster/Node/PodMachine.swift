import Values

/// The state machine of one pod on the node, as a value: takes events, and changes the pod's state and returns
/// effects.
///
/// The time is passed in, and no method waits. Source of the states and their reasons: kubelet,
/// `pkg/kubelet/images` and `pkg/kubelet/kuberuntime`.
struct PodMachine: Sendable {
  struct Context {
    /// Time since 1970.
    var now: Duration
    var catalog: ImageCatalog
    var newID: () -> String
  }

  enum Event: Sendable, Hashable {
    /// The node admitted the pod, or adopted it after its own restart.
    case admitted(ip: String)
    case refused(message: String)
    /// The time in `deadline` has come.
    case due
    /// The container's folder was created, or creating it failed.
    case prepared(containerID: String, failure: String?)
    case initEnded(containerID: String, exitCode: Int)
    /// The init container's command could not be started; no part of it has run.
    case initNotStarted(containerID: String)
    /// The main containers died.
    case killed
    case deleted
  }

  enum Effect: Sendable, Hashable {
    case prepare(container: Int, containerID: String)
    case runInit(container: Int, containerID: String)
    /// End all processes in these containers.
    case end(containerIDs: [String])
    /// End all remaining processes, remove the folders, and then remove the object.
    case tearDown(containerIDs: [String])
  }

  enum Stage: Sendable, Hashable {
    case new
    case unschedulable
    case pulling(Int, until: Duration)
    /// A container that could not be pulled or created. It reports the failure until `quietAt`, and a backoff
    /// after that.
    case failed(Int, quietAt: Duration?, retryAt: Duration)
    /// The image's name is invalid and can never be pulled.
    case invalidName(Int)
    /// The container's folder is being created.
    case preparing(Int)
    case initRunning(Int)
    case initFailed(Int, retryAt: Duration)
    /// The init container could not be started, for example under high load, and will be tried again.
    case initNotStarted(Int, retryAt: Duration)
    case starting(until: Duration)
    case running
    case crashed(retryAt: Duration)
    case stopping
  }

  struct Container: Sendable, Hashable {
    /// The definition of a container in the pod's spec.
    struct Definition: Sendable, Hashable {
      let name: String
      let image: String
      let isInit: Bool
      let hasCommand: Bool
      let hasMounts: Bool

      init(_ spec: PodSpec.Container) {
        (name, image, isInit) = (spec.name, spec.image, spec.isInit)
        (hasCommand, hasMounts) = (!spec.command.isEmpty, !spec.mounts.isEmpty)
      }
    }

    let definition: Definition
    var restarts = 0
    var state = ContainerState.waiting(reason: "ContainerCreating", message: nil)
    var last: Termination?
    var containerID: String?
    var pullFailures = 0
    var startFailures = 0
    var isReady = false
    /// The pulled image. The container runs it even if the catalog changes later.
    var pulled: PulledImage?

    init(_ spec: PodSpec.Container) { definition = Definition(spec) }

    var name: String { definition.name }
    var image: String { definition.image }
    var isInit: Bool { definition.isInit }
  }

  struct PulledImage: Sendable, Hashable {
    var hasFiles: Bool
    var start: Duration
    var crashes: Bool

    init?(_ entry: ImageCatalog.Entry?) {
      guard let entry else { return nil }
      hasFiles = entry.rootfs != nil
      start = entry.start
      crashes = entry.crash
    }
  }

  private(set) var stage = Stage.new
  var containers: [Container]
  var facts = PodFacts()

  init(_ spec: PodSpec) {
    containers = spec.containers.map(Container.init)
  }

  /// Restores a pod from the status that an earlier run of the node stored.
  init(_ spec: PodSpec, resuming status: JSON) {
    self.init(spec)
    guard facts.read(status) else { return }
    for index in containers.indices { containers[index].read(status) }
    if facts.isTrue("Ready") { stage = .running }
  }

  /// The time at which the pod needs the event `due`.
  var deadline: Duration? {
    switch stage {
    case .pulling(_, let until), .starting(let until): until
    case .failed(_, let quietAt, let retryAt): quietAt ?? retryAt
    case .initFailed(_, let retryAt), .initNotStarted(_, let retryAt), .crashed(let retryAt): retryAt
    case .new, .unschedulable, .invalidName, .preparing, .initRunning, .running, .stopping: nil
    }
  }

  var containerIDs: [String] { containers.compactMap(\.containerID) }

  /// Index of the first container that is not an init container.
  var firstMain: Int { containers.firstIndex { !$0.isInit } ?? containers.count }

  mutating func handle(_ event: Event, _ context: Context) -> [Effect] {
    facts.time = context.now.wholeSeconds
    if event == .deleted {
      guard stage != .stopping else { return [] }
      stage = .stopping
      return [.tearDown(containerIDs: containerIDs)]
    }
    switch (stage, event) {
    case (.new, .admitted(let ip)), (.unschedulable, .admitted(let ip)):
      facts.admit(ip: ip, at: context.now.wholeSeconds)
      return begin(context)
    case (.new, .refused(let message)), (.unschedulable, .refused(let message)):
      facts.refuse(message, at: context.now.wholeSeconds)
      stage = .unschedulable
      return []
    case (_, .due): return handleDue(context)
    case (.preparing(let index), .prepared(let id, let failure)) where containers[index].containerID == id:
      guard let failure else { return index < firstMain ? runInit(index) : start(context) }
      return fail(index, reason: "CreateContainerError", message: failure, context)
    case (.initRunning(let index), .initEnded(let id, let exitCode)) where containers[index].containerID == id:
      containers[index].startFailures = 0
      return endInit(index, exitCode: exitCode, context)
    case (.initRunning(let index), .initNotStarted(let id)) where containers[index].containerID == id:
      return retryStart(index, context)
    case (.running, .killed), (.starting, .killed):
      return restart(exitCode: 137, context)
    default: return []
    }
  }

  private mutating func handleDue(_ context: Context) -> [Effect] {
    guard let deadline, deadline <= context.now else { return [] }
    switch stage {
    case .pulling(let index, _): return pulled(index, context)
    case .failed(let index, .some, let retryAt):
      if case .waiting("ErrImagePull", let message) = containers[index].state {
        let text = "Back-off pulling image \"\(containers[index].image)\": \(message ?? "")"
        containers[index].state = .waiting(reason: "ImagePullBackOff", message: text)
      }
      stage = .failed(index, quietAt: nil, retryAt: retryAt)
      return []
    case .failed(let index, nil, _): return pull(index, context)
    case .initFailed(let index, _):
      containers[index].restarts += 1
      return prepare(index, context)
    case .initNotStarted(let index, _): return prepare(index, context)
    case .starting: return run(context)
    case .crashed:
      for index in firstMain..<containers.count { containers[index].restarts += 1 }
      return prepare(firstMain, context)
    default: return []
    }
  }

  // MARK: Pulling

  /// Continues where an earlier run of the node stopped; a new pod begins at its first container.
  private mutating func begin(_ context: Context) -> [Effect] {
    let isCrashing = containers.contains {
      if !$0.isInit, case .waiting("CrashLoopBackOff", _) = $0.state { true } else { false }
    }
    if isCrashing {
      stage = .crashed(retryAt: context.now + Self.backoff(containers[firstMain].restarts))
      return []
    }
    let next = containers.firstIndex { !($0.isInit && $0.state.exitCode == 0) } ?? containers.count
    let waiting = next < firstMain ? "PodInitializing" : "ContainerCreating"
    for index in next..<containers.count where containers[index].last == nil {
      containers[index].state = .waiting(reason: waiting, message: nil)
    }
    return pull(next, context)
  }

  private mutating func pull(_ index: Int, _ context: Context) -> [Effect] {
    guard index < containers.count else { return prepare(firstMain, context) }
    let image = containers[index].image
    guard ImageReference.isValid(image) else {
      containers[index].state = .waiting(
        reason: "InvalidImageName",
        message: "Failed to apply default image tag \"\(image)\": it is no image reference")
      stage = .invalidName(index)
      return []
    }
    guard let entry = context.catalog.entry(for: image) else {
      containers[index].pullFailures += 1
      return fail(
        index, reason: "ErrImagePull",
        message: "\(image): not found in the catalog (.kdops.yaml embedded.images)", context)
    }
    containers[index].pulled = PulledImage(entry)
    guard entry.pull > .zero else { return pulled(index, context) }
    containers[index].state = .waiting(reason: creating(index), message: nil)
    stage = .pulling(index, until: context.now + entry.pull)
    return []
  }

  private mutating func pulled(_ index: Int, _ context: Context) -> [Effect] {
    containers[index].pullFailures = 0
    containers[index].state = .waiting(reason: creating(index), message: nil)
    return containers[index].isInit ? prepare(index, context) : pull(index + 1, context)
  }

  private func creating(_ index: Int) -> String {
    containers[index].isInit || firstMain == 0 ? "ContainerCreating" : "PodInitializing"
  }

  private mutating func fail(_ index: Int, reason: String, message: String, _ context: Context) -> [Effect] {
    let wait = Self.backoff(max(0, containers[index].pullFailures - 1))
    containers[index].state = .waiting(reason: reason, message: message)
    stage = .failed(index, quietAt: context.now + min(.seconds(2), wait / 2), retryAt: context.now + wait)
    return []
  }

  /// 10 s, doubled with each failure, at most 5 min.
  private static func backoff(_ failures: Int) -> Duration {
    Backoff(first: .seconds(10), limit: .seconds(300)).longest(attempt: failures)
  }

  // MARK: Containers

  /// Requests the folder of a container, if it needs one: an init container has its own, and all main
  /// containers share one.
  private mutating func prepare(_ index: Int, _ context: Context) -> [Effect] {
    guard index < containers.count else { return [] }
    // After a restart of the node, an image counts as pulled if the catalog has it.
    for container in containers.indices where containers[container].pulled == nil {
      containers[container].pulled = PulledImage(context.catalog.entry(for: containers[container].image))
    }
    let made = index < firstMain ? index..<index + 1 : firstMain..<containers.count
    let old = containers[made].compactMap(\.containerID)
    let ending: [Effect] = old.isEmpty ? [] : [.end(containerIDs: old)]
    if index < firstMain {
      containers[index].containerID = context.newID()
      guard containers[index].definition.hasCommand else {
        return ending + endInit(index, exitCode: 0, context)
      }
    } else {
      for main in made {
        containers[main].containerID = context.newID()
        containers[main].state = .waiting(reason: "ContainerCreating", message: nil)
      }
    }
    let isBare =
      index >= firstMain
      && containers[firstMain...].allSatisfy { !$0.definition.hasMounts && $0.pulled?.hasFiles != true }
    guard !isBare, let id = containers[index].containerID else { return ending + start(context) }
    stage = .preparing(index)
    return ending + [.prepare(container: index, containerID: id)]
  }

  private mutating func runInit(_ index: Int) -> [Effect] {
    guard let id = containers[index].containerID else { return [] }
    containers[index].state = .running(since: facts.time)
    stage = .initRunning(index)
    return [.runInit(container: index, containerID: id)]
  }

  private mutating func endInit(_ index: Int, exitCode: Int, _ context: Context) -> [Effect] {
    let termination = Termination(
      exitCode: exitCode, startedAt: containers[index].state.startedAt ?? context.now.wholeSeconds,
      finishedAt: context.now.wholeSeconds, containerID: containers[index].containerID)
    let ending = containers[index].containerID.map { [Effect.end(containerIDs: [$0])] } ?? []
    if exitCode == 0 {
      containers[index].state = .terminated(termination)
      containers[index].isReady = true
      return ending + pull(index + 1, context)
    }
    let wait = Self.backoff(containers[index].restarts)
    containers[index].last = termination
    containers[index].state = .waiting(
      reason: "CrashLoopBackOff",
      message:
        "back-off \(wait.wholeSeconds)s restarting failed container=\(containers[index].name), exit code \(exitCode)"
    )
    stage = .initFailed(index, retryAt: context.now + wait)
    return ending
  }

  /// The number of start failures, over about half a minute, after which the container counts as failed.
  private static let quietStartFailures = 5

  /// Retries after 1 s, 2 s, and so on. After the last retry the container has failed, with the exit code of a
  /// runtime that cannot start a container.
  private mutating func retryStart(_ index: Int, _ context: Context) -> [Effect] {
    let failures = containers[index].startFailures
    guard failures < Self.quietStartFailures else { return endInit(index, exitCode: 128, context) }
    containers[index].startFailures += 1
    containers[index].state = .waiting(reason: creating(index), message: nil)
    stage = .initNotStarted(index, retryAt: context.now + .seconds(1 << failures))
    return containers[index].containerID.map { [.end(containerIDs: [$0])] } ?? []
  }

  private mutating func start(_ context: Context) -> [Effect] {
    let delay = containers[firstMain...].map { $0.pulled?.start ?? .zero }.max() ?? .zero
    guard delay > .zero else { return run(context) }
    stage = .starting(until: context.now + delay)
    return []
  }

  private mutating func run(_ context: Context) -> [Effect] {
    let now = context.now.wholeSeconds
    let crashing = (firstMain..<containers.count).filter { containers[$0].pulled?.crashes ?? false }
    for index in firstMain..<containers.count {
      containers[index].state = .running(since: now)
      containers[index].isReady = true
    }
    stage = .running
    guard let first = crashing.first else { return [] }
    let wait = Self.backoff(containers[first].restarts)
    for index in crashing {
      containers[index].isReady = false
      containers[index].last = Termination(
        exitCode: 1, startedAt: now, finishedAt: now, containerID: containers[index].containerID)
      containers[index].state = .waiting(
        reason: "CrashLoopBackOff",
        message:
          "back-off \(wait.wholeSeconds)s restarting failed container=\(containers[index].name), exit code 1")
    }
    stage = .crashed(retryAt: context.now + wait)
    return []
  }

  /// Replaces the containers that died, at once and with new folders.
  private mutating func restart(exitCode: Int, _ context: Context) -> [Effect] {
    let now = context.now.wholeSeconds
    for index in firstMain..<containers.count {
      containers[index].last = Termination(
        exitCode: exitCode, startedAt: containers[index].state.startedAt ?? now, finishedAt: now,
        containerID: containers[index].containerID)
      containers[index].restarts += 1
      containers[index].isReady = false
    }
    return prepare(firstMain, context)
  }
}
