import KubeDirector
import Values

/// How a container ended. Times are seconds since 1970.
struct Termination: Sendable, Hashable {
  var exitCode: Int
  var startedAt: Int
  var finishedAt: Int
  var containerID: String?

  init(exitCode: Int, startedAt: Int, finishedAt: Int, containerID: String?) {
    self.exitCode = exitCode
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.containerID = containerID
  }

  init?(_ json: JSON?) {
    guard let json, let exitCode = json["exitCode"]?.integer else { return nil }
    self.init(
      exitCode: exitCode, startedAt: json["startedAt"]?.string.flatMap(Timestamp.seconds) ?? 0,
      finishedAt: json["finishedAt"]?.string.flatMap(Timestamp.seconds) ?? 0,
      containerID: json["containerID"]?.string.flatMap(ContainerState.id))
  }

  var json: JSON {
    var json: JSON = [
      "exitCode": JSON(exitCode), "reason": exitCode == 0 ? "Completed" : "Error",
      "startedAt": .string(Timestamp.text(startedAt)), "finishedAt": .string(Timestamp.text(finishedAt)),
    ]
    json["containerID"] = containerID.map { .string(ContainerState.reference($0)) }
    return json
  }
}

enum ContainerState: Sendable, Hashable {
  case waiting(reason: String, message: String?)
  /// Seconds since 1970.
  case running(since: Int)
  case terminated(Termination)

  static let scheme = "embedded://"
  static func reference(_ id: String) -> String { scheme + id }
  static func id(_ reference: String) -> String? {
    reference.hasPrefix(scheme) ? String(reference.dropFirst(scheme.utf8.count)) : nil
  }

  var exitCode: Int? { if case .terminated(let end) = self { end.exitCode } else { nil } }
  var startedAt: Int? { if case .running(let since) = self { since } else { nil } }

  init?(_ json: JSON?) {
    if let waiting = json?["waiting"] {
      self = .waiting(reason: waiting["reason"]?.string ?? "", message: waiting["message"]?.string)
    } else if let running = json?["running"] {
      self = .running(since: running["startedAt"]?.string.flatMap(Timestamp.seconds) ?? 0)
    } else if let end = Termination(json?["terminated"]) {
      self = .terminated(end)
    } else {
      return nil
    }
  }

  var json: JSON {
    switch self {
    case .waiting(let reason, let message):
      [
        "waiting": message.map { ["reason": .string(reason), "message": .string($0)] } ?? [
          "reason": .string(reason)
        ]
      ]
    case .running(let since): ["running": ["startedAt": .string(Timestamp.text(since))]]
    case .terminated(let end): ["terminated": end.json]
    }
  }
}

/// The status of the pod as a whole. Times are seconds since 1970.
struct PodFacts: Sendable, Hashable {
  struct Condition: Sendable, Hashable {
    var isTrue: Bool
    var since: Int
  }

  var ip: String?
  var startTime: Int?
  var refusal: String?
  /// The time of the last event.
  var time = 0
  private var conditions: [String: Condition] = [:]

  func isTrue(_ condition: String) -> Bool { conditions[condition]?.isTrue ?? false }

  mutating func admit(ip: String, at time: Int) {
    self.time = time
    if self.ip == nil { self.ip = ip }
    if startTime == nil { startTime = time }
    refusal = nil
  }

  mutating func refuse(_ message: String, at time: Int) {
    self.time = time
    refusal = message
  }

  /// Reads a stored status. Returns false if no node has handled the pod yet.
  mutating func read(_ status: JSON) -> Bool {
    guard let started = status["startTime"]?.string.flatMap(Timestamp.seconds) else { return false }
    startTime = started
    ip = status["podIP"]?.string
    for condition in status["conditions"]?.array ?? [] {
      guard let type = condition["type"]?.string else { continue }
      conditions[type] = Condition(
        isTrue: condition["status"]?.string == "True",
        since: condition["lastTransitionTime"]?.string.flatMap(Timestamp.seconds) ?? started)
    }
    return true
  }

  mutating func condition(_ type: String, _ isTrue: Bool, reason: String, message: String) -> JSON {
    if conditions[type]?.isTrue != isTrue { conditions[type] = Condition(isTrue: isTrue, since: time) }
    var json: JSON = [
      "type": .string(type), "status": isTrue ? "True" : "False",
      "lastTransitionTime": .string(Timestamp.text(conditions[type]?.since ?? time)),
    ]
    if !isTrue {
      json["reason"] = .string(reason)
      json["message"] = .string(message)
    }
    return json
  }
}

extension PodMachine.Container {
  mutating func read(_ status: JSON) {
    let statuses = status[isInit ? "initContainerStatuses" : "containerStatuses"]?.array ?? []
    guard let json = statuses.first(where: { $0["name"]?.string == name }) else { return }
    restarts = json["restartCount"]?.count() ?? 0
    state = ContainerState(json["state"]) ?? state
    last = Termination(json["lastState"]?["terminated"])
    containerID = json["containerID"]?.string.flatMap(ContainerState.id)
    isReady = json["ready"]?.bool ?? false
  }

  var json: JSON {
    var json: JSON = [
      "name": .string(name), "ready": .bool(isReady), "restartCount": JSON(restarts), "image": .string(image),
      "imageID": .string(containerID == nil ? "" : ContainerState.scheme + image),
      "started": .bool(!isInit && state.startedAt != nil), "state": state.json,
      "lastState": last.map { ["terminated": $0.json] } ?? [:],
    ]
    json["containerID"] = containerID.map { .string(ContainerState.reference($0)) }
    return json
  }
}

extension PodMachine {
  /// The pod's status in the format of Kubernetes.
  mutating func status(at now: Duration) -> JSON {
    facts.time = now.wholeSeconds
    let mains = containers[firstMain...]
    let waitingInits = containers[..<firstMain].filter { $0.state.exitCode != 0 }.map(\.name)
    let unready = mains.filter { !$0.isReady }.map(\.name)
    let isScheduled = facts.refusal == nil
    var status: JSON = ["phase": .string(phase)]
    func names(_ list: [String]) -> String { "[\(list.joined(separator: " "))]" }
    var conditions: [JSON] = []
    if isScheduled {
      conditions = [
        facts.condition(
          "Initialized", waitingInits.isEmpty, reason: "ContainersNotInitialized",
          message: "containers with incomplete status: \(names(waitingInits))"),
        facts.condition(
          "Ready", unready.isEmpty, reason: "ContainersNotReady",
          message: "containers with unready status: \(names(unready))"),
        facts.condition(
          "ContainersReady", unready.isEmpty, reason: "ContainersNotReady",
          message: "containers with unready status: \(names(unready))"),
      ]
    }
    conditions.append(
      facts.condition("PodScheduled", isScheduled, reason: "Unschedulable", message: facts.refusal ?? ""))
    status["conditions"] = .array(conditions)
    guard isScheduled else { return status }
    status["podIP"] = JSON(facts.ip)
    status["startTime"] = facts.startTime.map { .string(Timestamp.text($0)) }
    if firstMain > 0 { status["initContainerStatuses"] = .array(containers[..<firstMain].map(\.json)) }
    status["containerStatuses"] = .array(mains.map(\.json))
    return status
  }

  /// Running as soon as each main container has run, even if one has crashed since.
  private var phase: String {
    let mains = containers[firstMain...]
    let hasRun = mains.allSatisfy { container in
      if case .waiting = container.state { container.last != nil } else { true }
    }
    return hasRun && !mains.isEmpty ? "Running" : "Pending"
  }
}
