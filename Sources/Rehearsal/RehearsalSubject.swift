import Diagnostics
import KubeDirector
import Plan
import Rules
import Upgrade
import Values

/// A cluster whose change is rehearsed.
struct RehearsalSubject: Sendable {
  var cluster: ObjectReference
  var change: ChangeKind
  /// The original state; nil if the cluster is new.
  var origin: Cluster?
  /// The target state.
  var goal: Cluster
  /// The apps that both states need.
  var apps: [App]
  var forecast: Forecast?

  /// Returns nil if there is nothing to rehearse: the cluster does not exist, or its change was rejected.
  ///
  /// A rollback is rehearsed as the upgrade that it reverts, rolled back from the middle.
  init?(_ plan: ClusterPlan, _ move: ClusterTransition?) {
    guard plan.verdict == .accepted || plan.verdict == .waiting, let move, move.newApp != nil else {
      return nil
    }
    cluster = plan.reference
    change = plan.change
    let isBack = plan.change == .rollback
    origin = isBack ? move.new : move.old
    guard let goal = isBack ? move.old : move.new else { return nil }
    self.goal = goal
    var apps = [move.oldApp, move.newApp].compactMap(\.self)
    if apps.count == 2, apps[0].metadata.name == apps[1].metadata.name,
      apps[0].metadata.namespace == apps[1].metadata.namespace
    {
      apps.removeFirst()
    }
    self.apps = apps
    if let origin, origin.spec.app != goal.spec.app {
      forecast = Forecast.change(from: origin, to: goal, apps: apps)
    }
  }

  /// Whether the app changes, so that there is a rollback from the middle.
  var isUpgrade: Bool { forecast != nil }

  /// Whether the upgrade has a pod after which a rollback is impossible.
  var hasPointOfNoReturn: Bool { forecast?.pointOfNoReturn != nil }

  /// Whether the members of a role subscribe to an event in an app.
  func subscribes(_ event: LifecycleEvent, role: String, app: String) -> Bool {
    spec(app)?.resolved(role)?.subscribes(event) == true
  }

  func image(of role: String, in app: String) -> String? { spec(app)?.resolved(role)?.image }

  private func spec(_ app: String) -> AppSpec? { apps.first { $0.metadata.name == app }?.spec }
}

/// The files of a temporary repository: only the objects that a rehearsal needs, one per file.
enum RehearsalFiles {
  static func path(of app: App) -> String { "apps/\(app.metadata.namespace)/\(app.metadata.name).json" }
  static func path(of cluster: Cluster) -> String {
    "clusters/\(cluster.metadata.namespace)/\(cluster.metadata.name).json"
  }

  /// - Parameter isGoal: Whether the clusters are in their target state; else in their original state.
  static func objects(_ subjects: [RehearsalSubject], isGoal: Bool) -> [String: JSON] {
    var files: [String: JSON] = [:]
    for subject in subjects {
      for app in subject.apps where app.metadata.namespace != Policy.defaultSystemNamespace {
        files[path(of: app)] = object(app)
      }
      if let cluster = isGoal ? subject.goal : subject.origin {
        files[path(of: cluster)] = object(Wire.clusterKind, cluster.metadata, cluster.spec.raw)
      }
    }
    return files
  }

  /// The apps of the system catalog, which do not come from files.
  static func systemApps(_ subjects: [RehearsalSubject]) -> [App] {
    var found: [String: App] = [:]
    for app in subjects.flatMap(\.apps) where app.metadata.namespace == Policy.defaultSystemNamespace {
      found[app.metadata.name] = app
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  static func object(_ app: App) -> JSON { object(Wire.appKind, app.metadata, app.spec.raw) }

  /// The settings of the user's repository, with the file patterns of the rehearsal's repository.
  static func settings(_ own: JSON?) -> JSON {
    var settings = own ?? [:]
    settings["schemaVersion"] = 1
    settings["apps"] = ["apps/**"]
    settings["clusters"] = ["clusters/**"]
    return settings
  }

  private static func object(_ kind: String, _ metadata: Metadata, _ spec: JSON) -> JSON {
    var annotations = metadata.annotations
    // A suspended cluster would make no progress in a rehearsal.
    annotations[Wire.Annotation.suspend] = nil
    return [
      "apiVersion": .string(Wire.apiVersion), "kind": .string(kind),
      "metadata": [
        "name": .string(metadata.name), "namespace": .string(metadata.namespace),
        "labels": JSON(metadata.labels), "annotations": JSON(annotations),
      ],
      "spec": spec,
    ]
  }
}
