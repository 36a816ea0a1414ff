import Diagnostics
import KubeDirector
import Values

/// The files of the status tree: one per cluster, for programs without access to the cluster itself.
public enum StatusTree {
  /// The path of a cluster's file; nil if the names could lead out of the tree.
  public static func path(namespace: String, name: String) -> String? {
    guard isName(namespace), isName(name) else { return nil }
    return "\(namespace)/\(name).yaml"
  }

  /// Accepts the characters of Kubernetes names, and rejects a leading dot, so that no name is `.`, `..` or
  /// hidden.
  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 253 && text.utf8.first != UInt8(ascii: ".")
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-.".utf8.contains(byte)
      }
  }
}

/// The status of one cluster in the status tree.
public struct ClusterFile: Sendable, Hashable {
  public var namespace: String
  public var name: String
  /// The commit that is being applied.
  public var commit: String?
  /// Nil if the cluster has no status yet.
  public var state: ClusterStatus.State?
  public var app: String
  public var appCatalog: AppCatalog?
  public var upgradeInfo: UpgradeInfo?
  public var roles: [Role]
  public var verdict: Verdict?
  public var phase: Phase?
  public var message: String?
  /// Why progress requires intervention, if `message` is about something else: a later change may wait behind a
  /// stall.
  public var stalled: String?
  /// The history of the last upgrades and rollbacks. A running one is included only if it is stalled.
  public var journal: Journal

  public struct Role: Sendable, Hashable {
    public var id: String
    public var members: Int
    /// True if the running upgrade can no longer be rolled back because of this role.
    public var noWayBack: Bool

    public init(id: String, members: Int, noWayBack: Bool = false) {
      self.id = id
      self.members = members
      self.noWayBack = noWayBack
    }
  }

  /// - Parameters:
  ///   - noWayBack: the roles because of which the running upgrade can no longer be rolled back.
  ///   - verdict: the verdict on the object's last change.
  ///   - message: one sentence with the reason why it waits, was rejected or is stalled.
  public init(
    namespace: String, name: String, status: ClusterStatus?, noWayBack: Set<String> = [],
    verdict: Verdict? = nil, phase: Phase? = nil, message: String? = nil
  ) {
    self.namespace = namespace
    self.name = name
    commit = status?.specCommit
    state = status?.state
    app = status?.app ?? ""
    appCatalog = status?.appCatalog
    upgradeInfo = status?.upgradeInfo
    roles =
      status?.roles.map { role in
        Role(id: role.id, members: role.members.count, noWayBack: noWayBack.contains(role.id))
      } ?? []
    self.verdict = verdict
    self.phase = phase
    let stall = status?.stall?.message
    self.message = message ?? stall
    stalled = self.message == stall ? nil : stall
    // A running upgrade changes with each pod, and each change would become a commit.
    journal = status?.journal ?? Journal()
    if stall == nil { journal.runs.removeAll { $0.ended == nil } }
  }

  public var path: String? { StatusTree.path(namespace: namespace, name: name) }

  /// The file's bytes: YAML, one key per line.
  public var bytes: [UInt8] {
    var out: JSON = ["schemaVersion": 1]
    out["commit"] = commit.map { .string(clean($0)) }
    out["state"] = state.map { .string($0.rawValue) }
    out["app"] = .string(clean(app))
    out["appCatalog"] = appCatalog.map { .string($0.rawValue) }
    out["upgradeInfo"] = upgradeInfo.map { info in
      [
        "isRollingBack": .bool(info.isRollingBack), "prevApp": .string(clean(info.prevApp)),
        "id": .string(clean(info.id)),
      ]
    }
    out["roles"] = .array(
      roles.prefix(1000).map { role in
        var entry: JSON = ["id": .string(clean(role.id)), "members": JSON(role.members)]
        if role.noWayBack { entry["noWayBack"] = true }
        return entry
      })
    out["verdict"] = verdict.map { .string($0.rawValue) }
    out["phase"] = phase.map { .string($0.rawValue) }
    out["message"] = message.map { .string(clean($0, limit: 800)) }
    out["stalled"] = stalled.map { .string(clean($0, limit: 800)) }
    if !journal.runs.isEmpty { out["journal"] = .array(journal.runs.map { $0.cleaned.json }) }
    return Array(YAMLWriter(.compact).block(out.object ?? [:]).utf8)
  }
}

extension ClusterFile {
  /// The most members that a file may claim for all roles together; a higher number cannot come from a real
  /// cluster.
  static let memberLimit = ClusterSpec.memberLimit

  /// Reads a parsed file of the tree. The content is untrusted: a writer of the ref may have forged it. A
  /// file in another format gives nil, and no content creates more than `memberLimit` members.
  ///
  /// - Parameter path: the file's path in the tree; names the cluster.
  public init?(path: String, _ file: JSON) {
    let names = path.split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, names[1].hasSuffix(".yaml"), file["schemaVersion"]?.integer == 1 else {
      return nil
    }
    let (namespace, name) = (String(names[0]), String(names[1].dropLast(5)))
    guard StatusTree.path(namespace: namespace, name: name) == path else { return nil }
    self.init(namespace: namespace, name: name, status: nil)
    commit = file["commit"]?.string
    state = file["state"]?.string.flatMap(ClusterStatus.State.init)
    app = file["app"]?.string.flatMap(Self.name) ?? ""
    appCatalog = file["appCatalog"]?.string.flatMap(AppCatalog.init)
    upgradeInfo = file["upgradeInfo"].flatMap { info in
      info["prevApp"]?.string.flatMap(Self.name).map { prevApp in
        UpgradeInfo(
          isRollingBack: info["isRollingBack"]?.bool ?? false, prevApp: prevApp, id: info["id"]?.string ?? "")
      }
    }
    var space = Self.memberLimit
    roles = (file["roles"]?.array ?? []).prefix(Self.roleLimit).compactMap { role in
      guard let id = role["id"]?.string.flatMap(Self.name) else { return nil }
      let members = role["members"]?.count(upTo: space) ?? 0
      space -= members
      return Role(id: id, members: members, noWayBack: role["noWayBack"]?.bool == true)
    }
    verdict = file["verdict"]?.string.flatMap(Verdict.init)
    phase = file["phase"]?.string.flatMap(Phase.init)
    message = file["message"]?.string
    stalled = file["stalled"]?.string
    journal = Journal(file["journal"])
  }

  /// The schema's limit of roles.
  private static let roleLimit = 256

  /// Returns a name that an object of Kubernetes can have; nil for a longer one. Each member's name contains its role's.
  private static func name(_ text: String) -> String? { text.utf8.count <= 253 ? text : nil }

  /// The stall reason; nil if the cluster is not stalled.
  public var stall: String? { stalled ?? (phase == .failed ? message : nil) }

  /// The part of a status that the rules on running clusters need; nil if the file has no state. Pod names
  /// are not in the file, so the members get generated names.
  public var status: ClusterStatus? {
    state.map { state in
      ClusterStatus(
        state: state, app: app, appCatalog: appCatalog, upgradeInfo: upgradeInfo, specCommit: commit,
        roles: roles.map(status),
        conditions: stall.map {
          [Condition(type: .stalled, status: true, reason: .stalled, message: $0, lastTransition: 0)]
        } ?? [])
    }
  }

  private func status(of role: Role) -> RoleStatus {
    var members = (0..<role.members).map {
      MemberStatus(pod: "\(name)-\(role.id)-\($0)", nodeID: 0, state: .configured, app: app)
    }
    // The last member is the first to get the new package.
    if role.noWayBack, let info = upgradeInfo, let last = members.indices.last {
      members[last].podUpgradeStatus = .configured
      members[last].upgrade = MemberStatus.Ledger(id: info.id, revision: "")
    }
    return RoleStatus(id: role.id, statefulSet: "", members: members)
  }
}

extension Journal.Run {
  /// The run with all text from people or nodes prepared for the tree: one line, bounded, no credentials.
  fileprivate var cleaned: Journal.Run {
    var run = self
    (run.id, run.from, run.to) = (clean(id), clean(from), clean(to))
    run.commit = commit.map { clean($0) }
    for index in run.pods.indices {
      run.pods[index].stallReason = run.pods[index].stallReason.map { clean($0) }
    }
    for index in run.waits.indices { run.waits[index].what = clean(run.waits[index].what) }
    return run
  }
}
