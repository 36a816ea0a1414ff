import Diagnostics
import KubeDirector

/// The judgement of one cluster of the desired state.
struct ClusterJudgement {
  var kind: ChangeKind
  var reports: [AppJudgement.Report] = []
  /// The rules that could not be judged without a status.
  var notJudged: [any Rule.Type] = []
  /// Nil if nothing changes.
  var transition: ClusterTransition?

  init(
    old: Sourced<Cluster>?, new: Sourced<Cluster>, history: ((ObjectReference) -> String?)?,
    in context: RuleContext
  ) {
    guard let old else {
      kind = .create
      let app = context.app(of: new, .takesOn)?.app
      transition = ClusterTransition(
        new: new.cluster, newApp: app, differences: [], isByHistory: false)
      check(new, app: app, in: context)
      return
    }
    let live = context.live.cluster(new.reference)
    let move = Classifier.move(
      of: new.reference, from: old.spec.app, to: new.spec.app, live: live, history: history)
    let before = context.app(of: old)
    let after = context.app(of: new, move.kind == .upgrade ? .takesOn : .keeps)
    let differences = ClusterMeaning.differences(
      old.spec, new.spec, apps: (before?.app, after?.app), catalogs: Self.catalogs(old, before, new, after))
    if old.spec.app == new.spec.app {
      kind = Classifier.change(of: old.metadata, to: new.metadata, differences: differences)
      if kind == .none { return }
      transition = ClusterTransition(
        old: old.cluster, new: new.cluster, oldApp: before?.app, newApp: after?.app, differences: differences,
        isByHistory: false)
      check(new, app: after?.app, in: context)
      guard kind != .metadata else { return }
      let change = ClusterChange(
        reference: new.reference, kind: kind, old: old, new: new, differences: differences, app: after?.app,
        live: live)
      for rule in RuleRegistry.clusterChangeRules { add(rule, rule.check(change, in: context)) }
      if live?.status == nil, !context.live.isAuthoritative { notJudged = RuleRegistry.unjudgedChangeRules }
      return
    }
    kind = move.kind
    let others = differences.filter { $0.name != "app" }
    transition = ClusterTransition(
      old: old.cluster, new: new.cluster, oldApp: before?.app, newApp: after?.app, differences: others,
      isByHistory: move.isByHistory)
    let upgrade = UpgradeChange(
      reference: new.reference, kind: kind, old: old, new: new, differences: others, current: before?.app,
      candidate: after?.app,
      live: live, isByHistory: move.isByHistory)
    check(new, app: after?.app, upgrade: upgrade, in: context)
    check(upgrade, in: context)
    for rule in RuleRegistry.rollbackRules { add(rule, rule.check(upgrade, in: context)) }
    if live?.status == nil, !context.live.isAuthoritative {
      notJudged =
        kind == .rollback
        ? RuleRegistry.unjudgedRollbackRules(hasPoint: !RuleContext.pointOfNoReturn(of: before?.app).isEmpty)
        : RuleRegistry.unjudgedUpgradeRules
    }
  }

  /// The catalogs to compare. An absent `appCatalog` means the catalog in which the app was found if the other spec
  /// sets the field; only then can it be a change.
  private static func catalogs(
    _ old: Sourced<Cluster>, _ before: RuleContext.FoundApp?, _ new: Sourced<Cluster>,
    _ after: RuleContext.FoundApp?
  ) -> (old: AppCatalog?, new: AppCatalog?) {
    (old.spec.appCatalog == nil) == (new.spec.appCatalog == nil)
      ? (nil, nil) : (before?.catalog, after?.catalog)
  }

  private mutating func check(
    _ cluster: Sourced<Cluster>, app: App?, upgrade: UpgradeChange? = nil, in context: RuleContext
  ) {
    for rule in RuleRegistry.clusterRules {
      if let upgrade, RuleRegistry.isJudgedByUpgrade(rule, upgrade.kind) { continue }
      add(rule, rule.check(cluster, app: app, in: context))
    }
  }

  /// While it is uncertain which app the cluster will have when the change is applied, a candidate is rejected only if
  /// it fits neither app: a revert may bring back the previous app.
  private mutating func check(_ upgrade: UpgradeChange, in context: RuleContext) {
    var found = Self.reports(of: upgrade, in: context)
    if Self.breaksPair(found), let other = upgrade.otherCurrentApp {
      var alternative = upgrade
      alternative.current =
        context.app(named: other.name, catalog: other.catalog, in: upgrade.reference.namespace)?.app
      if !Self.breaksPair(Self.reports(of: alternative, in: context)) {
        found.removeAll { RuleRegistry.comparesApps($0.rule) }
      }
    }
    reports += found
  }

  private static func reports(of upgrade: UpgradeChange, in context: RuleContext) -> [AppJudgement.Report] {
    RuleRegistry.upgradeRules.flatMap { rule in rule.check(upgrade, in: context).map { (rule, $0) } }
  }

  private static func breaksPair(_ reports: [AppJudgement.Report]) -> Bool {
    reports.contains {
      RuleRegistry.comparesApps($0.rule) && ($0.violation.severity ?? $0.rule.description.severity) == .error
    }
  }

  private mutating func add(_ rule: any Rule.Type, _ violations: [Violation]) {
    for violation in violations { reports.append((rule, violation)) }
  }
}
