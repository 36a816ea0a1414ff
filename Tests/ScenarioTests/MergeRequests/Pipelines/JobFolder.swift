import Foundation
import TestSupport
import Values

/// The environment of a job: a clone, a home, the programs of the jobs' image, and nothing of the user who
/// runs the tests.
struct JobFolder {
  private let folder: TemporaryFolder
  var clone: String { "\(folder.path)/clone" }
  var home: String { "\(folder.path)/home" }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..")
    .standardized.path

  init() throws {
    folder = try TemporaryFolder()
    for name in ["bin", "home", "clone"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    guard let program = BuiltProgram.kdops else { throw ToolError("there is no kdops beside the tests") }
    // As hooks/ci/Containerfile installs them in the image.
    for (name, target) in [("kdops", program), ("kdops-comment", "\(Self.root)/hooks/ci/comment")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.path)/bin/\(name)", withDestinationPath: target)
    }
  }

  /// Fetches as a runner does, and checks out a commit with a detached HEAD.
  ///
  /// - Parameter depth: 0 for all commits of all branches. Otherwise one commit is fetched: these histories
  ///   are short, and others are longer than any depth.
  func checkOut(_ commit: String, at ref: String, of repository: TemporaryRepository, depth: Int) async throws
  {
    // A URL, because git ignores the depth if the source is a path.
    let specs =
      depth == 0
      ? ["+\(ref):\(ref)", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
      : ["+\(ref):\(ref)", "--depth=1"]
    try await Tool.run(
      [
        "bash", "-euc",
        """
        cd "$1"; url=file://$2; commit=$3; shift 3
        git init --quiet && git remote add origin "$url" && git fetch --quiet --no-tags origin "$@"
        git checkout --quiet --force --detach "$commit"
        """, "bash", clone, repository.path, commit,
      ] + specs)
  }

  /// Changes the owner of the clone, as in a container that mounts its files; needs root.
  func giveAway() throws {
    guard geteuid() == 0 else { return }
    try FileManager.default.setAttributes([.ownerAccountID: 1001], ofItemAtPath: clone)
  }

  struct Ending: Sendable {
    var code: Int
    /// Both streams.
    var log: String
  }

  /// Runs a script in the clone as runners do, with only the given environment.
  func run(_ script: String, shell: [String], _ variables: [String: String]) async throws -> Ending {
    let inherited = ProcessInfo.processInfo.environment
    let own = [
      "HOME": home, "PATH": "\(folder.path)/bin:\(inherited["PATH"] ?? "/usr/bin:/bin")", "CI": "true",
    ]
    let all = own.merging(variables) { $1 }.map { "\($0.key)=\($0.value)" }
    let file = "\(folder.path)/script"
    try Data("\(script)\n".utf8).write(to: URL(filePath: file))
    let code = try await Tool.run(
      ["bash", "-c", "cd \"$1\"; log=$2; shift 2; \"$@\" >\"$log\" 2>&1 </dev/null; echo $?", "bash", clone]
        + ["\(folder.path)/log", "env", "-i"] + all + shell + [file])
    return Ending(code: Int(code) ?? -1, log: text("../log") ?? "")
  }

  /// The content of a file in the clone.
  func text(_ path: String) -> String? { try? String(contentsOfFile: "\(clone)/\(path)", encoding: .utf8) }
}

/// The result of a job.
struct JobResult: Sendable {
  var code: Int
  var log: String
  /// The files that the forge keeps, by the name that the template declares: reports, artifacts, summaries.
  var kept: [String: String] = [:]

  func json(_ name: String) -> JSON? { kept[name].flatMap { try? JSON.parse(Array($0.utf8)) } }
}
