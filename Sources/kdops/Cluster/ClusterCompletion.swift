import ArgumentParser

extension CompletionKind {
  /// Names of clusters, from the cluster that the environment selects or from the repository in the working directory.
  static var clusterName: CompletionKind { .shellCommand("kdops status --output name 2> /dev/null") }
}
