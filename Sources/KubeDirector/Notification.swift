import Values

/// One run of `startscript` that a member is still owed.
public struct Notification: Sendable, Hashable {
  public var event: LifecycleEvent
  /// What follows the event on the command line, but for `nodes`.
  public var arguments: [String]
  /// Who came or went.
  public var nodes: Nodes?
  /// Tells this request from an earlier one for the same event: a commit, an upgrade's id, a retry's.
  public var id: String

  /// Members of one role, by their ordinals. Each of hundreds of listeners has them in the one status that all share,
  /// whose size is bounded, so runs of them are written as `3-17`.
  public struct Nodes: Sendable, Hashable {
    public var role: String
    /// Also for a role that is gone by the time that it is told.
    public var statefulSet: String
    /// In ascending order.
    public var ordinals: [ClosedRange<Int>]

    public init(role: String, statefulSet: String, ordinals: some Sequence<Int>) {
      self.role = role
      self.statefulSet = statefulSet
      self.ordinals = []
      for ordinal in ordinals.sorted() {
        guard let last = self.ordinals.last, ordinal <= last.upperBound + 1 else {
          self.ordinals.append(ordinal...ordinal)
          continue
        }
        self.ordinals[self.ordinals.count - 1] = last.lowerBound...max(ordinal, last.upperBound)
      }
    }

    /// `3-17,20`.
    public var text: String {
      ordinals.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        .joined(separator: ",")
    }

    public func contains(_ ordinal: Int) -> Bool { ordinals.contains { $0.contains(ordinal) } }
  }

  public init(event: LifecycleEvent, arguments: [String] = [], nodes: Nodes? = nil, id: String) {
    self.event = event
    self.arguments = arguments
    self.nodes = nodes
    self.id = id
  }

  /// All that follows the event on the command line: `--role worker --fqdns …,… --nodegroup 1`.
  public func words(cluster: Metadata, clusterDomain: String) -> [String] {
    guard let nodes else { return arguments }
    let domain = DerivedNames.domain(of: cluster, clusterDomain: clusterDomain)
    let names = nodes.ordinals.joined().map {
      "\(DerivedNames.pod(statefulSet: nodes.statefulSet, ordinal: $0)).\(domain)"
    }
    return arguments + ["--role", nodes.role, "--fqdns", names.joined(separator: ","), "--nodegroup", "1"]
  }
}

extension Notification {
  init?(_ notification: JSON) {
    guard let event = notification["event"]?.string.flatMap(LifecycleEvent.init) else { return nil }
    self.init(
      event: event, arguments: notification["arguments"]?.array?.compactMap(\.string) ?? [],
      nodes: notification["nodes"].flatMap(Nodes.init), id: notification["id"]?.string ?? "")
  }

  var json: JSON {
    var out: JSON = ["event": .string(event.rawValue), "id": .string(id)]
    if !arguments.isEmpty { out["arguments"] = JSON(arguments) }
    out["nodes"] = nodes?.json
    return out
  }
}

extension Notification.Nodes {
  /// More ordinals than a cluster may have members are damage.
  private static let limit = ClusterSpec.memberLimit

  init?(_ nodes: JSON) {
    guard let role = nodes["role"]?.string, let set = nodes["statefulSet"]?.string,
      let text = nodes["ordinals"]?.string
    else { return nil }
    var ordinals: [Int] = []
    for run in text.split(separator: ",") {
      let ends = run.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, 0 <= first, first <= last, last < Self.limit,
        ordinals.count < Self.limit
      else { return nil }
      ordinals += first...last
    }
    self.init(role: role, statefulSet: set, ordinals: ordinals)
  }

  var json: JSON {
    ["role": .string(role), "statefulSet": .string(statefulSet), "ordinals": .string(text)]
  }
}
