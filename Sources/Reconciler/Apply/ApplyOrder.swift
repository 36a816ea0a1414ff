import Diagnostics
import KubeDirector
import Rules

/// The order between changes of one commit, and the reasons of changes that wait for another one.
///
/// An object is not applied while another one that it needs is still to be applied: a cluster after its app, the
/// deletion of an app after the deletion of the clusters that use it.
enum ApplyOrder {
  /// The rule id in the report of a change that waits for another object of the repository to be applied.
  static let appPending = "apply/app-pending"

  /// The rule id in the report of an app's deletion that waits for the deletion of a cluster.
  static let clusterPending = "apply/cluster-pending"

  /// Changes in the order of application. Objects of one file are applied after each other, so that it is parsed once.
  static func sorted(_ changes: [JudgedChange], path: (ObjectReference) -> String) -> [JudgedChange] {
    let keyed = changes.map { (change: $0, path: path($0.reference)) }
    return keyed.sorted { a, b in
      (a.change.turn, a.path, a.change.reference) < (b.change.turn, b.path, b.change.reference)
    }.map(\.change)
  }

  /// Marks a change as waiting for its app. The change is judged again when the app is applied.
  ///
  /// - Parameter reason: why the cluster refuses the app; nil if it does not.
  static func waiting(_ change: JudgedChange, for app: ObjectReference, _ reason: String?) -> JudgedChange {
    change.with(
      .waiting,
      because: Diagnostic(
        rule: appPending, severity: .waiting, object: change.reference,
        message: "app \(app.name) is not applied yet\(reason.map { ": \($0)" } ?? "")",
        hint: reason == nil ? "this change is applied afterwards" : "then this change is applied afterwards"))
  }

  /// Marks the deletion of an app as waiting for the deletion of a cluster. The deletion is judged again when the
  /// cluster is gone.
  static func waiting(_ change: JudgedChange, forDeletionOf cluster: ObjectReference) -> JudgedChange {
    change.with(
      .waiting,
      because: Diagnostic(
        rule: clusterPending, severity: .waiting, object: change.reference,
        message: "cluster \(cluster.namespace)/\(cluster.name), which uses the app, is not deleted yet",
        hint: "this change is applied afterwards"))
  }
}

extension JudgedChange {
  /// The place in the order: apps before the clusters that need them; deletions last, clusters before their apps.
  fileprivate var turn: Int { change == .delete ? (isApp ? 3 : 2) : (isApp ? 0 : 1) }
}

extension Reconciler {
  /// The change, marked as waiting for another object of the repository to be applied; nil if every object that it
  /// needs is applied.
  func waitingForDependency(_ change: JudgedChange) -> JudgedChange? {
    if let app = pendingApp(of: change) {
      let reason = blocked[app]?.isRefused == true ? ledger.report(of: app)?.message : nil
      return ApplyOrder.waiting(change, for: app, reason)
    }
    return pendingCluster(of: change).map { ApplyOrder.waiting(change, forDeletionOf: $0) }
  }

  /// The app that a cluster's change needs, that is in git, and that is not applied yet; nil if there is none. A
  /// rollback or a change of metadata needs only an app that exists.
  private func pendingApp(of change: JudgedChange) -> ObjectReference? {
    guard change.isCluster, change.change != .delete,
      let spec = desired.snapshot.cluster(change.reference)?.spec,
      let app = appReferences(spec, in: change.reference.namespace).first(where: desired.snapshot.holds)
    else { return nil }
    if liveState.objects[app] == nil { return app }
    if change.change == .rollback || change.change == .metadata || isInSync(app) { return nil }
    let isPending =
      blocked[app]?.isRefused == true || (pending.contains(app) && !drift.drifted.contains(app))
    return isPending ? app : nil
  }

  /// The cluster whose failed deletion blocks the deletion of its app; nil if there is none.
  private func pendingCluster(of change: JudgedChange) -> ObjectReference? {
    let app = change.reference
    guard change.isApp, change.change == .delete else { return nil }
    let refused = blocked.related(to: app, apps: [app.name]).filter { blocked[$0]?.isRefused == true }
    return [refused, pending.changes.objects].joined().filter { cluster in
      cluster.kind == Wire.clusterKind && !desired.snapshot.holds(cluster)
        && liveState.objects[cluster] != nil && apps(of: cluster).contains(app.name)
        && (app.namespace == cluster.namespace || app.namespace == settings.policy.systemNamespace)
    }.min()
  }

  /// Enqueues the changes that wait for an app, once the app is applied or no longer pending.
  func releaseChanges(waitingFor app: ObjectReference) {
    guard app.kind == Wire.appKind, blocked[app]?.isRefused != true else { return }
    let waiting = blocked.related(to: app, apps: [app.name]).filter {
      blocked[$0]?.rules.contains(ApplyOrder.appPending) == true
    }
    guard !waiting.isEmpty else { return }
    pending.insert(waiting)
    enqueue()
  }

  /// The possible references of a cluster's app, in the order in which they are looked up.
  private func appReferences(_ spec: ClusterSpec, in namespace: String) -> [ObjectReference] {
    let namespaces =
      (spec.appCatalog == .system ? [] : [namespace])
      + (spec.appCatalog == .local ? [] : [settings.policy.systemNamespace])
    return namespaces.map { ObjectReference(kind: Wire.appKind, namespace: $0, name: spec.app) }
  }
}
