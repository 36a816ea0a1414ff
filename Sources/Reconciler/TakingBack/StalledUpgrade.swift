import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Signatures
import StatusWriter
import Values

/// What a daemon does about an upgrade that has stalled. Nothing is done by silence: git says what is wanted, so a
/// commit says that the old app is wanted again.
public struct TakingBack: Sendable {
  /// How long a step may take before its upgrade is taken back.
  public var deadline: Duration
  /// In whole seconds since 1970.
  public var now: @Sendable () -> Int
  /// Whether this daemon is the one that acts.
  public var leads: @Sendable () -> Bool
  /// Whose name its commits bear.
  public var author: (name: String, email: String)
  /// Signs its commits beside their stamp; nil where no forge asks for that.
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

  /// What is pushed, made of a commit's text: with the stamp, and over both the signature.
  func sealed(_ text: [UInt8], _ stamp: Stamp) async throws(GitError) -> [UInt8] {
    let stamped = OwnCommit.sealed(text, stamp)
    guard let signer else { return stamped }
    do throws(CommitSigner.Failure) {
      return try await signer.signed(stamped)
    } catch {
      throw GitError(.invalid, "the commit cannot be signed: \(error)")
    }
  }
}

/// An upgrade that has stalled for good, as the cluster tells it.
struct StalledUpgrade: Hashable {
  var cluster: ObjectReference
  /// The commit that asked for it, and the file in which.
  var origin: Provenance
  var commit: ObjectID
  var fromApp: String
  var toApp: String
  /// What ails which pod. The way out that the engine offers is what happens here.
  var message: String

  /// When a stalled upgrade is to be taken back.
  enum Due: Hashable {
    case now(StalledUpgrade)
    /// In so many seconds, unless it gets on.
    case later(Int)
    case never
  }

  /// - Parameters:
  ///   - deadline: how long a step may take, in seconds.
  ///   - noReturn: the roles past whose first upgraded pod there is no way back, as its new app says.
  ///   - now: in seconds since 1970.
  static func due(_ live: Object, deadline: Int, noReturn: Set<String>, now: Int) -> Due {
    guard let status = ClusterStatus(live.json["status"]), let stall = status.stall,
      let upgrade = status.upgradeInfo, !upgrade.isRollingBack,
      status.observedGeneration >= live.generation, live.json["spec"]?["app"]?.string == status.app,
      !live.isSuspended,
      let origin = Provenance(of: live), let commit = ObjectID(hex: origin.specCommit),
      // Once is enough: whoever brings the commit back has seen what became of it.
      live.annotation(Wire.Annotation.takenBack) != origin.specCommit,
      !status.hasPassed(pointOfNoReturn: noReturn)
    else { return .never }
    guard let first = status.stepsSince.min() else { return .never }
    guard now - first >= deadline else { return .later(first + deadline - now) }
    return .now(
      StalledUpgrade(
        cluster: live.reference, origin: origin, commit: commit, fromApp: upgrade.prevApp, toApp: status.app,
        message: stall.complaint))
  }

  /// The message of the commit that takes it back.
  func message(_ subject: String, deadline: Duration) -> String {
    let name = "\(cluster.namespace)/\(cluster.name)"
    return """
      Take \(name) back to \(fromApp)

      \(TerminalText.visible(Redaction.url(String(message.prefix(400)))))

      Its upgrade to \(toApp) by commit \(commit.short) ("\(TerminalText.visible(String(subject.prefix(100))))")
      has not got on for \(deadline.inWords), so \(origin.path) is again as it was before.
      Nothing else of that commit is taken back.

      This takes back commit \(commit) for \(name).

      """ + "\n"
  }
}
