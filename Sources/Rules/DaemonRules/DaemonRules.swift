/// The rule `layout/schema`. The reader of `.kdops.yaml` reports it.
public enum LayoutSchema: DaemonRule {
  public static let description = RuleDescription(
    "layout/schema", summary: "`.kdops.yaml` contains only known settings with valid values",
    rationale: """
      If a glob were misread, objects would appear to be deleted. So nothing is applied of a commit with \
      such a file; what was applied before does not change.
      """,
    passing: [], failing: [])
}

/// The rule `object/owner`.
public enum ObjectOwner: DaemonRule {
  public static let description = RuleDescription(
    "object/owner", .error, .live,
    summary:
      "an existing object belongs to this installation, or has no owner and is adopted",
    rationale: """
      The label `kdops.dev/source` names the owner of an object. kdops does not change objects of another \
      installation. An object without an owner may have been created manually: it is adopted if its file has \
      the annotation `kdops.dev/adopt: "true"`, and the file is judged as a change of the live object. If \
      the label is removed from an object of this installation, it is restored.
      """,
    passing: [], failing: [])
}

/// The rule `cluster/adoption-shape`.
public enum ClusterAdoptionShape: DaemonRule {
  public static let description = RuleDescription(
    "cluster/adoption-shape", .error, .live,
    summary:
      "an adopted cluster has the structure of a cluster that kdops or KubeDirector's operator created",
    rationale: """
      Kubernetes does not allow the names, selectors and volume claim templates of StatefulSets to change. So \
      a cluster of KubeDirector's operator keeps them, with its services and volumes, and no pod restarts. \
      It is adopted only if its operator has finished its work: all members are `configured`, no upgrade \
      runs, and each object has a known structure. Otherwise the finding names each problem, and nothing is \
      written: no label, no status, no StatefulSet. Clusters that another installation of kdops created can \
      be adopted too. If another operator starts to manage a cluster after its adoption, the cluster is \
      stalled as `NotUnderstood`, and its objects are not changed.
      """,
    passing: [], failing: [])
}

/// The rule `object/prune`.
public enum ObjectPrune: DaemonRule {
  public static let description = RuleDescription(
    "object/prune", .waiting, .live,
    summary:
      "with `prune: true`, a cluster whose file was removed is deleted unless the removal may be a mistake",
    rationale: """
      These objects are kept and reported: clusters, if more than half of them would be deleted at once, \
      until the commit is confirmed with `kdops sync --accept`; objects whose file still exists, but no \
      longer matches the globs in `.kdops.yaml`; and objects that were edited outside of git, until the edit \
      is reverted. While a new file cannot be read, nothing is pruned, because the file may contain the \
      missing objects. Volumes are kept unless the file had `kdops.dev/delete-volumes`. With `prune: false`, \
      every such cluster is kept running as `orphaned`. With `prune: true`, so is an object that has the label of this installation but was never \
      applied from git, such as a copy, or whose edit could not be reverted.
      """,
    passing: [], failing: [])
}

/// The rule `commit/atomic`.
public enum CommitAtomic: DaemonRule {
  public static let description = RuleDescription(
    "commit/atomic", .error, .both,
    summary:
      "with `atomic: commit`, nothing of a commit is applied while any part of it is rejected or waits",
    rationale: """
      This setting is for commits whose parts make no sense alone. All changes of a commit are rejected if \
      one of them is rejected, wait if one of them waits, and are applied in the same reconcile pass. If \
      several commits arrive together, a changed object belongs to the last commit that changed it. \
      Rollbacks, which nothing may delay, are exempt, and so are apps that only wait until no cluster runs \
      them. If the API server refuses an object after the whole commit was accepted, the other changes are \
      not undone.
      """,
    passing: [], failing: [])
}

/// The rule `commit/signature`.
public enum CommitSigned: DaemonRule {
  public static let description = RuleDescription(
    "commit/signature", .error, .live,
    summary:
      "with `verify.mode`, the branch is followed only as far as allowed signers have signed its commits",
    rationale: """
      Only commits from people that the daemon's administrator knows should be applied, no matter who can \
      push. With `range`, each new commit must be signed, including those that a merge adds. With `head`, a \
      signed commit also covers all commits before it. Nothing of a blocked commit, or of any later one, is \
      applied; what was applied before does not change. The signature must be made with a key that is listed \
      now, and must be valid now.
      """,
    passing: [], failing: [])
}

/// The rule `commit/history`.
public enum CommitHistory: DaemonRule {
  public static let description = RuleDescription(
    "commit/history", .waiting, .live,
    summary: "the head of the branch contains the last attempted revision",
    rationale: """
      If it does not, the branch was rewritten, by mistake or to hide something. Nothing of the new head is \
      applied until it contains that commit, or an administrator confirms it with `kdops sync --accept`. \
      With `onRewrittenHistory: accept`, the new head is followed. What was applied before does not change.
      """,
    passing: [], failing: [])
}
