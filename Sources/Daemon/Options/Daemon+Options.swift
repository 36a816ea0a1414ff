import Controller
import Forge
import GitStore
import KubeDirector
import Notifications
import Reconciler
import Reports
import Rules
import Signatures

extension Daemon {
  public struct Options: Sendable {
    public var remote: Remote
    /// The folder of the local repository.
    public var folder: String
    /// How the reconciler treats the branch and its commits. The daemon adds signatures and automatic reverts, from the
    /// options below.
    public var reconciler = Reconciler.Settings()
    public var statusRefs = StatusRefs(notes: "refs/notes/kdops", tree: "refs/kdops/status")
    /// Whether a status that another cluster has written, found at the start, is overwritten.
    public var takesOverStatus = false
    /// The time limit of a script; 0 for none.
    public var scriptTimeout: Duration = .seconds(600)
    public var progressDeadline: Duration = .zero
    /// The administrator's defaults for pods and services.
    public var pods = PodDefaults()
    /// The DNS domain of the Kubernetes cluster.
    public var clusterDomain = PodDefaults.standardClusterDomain
    /// The `configcli` of members whose image has none.
    public var configcli = ConfigCLI.own
    /// Whether the daemon reverts a stalled upgrade by a commit of its own.
    public var revertsStalled = false
    /// The forge that receives commit statuses; nil for none.
    public var forge: ForgeSettings?
    /// The receivers of notifications.
    public var notifications: [NotificationTarget] = []
    /// The signatures that commits need.
    public var verify = SignaturePolicy()
    /// The author of the daemon's own commits.
    public var author = CommitAuthor.standard
    /// The private SSH key that signs the daemon's commits to the branch; nil for none.
    public var signingKey: String?

    /// The default options.
    ///
    /// - Parameter folder: the folder of the local repository.
    public init(remote: Remote, folder: String) { (self.remote, self.folder) = (remote, folder) }

    /// The objects that the administrator allows; engine, reconciler and control handle only these.
    public var policy: Policy {
      get { reconciler.policy }
      set { reconciler.policy = newValue }
    }

    /// Signs the daemon's own commits to the branch; nil if it has no key.
    public var signer: CommitSigner? { signingKey.map { CommitSigner(key: $0, folder: signatureFolder) } }

    /// The refs of notes and statuses, of this installation.
    var refs: StatusRefs { statusRefs.suffixed(policy.installation) }

    var repositoryFolder: String { "\(folder)/repository.git" }

    private var signatureFolder: String { "\(folder)/signatures" }

    /// The engine's settings. The engine counts in whole seconds, so fractions are rounded up: a value below one second
    /// must not become 0, which means none.
    var engineSettings: Engine.Settings {
      func seconds(_ time: Duration) -> Int {
        Int(time.components.seconds) + (time.components.attoseconds > 0 ? 1 : 0)
      }
      return Engine.Settings(
        systemNamespace: policy.systemNamespace, clusterDomain: clusterDomain,
        scriptTimeout: seconds(scriptTimeout),
        progressDeadline: progressDeadline == .zero ? nil : seconds(progressDeadline),
        installation: policy.installation, isTenant: { [policy] in policy.allows(namespace: $0) },
        tenancy: policy.tenancy, pods: pods, configcli: configcli)
    }

    /// The reconciler's settings.
    ///
    /// - Parameters:
    ///   - now: the present time, in whole seconds since 1970.
    ///   - leads: whether this daemon leads.
    func reconcilerSettings(
      now: @escaping @Sendable () -> Int, leads: @escaping @Sendable () -> Bool
    ) -> Reconciler.Settings {
      var settings = reconciler
      if revertsStalled {
        settings.autoRevert = AutoRevert(
          deadline: progressDeadline, now: now, leads: leads, author: (author.name, author.email),
          signer: signer)
      }
      settings.verify = verify.mode
      settings.checker = verify.mode == .none ? nil : SignatureTools(verify, folder: signatureFolder)
      settings.signers = verify.files
      return settings
    }
  }
}
