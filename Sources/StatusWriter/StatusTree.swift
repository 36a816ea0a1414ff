import KubeDirector
import Values

/// The files of the status tree: one a cluster, for programs that cannot ask the cluster itself.
public enum StatusTree {
  /// Where a cluster's file stands; nil where the names could lead elsewhere.
  public static func path(namespace: String, name: String) -> String? {
    guard isName(namespace), isName(name) else { return nil }
    return "\(namespace)/\(name).yaml"
  }

  /// The letters of Kubernetes' names, and no name that is a folder's special entry.
  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 253 && text.utf8.first != UInt8(ascii: ".")
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-.".utf8.contains(byte)
      }
  }
}

/// What the status tree says about one cluster.
public struct ClusterFile: Sendable, Hashable {
  public var namespace: String
  public var name: String
  /// The commit being realised.
  public var commit: String?
  /// Nil where the cluster has no status yet.
  public var state: ClusterStatus.State?
  public var app: String
  public var appCatalog: AppCatalog?
  public var upgradeInfo: UpgradeInfo?
  public var roles: [Role]
  public var verdict: String?
  public var phase: Phase?
  public var message: String?
  /// Why nothing goes on until somebody acts, where that is not the message: a later change may wait behind a stall.
  public var stalled: String?
  /// What the last upgrades and rollbacks did; of one that runs, only where it has stalled.
  public var journal: Journal

  public struct Role: Sendable, Hashable {
    public var id: String
    public var members: Int
    /// True where the running upgrade cannot be rolled back any more because of this role.
    public var noWayBack: Bool

    public init(id: String, members: Int, noWayBack: Bool = false) {
      self.id = id
      self.members = members
      self.noWayBack = noWayBack
    }
  }

  /// - Parameters:
  ///   - noWayBack: the roles that have left a running upgrade no way back.
  ///   - verdict: of the object's last change, in wire words.
  ///   - message: one sentence that says why it waits, was rejected or is stalled.
  public init(
    namespace: String, name: String, status: ClusterStatus?, noWayBack: Set<String> = [],
    verdict: String? = nil, phase: Phase? = nil, message: String? = nil
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
    // One that goes on changes with each pod, and would be a commit each time.
    journal = status?.journal ?? Journal()
    if stall == nil { journal.runs.removeAll { $0.ended == nil } }
  }

  public var path: String? { StatusTree.path(namespace: namespace, name: name) }

  /// The file's bytes: YAML, a key a line.
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
    out["verdict"] = verdict.map { .string(clean($0)) }
    out["phase"] = phase.map { .string($0.rawValue) }
    out["message"] = message.map { .string(clean($0, limit: 800)) }
    out["stalled"] = stalled.map { .string(clean($0, limit: 800)) }
    if !journal.runs.isEmpty { out["journal"] = .array(journal.runs.map { $0.cleaned.json }) }
    return Array(YAMLText.block(out.object ?? [:]).utf8)
  }
}

extension ClusterFile {
  /// The highest number of members that a file may claim for all roles together; more is not a cluster.
  static let memberLimit = ClusterSpec.memberLimit

  /// Reads a file of the tree, as a YAML reader took it apart. A writer of the ref may have forged it: what is
  /// no file of ours gives nil, and nothing in it makes more than `memberLimit` members.
  ///
  /// - Parameter path: where the file stood; names the cluster.
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
    app = file["app"]?.string ?? ""
    appCatalog = file["appCatalog"]?.string.flatMap(AppCatalog.init)
    upgradeInfo = file["upgradeInfo"].flatMap { info in
      info["prevApp"]?.string.map { prevApp in
        UpgradeInfo(
          isRollingBack: info["isRollingBack"]?.bool ?? false, prevApp: prevApp, id: info["id"]?.string ?? "")
      }
    }
    var room = Self.memberLimit
    roles = (file["roles"]?.array ?? []).prefix(Self.memberLimit).compactMap { role in
      guard let id = role["id"]?.string else { return nil }
      let members = role["members"]?.count(upTo: room) ?? 0
      room -= members
      return Role(id: id, members: members, noWayBack: role["noWayBack"]?.bool == true)
    }
    verdict = file["verdict"]?.string
    phase = file["phase"]?.string.flatMap(Phase.init)
    message = file["message"]?.string
    stalled = file["stalled"]?.string
    journal = Journal(file["journal"])
  }

  /// Why it has stalled; nil where it has not.
  public var stall: String? { stalled ?? (phase == .failed ? message : nil) }

  /// As much of a status as the rules need that look at running clusters; nil where the file names no state.
  /// Members are counted, not named: their pods' names are not in the file.
  public var status: ClusterStatus? {
    state.map { state in
      ClusterStatus(
        state: state, app: app, appCatalog: appCatalog, upgradeInfo: upgradeInfo, specCommit: commit,
        roles: roles.map(status),
        conditions: stall.map {
          [Condition(type: .stalled, status: true, reason: "Stalled", message: $0, lastTransition: 0)]
        } ?? [])
    }
  }

  private func status(of role: Role) -> RoleStatus {
    var members = (0..<role.members).map {
      MemberStatus(pod: "\(name)-\(role.id)-\($0)", nodeID: 0, state: .configured, app: app)
    }
    // The last one is the first to have the new package.
    if role.noWayBack, let info = upgradeInfo, let last = members.indices.last {
      members[last].podUpgradeStatus = .configured
      members[last].upgrade = MemberStatus.Ledger(id: info.id, revision: "")
    }
    return RoleStatus(id: role.id, statefulSet: "", members: members)
  }
}

extension Journal.Run {
  /// The same with everything that people or nodes wrote fit for the tree: one line, bounded, no credentials.
  fileprivate var cleaned: Journal.Run {
    var run = self
    (run.id, run.from, run.to) = (clean(id), clean(from), clean(to))
    run.commit = commit.map { clean($0) }
    for index in run.pods.indices {
      run.pods[index].trouble = run.pods[index].trouble.map { clean($0) }
    }
    for index in run.waits.indices { run.waits[index].what = clean(run.waits[index].what) }
    return run
  }
}
