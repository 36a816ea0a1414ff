/// The rule `layout/schema`. The reader of `.kdops.yaml` reports it.
public enum LayoutSchema: DaemonRule {
  public static let description = RuleDescription(
    "layout/schema", summary: "`.kdops.yaml` holds the settings that there are, each with a value that fits",
    rationale: """
      A glob that was misread would make objects look deleted, so of a commit with such a file nothing is taken in; \
      what was applied before stays as it is.
      """,
    passing: [], failing: [])
}

/// The rule `object/owner`.
public enum ObjectOwner: DaemonRule {
  public static let description = RuleDescription(
    "object/owner", .error, .live,
    summary:
      "an object that exists already belongs to this installation, or to no installation and is adopted",
    rationale: """
      The label `kdops.dev/source` says whose an object is. What another installation owns is left to it. What \
      nobody owns may be somebody's work by hand: it is taken over where its file has the annotation \
      `kdops.dev/adopt: "true"`, and judged against what it is. A label that was taken off an object of ours is put \
      back.
      """,
    passing: [], failing: [])
}

/// The rule `cluster/adoption-shape`.
public enum ClusterAdoptionShape: DaemonRule {
  public static let description = RuleDescription(
    "cluster/adoption-shape", .error, .live,
    summary: "an adopted cluster has the shape that kdops itself creates",
    rationale: """
      KubeDirector's own operator names StatefulSets, services and volumes in another way and keeps another status, and \
      Kubernetes lets nobody change most of that afterwards. kdops cannot go on with such a cluster yet, so it writes \
      nothing to it: no label, no status, no StatefulSet. Clusters that another installation of kdops made can be \
      taken over. Where another operator begins with a cluster only after it was taken over, the cluster is stalled as \
      `NotUnderstood`, and its objects are left as they are.
      """,
    passing: [], failing: [])
}

/// The rule `object/prune`.
public enum ObjectPrune: DaemonRule {
  public static let description = RuleDescription(
    "object/prune", .waiting, .live,
    summary:
      "with `prune: true`, a cluster whose file is gone is deleted only where nothing speaks for a mistake",
    rationale: """
      Kept, and said so, are: clusters of which more than half would go at once, until the commit is confirmed by \
      `kdops sync --accept`; objects whose file is still there, and only `.kdops.yaml` no longer finds it; and \
      objects that somebody edited, until they are put back. While a file is new and cannot be read nothing is \
      pruned, since it may hold what is missing. Volumes are never deleted. With `prune: false` every such cluster \
      is kept running as `orphaned`; so is, with `prune: true`, an object with our label that was never applied from \
      git, such as a copy, or that could not be put back.
      """,
    passing: [], failing: [])
}

/// The rule `commit/atomic`.
public enum CommitAtomic: DaemonRule {
  public static let description = RuleDescription(
    "commit/atomic", .error, .both,
    summary: "with `atomic: commit`, nothing of a commit is applied while a part of it is rejected or waits",
    rationale: """
      Who asks for that has commits whose parts make no sense alone. What a commit changed is rejected with its \
      rejected part, or waits with its waiting one, and is applied in the same round. Of several commits that come \
      together, the last one that touched an object answers for it. Exempt are rollbacks, which nothing may delay, \
      and apps that only wait until nobody runs them. What the API server refuses after all was judged to be sound \
      undoes nothing of the rest.
      """,
    passing: [], failing: [])
}

/// The rule `commit/signature`.
public enum CommitSigned: DaemonRule {
  public static let description = RuleDescription(
    "commit/signature", .error, .live,
    summary:
      "with `verify.mode`, the branch is followed only as far as those who may sign have signed its commits",
    rationale: """
      What is applied should come from people that the daemon's administrator knows, whoever may push. With `range` \
      each commit that comes has to be signed, those that a merge brings as well; with `head` a signed commit answers \
      for all that lies before it. Nothing of a commit that is held, nor of any later one, is applied; what was \
      applied before stays. The signature has to be made by a key that is listed, and holds, today.
      """,
    passing: [], failing: [])
}

/// The rule `commit/history`.
public enum CommitHistory: DaemonRule {
  public static let description = RuleDescription(
    "commit/history", .waiting, .live,
    summary: "the head of the branch contains the last attempted revision",
    rationale: """
      Where it does not, somebody has rewritten the branch, by mistake or to make something unseen. Nothing of the new \
      head is applied until it contains that commit, or an administrator confirms it by `kdops sync --accept`; with \
      `onRewrittenHistory: accept` it is followed. What was applied before stays.
      """,
    passing: [], failing: [])
}
