import KubeDirector

extension ConfigCLI {
  /// The argument of the script `PodScripts.install` that selects the case.
  var word: String {
    switch self {
    case .own: "own"
    case .archive: "archive"
    }
  }

  /// The archive of the administrator, or the program that members get without one: the file `configcli` in
  /// `Resources`.
  ///
  /// The program has the calls, the output and the exit codes of KubeDirector's configcli 1.0
  /// (github.com/bluek8s/configcli): keys are looked up in the known namespaces only, lists are joined by commas, an
  /// object is the list of its keys, and a missing key is exit code 1 without output. It requires only a POSIX shell and
  /// awk in the image. Quotation marks separate the records of `configmeta.json`, because a line of that may be as long
  /// as the file.
  var bytes: [UInt8] {
    switch self {
    case .own: PackageResources.configcli
    case .archive(let bytes): bytes
    }
  }
}
