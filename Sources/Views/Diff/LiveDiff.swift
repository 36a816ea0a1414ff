import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

/// The difference between git's head and the live objects, object by object.
public struct LiveDiff: Sendable {
  /// One object in git, in the cluster, or in both.
  struct Entry: Sendable {
    enum State: String, Sendable, CaseIterable {
      case same
      case differs
      case onlyInGit
      /// The live object belongs to this installation, and its file is deleted.
      case onlyInCluster
      /// The live object belongs to another installation or to none.
      case foreign
      /// The file violates the schema, so the object cannot be compared.
      case unreadable
    }

    var reference: ObjectReference
    var state: State
    /// The file in git; if there is none, the file that the object was applied from.
    var path: String?
    /// From the cluster to git.
    var differences: [Difference] = []
    /// The owning installation if it is not this one; empty if there is none.
    var owner: String?
    /// Whether the object has no owner and its file asks for its adoption.
    var isAdopted = false
    /// The effect of the adoption of a cluster of KubeDirector's operator on each of its objects, for users.
    var adoption: [String] = []
  }

  /// Sorted by reference.
  var entries: [Entry] = []
  /// Files that could not be read completely; their objects are unknown.
  var unread: [String] = []

  /// - Parameters:
  ///   - head: The objects in git.
  ///   - live: All live apps and clusters.
  ///   - adoptions: What adoption does with the objects of clusters that KubeDirector's operator manages, if they
  ///     could be read.
  public init(
    head: Snapshot, unread: [String], live: [Object], installation: String, systemNamespace: String,
    adoptions: [ObjectReference: ForeignAdoption] = [:]
  ) {
    self.unread = unread
    let liveObjects = Dictionary(
      live.map { ($0.objectReference, $0) }, uniquingKeysWith: { first, _ in first })
    let ours = liveObjects.filter { $0.value.label(Wire.Label.source) == installation }
    let inGit = Set(head.references)
    for reference in inGit.union(ours.keys).sorted() {
      let found = liveObjects[reference]
      let path = head.app(reference)?.source?.path ?? head.cluster(reference)?.source?.path
      guard inGit.contains(reference) else {
        entries.append(
          Entry(
            reference: reference, state: .onlyInCluster, path: found?.annotation(Wire.Annotation.path)))
        continue
      }
      guard let found else {
        entries.append(Entry(reference: reference, state: .onlyInGit, path: path))
        continue
      }
      guard ours[reference] != nil else {
        var entry = Entry(
          reference: reference, state: .foreign, path: path, owner: found.label(Wire.Label.source) ?? "")
        if entry.owner == "", Self.asksForAdoption(reference, head) {
          entry.isAdopted = true
          entry.differences =
            Self.differences(reference, head, found, liveObjects, systemNamespace) ?? []
          entry.adoption = adoptions[reference]?.entries.map(\.words) ?? []
        }
        entries.append(entry)
        continue
      }
      let differences = Self.differences(reference, head, found, liveObjects, systemNamespace)
      let state: Entry.State = differences.map { $0.isEmpty ? .same : .differs } ?? .unreadable
      entries.append(
        Entry(reference: reference, state: state, path: path, differences: differences ?? []))
    }
  }

  private static func asksForAdoption(_ reference: ObjectReference, _ head: Snapshot) -> Bool {
    let annotations =
      head.app(reference)?.model.metadata.annotations ?? head.cluster(reference)?.model.metadata.annotations
    return annotations?[Wire.Annotation.adopt] == "true"
  }

  /// Returns nil if one of the two objects is invalid.
  private static func differences(
    _ reference: ObjectReference, _ head: Snapshot, _ found: Object, _ liveObjects: [ObjectReference: Object],
    _ systemNamespace: String
  ) -> [Difference]? {
    if reference.kind == Wire.appKind {
      guard let app = head.app(reference), let live = App(found.json) else { return nil }
      return ObjectComparison.app(live: live, head: app.model)
    }
    guard let cluster = head.cluster(reference), let live = Cluster(found.json) else { return nil }
    func places(_ name: String) -> [ObjectReference] {
      [reference.namespace, systemNamespace].map {
        ObjectReference(kind: Wire.appKind, namespace: $0, name: name)
      }
    }
    let liveApp = places(live.spec.app).lazy.compactMap { liveObjects[$0].flatMap { App($0.json) } }.first
    let headApp = places(cluster.model.spec.app).lazy.compactMap { head.app($0) }.first
    let status = ClusterStatus(found.json["status"])
    return ObjectComparison.cluster(
      live: live, head: cluster.model,
      apps: (live: liveApp, head: headApp?.model ?? liveApp),
      catalog: status?.app == live.spec.app ? status?.appCatalog : nil)
  }

  func count(_ state: Entry.State) -> Int { entries.count { $0.state == state } }

  /// Whether something could not be read, so that the result is incomplete.
  public var cannotTell: Bool { !unread.isEmpty || count(.unreadable) > 0 }
  /// Whether everything could be read and is the same.
  public var isSame: Bool { !cannotTell && entries.allSatisfy { $0.state == .same } }
}

extension Object {
  fileprivate var objectReference: ObjectReference {
    ObjectReference(kind: kind, namespace: namespace, name: name)
  }
}
