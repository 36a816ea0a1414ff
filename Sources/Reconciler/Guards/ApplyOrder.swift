import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

// The order between changes of one commit. An object is not applied while another one that it needs is still to be
// applied: a cluster after its app, the deletion of an app after the deletion of the clusters that use it.
extension Reconciler {
  /// The rule id in the report of a change that waits for another object of the repository to be applied.
  static let appPending = "apply/app-pending"

  /// The app that a cluster's change needs and that git has, but that is not applied yet; nil if nothing is missing.
  func pendingApp(of change: Judged) -> ObjectReference? {
    guard change.reference.kind == Wire.clusterKind, change.change != .delete,
      let spec = desired.snapshot.cluster(change.reference)?.spec
    else { return nil }
    return appReferences(spec, in: change.reference.namespace).first(where: desired.snapshot.holds)
      .flatMap { isPending($0) ? $0 : nil }
  }

  /// The cluster whose deletion an app's deletion has to wait for; nil if nothing is missing.
  func pendingCluster(of change: Judged) -> ObjectReference? {
    guard change.reference.kind == Wire.appKind, change.change == .delete else { return nil }
    return toJudge.objects.first {
      $0.kind == Wire.clusterKind && !desired.snapshot.holds($0)
        && apps(of: $0).contains(change.reference.name)
    }
  }

  /// Where a cluster's app may be, in the order in which it is looked up.
  private func appReferences(_ spec: ClusterSpec, in namespace: String) -> [ObjectReference] {
    let namespaces =
      (spec.appCatalog == .system ? [] : [namespace])
      + (spec.appCatalog == .local ? [] : [settings.policy.systemNamespace])
    return namespaces.map { ObjectReference(kind: Wire.appKind, namespace: $0, name: spec.app) }
  }

  private func isPending(_ app: ObjectReference) -> Bool {
    liveState.objects[app] == nil || blocked[app]?.isRefused == true
      || (toJudge.objects.contains(app) && !drifted.contains(app))
  }

  /// The change as it waits for its app: it is judged again when the app is applied.
  func waiting(_ change: Judged, for app: ObjectReference) -> Judged {
    var waiting = change
    waiting.verdict = .waiting
    let reason = (blocked[app]?.isRefused == true ? ledger.report(of: app)?.message : nil).map { ": \($0)" }
    waiting.findings = [
      Diagnostic(
        rule: Self.appPending, severity: .waiting, object: change.reference,
        message: "app \(app.name) is not applied yet\(reason ?? "")",
        hint: reason == nil ? "this change is applied afterwards" : "then this change is applied afterwards")
    ]
    return waiting
  }
}
