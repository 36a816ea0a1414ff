import ClusterAPI
import KubeDirector
import Upgrade
import Values

// Converts a pod order of the machine into one command in the pod.
extension ActionExecutor {
  /// Executes the order and waits until it ends, however long that takes. It is safe to call again after any error: it
  /// waits for a run that was already started for the same order and does not start a second one.
  func carryOut(_ order: PodOrder, pod: String, in context: Context) async throws(APIError) -> PodResult {
    let request: ExecRequest
    switch order.task {
    case .install(let app, let mode, _): request = install(app, mode, order, pod, context)
    case .script(let notification, let app) where notification.event == .refresh:
      request = refresh(notification, app, order, pod, context)
    case .script(let notification, let app): request = script(notification, app, order, pod, context)
    case .discardBackup(let id, _): request = discard(id, order)
    }
    let name = ObjectName(namespace: context.name.namespace, name: pod)
    let result = try await api.exec(name, request)
    if Self.says(PodScripts.cutShort, result) {
      throw APIError(.unavailable, "pod \(name): the connection was cut before all had been said")
    }
    if case .script = order.task, Self.says(PodScripts.otherContainer, result) {
      throw APIError(
        .conflict,
        "pod \(name): the container is not the one that this was meant for, or has lost its mark /.kdops-container"
      )
    }
    if case .script = order.task, Self.says(PodScripts.notStarted, result) {
      let said = String(decoding: result.stderr.suffix(500), as: UTF8.self)
        .split(whereSeparator: \.isNewline).joined(separator: "; ")
      let reason = said.isEmpty ? "the shell in the container ended and gave no reason" : said
      throw APIError(.notStarted, "pod \(name): the startscript could not be started: \(reason)")
    }
    return PodResult(
      exitCode: result.exitCode, stdout: String(decoding: result.stdout, as: UTF8.self),
      stderr: String(decoding: result.stderr, as: UTF8.self))
  }

  /// Whether the output comes from the wrapper around the script, not from the script itself.
  private static func says(_ answer: (exitCode: Int, stdout: String), _ result: ExecResult) -> Bool {
    result.exitCode == answer.exitCode && result.stdout.elementsEqual(answer.stdout.utf8)
  }

  private func install(
    _ app: String, _ mode: PodOrder.Mode, _ order: PodOrder, _ pod: String, _ context: Context
  ) -> ExecRequest {
    let resolved = context.apps[app]?.resolved(order.role)
    let meta = configMeta(app, order.role, pod, context)
    let (word, id, backup): (String, String, Bool) =
      switch mode {
      case .fresh: ("fresh", "", false)
      case .metadataOnly: ("metadata", "", false)
      case .upgrade(let id, let backup): ("upgrade", id, backup)
      case .revert(let id, let backup): ("revert", id, backup)
      }
    let layout = resolved?.package?.useNewSetupLayout == true ? "new" : "legacy"
    // As in KubeDirector, only members with a package have it.
    let tool = resolved?.package == nil ? nil : settings.configcli
    let arguments = [
      word, id, backup ? "backup" : "plain", layout, resolved?.package?.url ?? "", "\(meta.count)",
      order.containerID, tool?.word ?? "", "\(tool?.bytes.count ?? 0)",
    ]
    let files = (context.cluster.spec.role(order.role)?.fileInjections ?? []).flatMap(Self.words)
    return ExecRequest(
      command: ["/bin/sh", "-c", PodScripts.install, "install"] + arguments + files,
      stdin: meta + (tool?.bytes ?? []),
      outputLimit: kept(resolved), timeout: commandTimeout, containerID: order.containerID,
      key: "install.\(word).\(id)")
  }

  /// Writes `configmeta.json` again. No script follows.
  private func refresh(
    _ notification: Notification, _ app: String, _ order: PodOrder, _ pod: String, _ context: Context
  ) -> ExecRequest {
    metadata("metadata", app, order, pod, context, key: Self.key(notification, order.containerID))
  }

  /// Marks a container as set up that another operator has set up, and writes a current `configmeta.json`. Injected
  /// files are not fetched again.
  func mark(_ order: PodOrder, pod: String, in context: Context) async throws(APIError) {
    let request = metadata(
      "mark", order.task.app, order, pod, context, key: "mark.\(order.containerID)")
    _ = try await api.exec(ObjectName(namespace: context.name.namespace, name: pod), request)
  }

  /// The command that writes `configmeta.json` and no package, with the mode of `install`.
  private func metadata(
    _ mode: String, _ app: String, _ order: PodOrder, _ pod: String, _ context: Context, key: String
  ) -> ExecRequest {
    let meta = configMeta(app, order.role, pod, context)
    let layout =
      context.apps[app]?.resolved(order.role)?.package?.useNewSetupLayout == true ? "new" : "legacy"
    let arguments = [mode, "", "plain", layout, "", "\(meta.count)", order.containerID, "", "0"]
    return ExecRequest(
      command: ["/bin/sh", "-c", PodScripts.install, "install"] + arguments, stdin: meta,
      outputLimit: 1 << 10, timeout: commandTimeout, containerID: order.containerID, key: key)
  }

  /// The arguments of `install` for a file.
  static func words(_ file: FileInjection) -> [String] {
    guard let name = file.name else { return [] }
    let mode = file.mode.map { String($0 & 0o7777, radix: 8) } ?? ""
    return [file.source, file.folder, name, mode, file.owner, file.group]
  }

  private func discard(_ id: String, _ order: PodOrder) -> ExecRequest {
    ExecRequest(
      command: ["/bin/sh", "-c", PodScripts.discard, "discard", id], stdin: [], outputLimit: 1 << 10,
      timeout: commandTimeout, containerID: order.containerID)
  }

  private func script(
    _ notification: Notification, _ app: String, _ order: PodOrder, _ pod: String, _ context: Context
  ) -> ExecRequest {
    let keep = kept(context.apps[app]?.resolved(order.role))
    let meta = Self.refreshesMetadata(notification.event) ? configMeta(app, order.role, pod, context) : []
    let words = notification.words(
      cluster: context.cluster.metadata, clusterDomain: settings.clusterDomain,
      adopted: context.status.adopted)
    let key = Self.key(notification, order.containerID)
    let arguments = [
      PodScripts.inner, key, order.containerID,
      "\(settings.scriptTimeout)", "\(keep)", "\(meta.count)", notification.event.argument,
    ]
    return ExecRequest(
      command: ["/bin/sh", "-c", PodScripts.run, "run"] + arguments + words, stdin: meta,
      outputLimit: keep, timeout: commandTimeout, containerID: order.containerID, key: key)
  }

  /// The number of bytes of each stream that are stored in the status. All members of a cluster share one object of
  /// bounded size, so an app may request less than this limit but not more.
  private func kept(_ role: ResolvedRole?) -> Int {
    min(role?.maxLogSizeDump ?? ResolvedRole.defaultMaxLogSizeDump, 16 << 10)
  }

  /// The hard limit for a command, even if the script defeats the limit that is set inside the pod; nil for none.
  private var commandTimeout: Duration? {
    settings.scriptTimeout > 0 ? .seconds(settings.scriptTimeout + 30) : nil
  }

  /// Whether the event changes what `configmeta.json` contains, so that the member's file is out of date.
  private static func refreshesMetadata(_ event: LifecycleEvent) -> Bool {
    event == .addNodes || event == .deleteNodes || event == .reconnect
  }

  private func configMeta(_ app: String, _ role: String, _ pod: String, _ context: Context) -> [UInt8] {
    guard let spec = context.apps[app],
      let member = context.status.role(role)?.members.first(where: { $0.pod == pod })
    else { return [] }
    let meta = ConfigMeta(
      cluster: context.cluster, status: context.status, app: spec, clusterDomain: settings.clusterDomain,
      stamp: context.stamp, connections: context.connections)
    return Array(meta.json(role: role, member: member).serialized(pretty: true, sortedKeys: false))
  }

  /// A unique file name for this run: letters, digits, dots, underscores and dashes only.
  static func key(_ notification: Notification, _ containerID: String) -> String {
    let text =
      [notification.event.rawValue, notification.id, containerID].joined(separator: ".")
      + notification.arguments.map { ".\($0)" }.joined()
      + (notification.nodes.map { ".\($0.role).\($0.text.replacing(",", with: "_"))" } ?? "")
    let legal = text.utf8.map { byte -> UInt8 in
      let isLegal =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == 0x2D || byte == 0x5F || byte == 0x2E
      return isLegal ? byte : 0x2D
    }
    let name = String(decoding: legal, as: UTF8.self)
    return name.utf8.count <= 120 ? name : "\(name.prefix(80))-\(Digest.short(text))"
  }
}
