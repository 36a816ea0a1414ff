import Diagnostics

/// All rules, in the order in which they are judged and documented.
public enum RuleRegistry {
  /// All rules. `cluster/tenancy` also checks apps, and is listed once.
  public static let all: [any Rule.Type] = {
    var rules = fileRules
    rules.append(AppSchema.self)
    for rule in appRules where rule != AppTenancy.self { rules.append(rule) }
    for rule in appChangeRules { rules.append(rule) }
    rules.append(ClusterSchema.self)
    for rule in clusterRules { rules.append(rule) }
    rules.append(ClusterUnknownField.self)
    for rule in clusterChangeRules { rules.append(rule) }
    for rule in upgradeRules { rules.append(rule) }
    for rule in rollbackRules { rules.append(rule) }
    for rule in daemonRules { rules.append(rule) }
    return rules
  }()

  static let fileRules: [any Rule.Type] = [
    FileSyntax.self, FileDuplicateKey.self, FileLimit.self, FileEncoding.self, FileLink.self,
    FileTree.self,
    DuplicateObject.self, FileUnknownKind.self,
    FileMoreFindings.self,
  ]

  static let appRules: [any AppRule.Type] = [
    AppName.self, AppRoleUnique.self, AppServiceUnique.self, AppSelectedRoleUnique.self,
    AppRoleServiceUnique.self, AppRoleServiceRole.self, AppRoleServiceService.self, AppSelectedRoleKnown.self,
    AppRoleImage.self, AppTTYNeedsStdin.self, AppMinStorageQuantity.self, AppDashboardURLScheme.self,
    AppEventList.self, AppPersistDirsPath.self, AppPersistDirsNested.self, AppSemver.self, AppTenancy.self,
    AppUpgradeAnnotation.self, AppUnknownAnnotation.self, AppNotCarried.self,
  ]

  static let appChangeRules: [any AppChangeRule.Type] = [AppInUse.self, AppUpgradableSealed.self]

  static let clusterRules: [any ClusterRule.Type] = [
    ClusterName.self, ClusterAppRegistered.self, ClusterRoleKnown.self, ClusterRoleUnique.self,
    ClusterRoleMissing.self, ClusterMembers.self, ClusterMembersMax.self, ClusterMinResources.self,
    ClusterStorageSize.self, ClusterMinStorage.self, ClusterSharedMemory.self, ClusterLabels.self,
    ClusterMountPathUnique.self, ClusterMountPath.self, ClusterFileInjection.self, ClusterEmbedded.self,
    ClusterEnv.self, ClusterPlaintextSecret.self, ClusterTenancy.self, ClusterConnectionKnown.self,
    ClusterUpgradeAnnotation.self, ClusterGracePeriod.self, ClusterUnknownAnnotation.self,
    ClusterNotCarried.self,
  ]

  static let clusterChangeRules: [any ClusterChangeRule.Type] = [
    ClusterReadOnly.self, ClusterRoleReadOnly.self, ClusterBusy.self,
  ]

  static let upgradeRules: [any UpgradeRule.Type] = [
    UpgradeOnlyApp.self, UpgradeRegistered.self, UpgradeUpgradable.self, UpgradeDistro.self,
    UpgradeSemver.self,
    UpgradeNewer.self, UpgradeOnlyImages.self, UpgradePackageNeedsImage.self, UpgradeCardinality.self,
    UpgradeConfigured.self, UpgradeName.self, UpgradeLegacyLayout.self,
  ]

  static let rollbackRules: [any RollbackRule.Type] = [
    RollbackOnlyPrevApp.self, RollbackOnce.self, RollbackPointOfNoReturn.self, RollbackOnlyApp.self,
  ]

  static let daemonRules: [any DaemonRule.Type] = [
    LayoutSchema.self, ObjectOwner.self, ClusterAdoptionShape.self, ObjectPrune.self, CommitAtomic.self,
    CommitSigned.self,
    CommitHistory.self,
  ]

  /// The description of every rule for reports.
  public static var help: [RuleHelp] { all.map { $0.description.help } }

  /// The documentation of a rule; nil if there is no rule with that id.
  public static func description(of id: String) -> RuleDescription? {
    all.first { $0.id == id }?.description
  }

  /// Whether a rule compares the previous app with the desired app.
  static func comparesApps(_ rule: any Rule.Type) -> Bool {
    rule == UpgradeUpgradable.self || rule == UpgradeDistro.self || rule == UpgradeSemver.self
      || rule == UpgradeNewer.self || rule == UpgradeOnlyImages.self || rule == UpgradePackageNeedsImage.self
  }

  /// Whether a more precise upgrade rule replaces this rule when a cluster changes its app.
  static func isJudgedByUpgrade(_ rule: any Rule.Type, _ kind: ChangeKind) -> Bool {
    rule == ClusterAppRegistered.self || (rule == ClusterMembers.self && kind == .upgrade)
  }

  /// The rules that are not judged without a status.
  static let unjudgedChangeRules: [any Rule.Type] = [ClusterBusy.self]
  static let unjudgedUpgradeRules: [any Rule.Type] = [UpgradeConfigured.self]
  /// - Parameter hasPoint: Whether the previous app names a point of no return.
  static func unjudgedRollbackRules(hasPoint: Bool) -> [any Rule.Type] {
    [RollbackOnlyPrevApp.self, RollbackOnce.self] + (hasPoint ? [RollbackPointOfNoReturn.self] : [])
  }
}
