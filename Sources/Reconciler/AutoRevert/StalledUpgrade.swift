import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Signatures
import Values

/// Settings for the automatic revert of stalled upgrades. Git contains the desired state, so the daemon pushes a commit
/// that asks for the old app again; it does not change the cluster without a commit.
public struct AutoRevert: Sendable {
  /// How long a step may take before its upgrade is reverted.
  public var deadline: Duration
  /// The present time, in whole seconds since 1970.
  public var now: @Sendable () -> Int
  /// Whether this daemon is the leader; only the leader pushes.
  public var leads: @Sendable () -> Bool
  /// The author of the daemon's commits.
  public var author: (name: String, email: String)
  /// Signs the daemon's commits in addition to their stamp; nil if no forge requires a signature.
  public var signer: CommitSigner?

  public init(
    deadline: Duration, now: @escaping @Sendable () -> Int, leads: @escaping @Sendable () -> Bool = { true },
    author: (name: String, email: String) = ("kdops", "kdops@localhost"), signer: CommitSigner? = nil
  ) {
    self.deadline = deadline
    self.now = now
    self.leads = leads
    self.author = author
    self.signer = signer
  }

  /// The commit to push: the text with the stamp, and a signature over both.
  func sealed(_ text: [UInt8], _ stamp: Stamp) async throws(GitError) -> [UInt8] {
    let stamped = DaemonCommit.sealed(text, stamp)
    guard let signer else { return stamped }
    do throws(CommitSigner.Failure) {
      return try await signer.signed(stamped)
    } catch {
      throw GitError(.invalid, "the commit cannot be signed: \(error)")
    }
  }
}

/// An upgrade that has stalled past the deadline, as the cluster's status shows it.
struct StalledUpgrade: Hashable {
  var cluster: ObjectReference
  /// The provenance of the upgrade: the commit that asked for it, and its file.
  var origin: Provenance
  var commit: ObjectID
  var fromApp: String
  var toApp: String
  /// The stall reason and the pod. It leaves out the engine's remediation, which the revert carries out.
  var message: String

  /// When a stalled upgrade must be reverted.
  enum Due: Hashable {
    case now(StalledUpgrade)
    /// The upgrade is reverted after this number of seconds unless it makes progress.
    case later(Int)
    case never
  }

  /// Decides when the upgrade of a cluster must be reverted.
  ///
  /// - Parameters:
  ///   - deadline: how long a step may take, in seconds.
  ///   - noReturn: the roles whose first upgraded pod is the point of no return, according to the new app.
  ///   - now: in seconds since 1970.
  static func due(_ live: Object, deadline: Int, noReturn: Set<String>, now: Int) -> Due {
    guard let status = ClusterStatus(live.json["status"]), let stall = status.stall,
      let upgrade = status.upgradeInfo, !upgrade.isRollingBack,
      status.observedGeneration >= live.generation, live.json["spec"]?["app"]?.string == status.app,
      !live.isSuspended,
      let origin = Provenance(of: live), let commit = ObjectID(hex: origin.specCommit),
      // Each commit is reverted only once: a person who pushes it again has seen the revert.
      live.annotation(Wire.Annotation.revertedCommit) != origin.specCommit,
      !status.hasPassed(pointOfNoReturn: noReturn)
    else { return .never }
    guard let first = status.stepsSince.min() else { return .never }
    guard now - first >= deadline else { return .later(first + deadline - now) }
    return .now(
      StalledUpgrade(
        cluster: live.reference, origin: origin, commit: commit, fromApp: upgrade.prevApp, toApp: status.app,
        message: stall.cause))
  }

  /// The message of the commit that reverts the upgrade.
  func message(_ subject: String, deadline: Duration) -> String {
    let name = "\(cluster.namespace)/\(cluster.name)"
    return """
      Revert the upgrade of \(name) to \(toApp)

      \(TerminalText.visible(Redaction.excerpt(message, limit: 400)))

      The upgrade from \(fromApp) was started by commit \(commit.short) ("\(TerminalText.visible(String(subject.unicodeScalars.prefix(100))))")
      and made no progress for \(deadline.inWords). This commit restores \(origin.path) and changes no other file.

      This reverts commit \(commit) for \(name).

      """ + "\n"
  }
}
