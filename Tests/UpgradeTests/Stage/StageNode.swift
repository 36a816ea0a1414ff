import KubeDirector
import Upgrade

struct StagePod {
  var name: String
  var role: String
  var ordinal: Int
  var uid: String
  var version: Int
  var revision: String
  var image: String
  var isBeingDeleted = false
  var createdAt: Int?
  var endsBy: Int?
  var container: String?
  var waitingReason: StatusReason?
  var waitingMessage: String?
  var appLabel: String?
  /// A readiness gate is closed.
  var isGated = false
  /// True between a crash and the next start.
  var isCrashed = false
  /// The time of the first start in the pod's status, if a test sets it.
  var firstStartedAt: Int?
  /// The time of the last container restart, if the simulated node reports restarts.
  var restartedAt: Int?

  /// False for a container that runs and is not ready.
  var isAnswering = true

  var isContainerReady: Bool { container != nil && isAnswering }
  var isReady: Bool { isContainerReady && !isGated }
  var isAvailable: Bool { isReady && !isBeingDeleted }

  var observation: PodObservation {
    PodObservation(
      uid: uid, resourceVersion: "\(version)", revision: revision, isBeingDeleted: isBeingDeleted,
      createdAt: createdAt, endsBy: endsBy, containerID: container,
      isUnstarted: container == nil && !isCrashed, isContainerReady: isContainerReady,
      isReady: isReady, waitingReason: waitingReason,
      waitingMessage: waitingMessage, appLabel: appLabel, firstStartedAt: firstStartedAt,
      hasRestarted: restartedAt != nil, readySince: isReady ? restartedAt : nil)
  }
}

/// A container, which is kept after its end.
struct StageContainer {
  var id: String
  /// Increases with each start.
  var number: Int
  var pod: String
  var image: String
  /// The app whose package is installed.
  var package: String?
  var hasFailed = false
  /// The key of the running script.
  var running: String?
  /// Exit codes by key: the records in `/opt/guestconfig` of the scripts that ended in this container.
  var ended: [String: Int] = [:]
  /// The notifications by key.
  var delivered: [String: Notification] = [:]
  /// The number of actual starts of each key.
  var starts: [String: Int] = [:]

  /// True if the script succeeded, at once or after a retry.
  func hasSucceeded(_ key: String) -> Bool {
    ended.contains { $0.value == 0 && Self.first($0.key) == Self.first(key) }
  }

  /// True for a notification of connections that a newer, successful one has replaced.
  func isOutdated(_ key: String) -> Bool {
    key.hasPrefix("reconnect ") && ended.contains { $0.value == 0 && $0.key.hasPrefix("reconnect ") }
  }

  /// True for a failed notification of new members if each of them is gone since then or was notified again.
  ///
  /// - Parameter members: The number of members of a role.
  func isReverted(_ key: String, members: (String) -> Int) -> Bool {
    let words = key.split(separator: " ").map(String.init)
    guard words.first == "addnodes", words.count > 2 else { return false }
    return words.dropFirst(3).allSatisfy { ordinal in
      (Int(ordinal) ?? 0) >= members(words[2])
        || ended.contains { other, code in
          let parts = other.split(separator: " ").map(String.init)
          return code == 0 && parts.first == "addnodes" && parts[2] == words[2]
            && parts.dropFirst(3).contains(ordinal)
        }
    }
  }

  /// The key of the run before any retry.
  private static func first(_ key: String) -> String {
    key.split(separator: " ").map { String($0.prefix { $0 != "/" }) }.filter { !$0.isEmpty }
      .joined(separator: " ")
  }
}

extension Stage {
  /// The kubelet's next action for a pod.
  mutating func nodeActs(on name: String) -> Bool {
    guard var pod = pods[name] else { return false }
    if pod.isBeingDeleted {
      guard !lostPods.contains(Self.short(name)) else { return false }
      stopContainer(of: name)
      pods[name] = nil
      _ = fresh()
      return true
    }
    let isAnswering = !unreadyPods.contains(Self.short(name))
    if pod.container != nil, pod.isAnswering != isAnswering {
      pods[name]?.isAnswering = isAnswering
      touch(name)
      return true
    }
    guard pod.container == nil, !slowPods.contains(Self.short(name)) else { return false }
    // The image of a crashed container is already on the node.
    if badImages.contains(pod.image), !pod.isCrashed {
      guard pod.waitingReason == nil else { return false }
      pod.waitingReason = "ErrImagePull"
      pod.waitingMessage = "\(pod.image) not found"
      write("  \(Self.short(name)) cannot pull \(pod.image)")
    } else {
      let number = fresh()
      let id = "x\(number)"
      pod.container = id
      pod.isAnswering = isAnswering
      pod.waitingReason = nil
      pod.waitingMessage = nil
      if pod.isCrashed, reportsRestarts { pod.restartedAt = now }
      pod.isCrashed = false
      containers[id] = StageContainer(id: id, number: number, pod: name, image: pod.image)
      write("  \(Self.short(name)) runs \(pod.image)")
    }
    pod.version = fresh()
    pods[name] = pod
    return true
  }

  /// Alternates the waiting reason between two pull attempts, as the kubelet does.
  mutating func flapPull(_ name: String) {
    guard let reason = pods[name]?.waitingReason else { return }
    if reason == "ErrImagePull" {
      pods[name]?.waitingReason = "ImagePullBackOff"
      pods[name]?.waitingMessage = "Back-off pulling image"
    } else {
      pods[name]?.waitingReason = nil
      pods[name]?.waitingMessage = nil
    }
    touch(name)
  }

  mutating func crash(_ name: String, loops: Bool = false) {
    guard pods[name]?.container != nil else { return }
    write("  \(Self.short(name)) crashes")
    stopContainer(of: name)
    pods[name]?.isCrashed = true
    pods[name]?.waitingReason = loops ? "CrashLoopBackOff" : nil
    pods[name]?.waitingMessage = loops ? "back-off restarting container" : nil
    touch(name)
  }

  /// Gives the pod a new resource version.
  mutating func touch(_ name: String) {
    let version = fresh()
    pods[name]?.version = version
  }

  private mutating func stopContainer(of name: String) {
    guard let id = pods[name]?.container else { return }
    containers[id]?.running = nil
    pods[name]?.container = nil
    // A daemon that waits for a command in it is notified of its end.
    if case .running(let order) = daemon.work[name], order.containerID == id { daemon.work[name] = nil }
  }

  /// The running command in a pod ends: an installation, or a script.
  mutating func commandEnds(in name: String) -> Bool {
    guard let id = pods[name]?.container, !heldScripts.contains(Self.short(name)) else { return false }
    if case .running(let order) = daemon.work[name], order.containerID == id,
      case .install(let app, let mode, _) = order.task
    {
      let code = exitCode(name, "install")
      if code == 0 { containers[id]?.package = app }
      if code == 0, mode != .metadataOnly {
        containers[id]?.ended = [:]
        noteInstalled(id, in: name)
      }
      daemon.work[name] = .finished(order, PodResult(exitCode: code))
      return true
    }
    if case .running(let order) = daemon.work[name], order.containerID == id,
      case .discardBackup = order.task
    {
      daemon.work[name] = .finished(order, PodResult(exitCode: 0))
      return true
    }
    if case .running(let order) = daemon.work[name], order.containerID == id, let key = order.key,
      let code = containers[id]?.ended[key]
    {
      // It has already run: its record is its result.
      daemon.work[name] = .finished(order, PodResult(exitCode: code))
      return true
    }
    guard let key = containers[id]?.running else { return false }
    let code = exitCode(name, String(key.prefix { $0 != " " }))
    containers[id]?.running = nil
    containers[id]?.ended[key] = code
    if code == 0, let delivered = containers[id]?.delivered[key] { noteDelivered(delivered, in: name) }
    if case .running(let order) = daemon.work[name], order.containerID == id, order.key == key {
      daemon.work[name] = .finished(order, PodResult(exitCode: code, stderr: code == 0 ? "" : "no"))
    }
    return true
  }

  private mutating func exitCode(_ name: String, _ what: String) -> Int {
    let pod = Self.short(name)
    let code = exitCodes.removeValue(forKey: "\(pod) *") ?? exitCodes["\(pod) \(what)"] ?? 0
    if code != 0, let id = pods[name]?.container { containers[id]?.hasFailed = true }
    return code
  }
}

extension PodOrder {
  /// The key of the script's run in the container's record; nil for an installation.
  var key: String? {
    guard case .script(let notification, _) = task else { return nil }
    let nodes = notification.nodes.map { [$0.role] + $0.ordinals.joined().map(String.init) } ?? []
    return ([notification.event.rawValue, notification.id] + notification.arguments + nodes).joined(
      separator: " ")
  }
}
