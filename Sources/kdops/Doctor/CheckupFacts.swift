import ClusterAPI
import Diagnostics
import EmbeddedCluster
import GitStore
import Installation

/// The facts about this machine, the repository and the cluster that `kdops doctor` collects before it judges them.
struct CheckupFacts: Sendable {
  /// The cluster that the daemon manages.
  enum Target: Hashable, Sendable {
    case embedded(runsUnsandboxed: Bool)
    case kubernetes
    /// No option selects a cluster.
    case none
  }

  /// The folder with the daemon's data, and its file system.
  struct Disk: Hashable, Sendable {
    var folder: String
    /// Free space for this user, in bytes.
    var freeBytes: Int
    /// Nil if the file system does not count its files.
    var freeFiles: Int?
    var isWritable: Bool
  }

  struct Clock: Hashable, Sendable {
    /// In whole seconds since 1970.
    var now: Int
    /// Whether the kernel says that a time server sets the clock; nil if it does not say.
    var isSynchronized: Bool?
    /// When the daemon on Kubernetes last renewed its Lease, by its own clock; in whole seconds since 1970.
    var leaseRenewed: Int?
  }

  struct Versions: Hashable, Sendable {
    var kdops: String
    /// The commit of the build; empty if the build did not name it.
    var commit: String
    /// The version of the Swift compiler.
    var swift: String
    var isDebug: Bool
    var libgit2: String
    /// Nil if the program `git` cannot be run.
    var git: String?
    var kernel: String
  }

  enum Repository: Sendable {
    /// No option or setting names one.
    case notNamed
    /// Has the head of the branch.
    case reached(String, head: String)
    case failed(GitError)
  }

  /// The result of the permission checks at the API server of the cluster.
  struct Access: Hashable, Sendable {
    var server: String
    /// Nil for the account of the connection.
    var account: String?
    /// The number of requests that were reviewed.
    var reviewed: Int
    var denied: [AccessRequest]
    /// Why the rest was not reviewed; nil if all was.
    var problem: ReviewProblem?
  }

  /// Why permissions cannot be reviewed, in words.
  enum ReviewProblem: Hashable, Sendable {
    /// The account may not ask for reviews.
    case forbidden(String)
    case failed(String)

    init(_ error: APIError) {
      let words = ErrorText.words(error)
      self = error.kind == .forbidden ? .forbidden(words) : .failed(words)
    }

    var words: String {
      switch self {
      case .forbidden(let words), .failed(let words): words
      }
    }
  }

  enum Cluster: Hashable, Sendable {
    case notSelected
    case unreachable(String)
    /// The server does not know the kinds of apps and clusters.
    case lacksDefinitions(server: String)
    case reached(Access)
  }

  enum Scripts: Hashable, Sendable {
    case tried(SandboxState)
    /// The trial failed for a reason that has nothing to do with bubblewrap.
    case failed(String)
  }

  var target: Target
  /// Errors in the configuration, in words.
  var configurationProblems: [String]
  var branch: String
  var repository: Repository
  var cluster: Cluster
  /// The reasons why signatures cannot be checked; empty also if no signatures are required.
  var signatureProblems: [String]
  /// Nil if it was not tried, because scripts run on Kubernetes.
  var scripts: Scripts?
  var clock: Clock
  /// Nil if the file system cannot be read.
  var disk: Disk?
  /// How many bytes a script may write.
  var scriptDisk: Int
  var versions: Versions
  /// The command that installs what the daemon needs on Kubernetes.
  var installCommand = CheckupOptions.standardInstallCommand
}
