import CBuildInfo
import CClock
import ClusterAPI
import Daemon
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import Glibc
import Installation
import KubeDirector
import Kubernetes
import Signatures
import Subprocess
import Values

/// Finds out the facts for a checkup. Each error becomes a fact. It changes nothing except files in a temporary folder.
struct CheckupProbe {
  let options: CheckupOptions
  let environment: [String: String]

  func facts() async -> CheckupFacts {
    let reader = options.configuration(environment)
    let settings = DaemonConfiguration(reader.values)
    let isKubernetes = options.selectsKubernetes(environment)
    let target: CheckupFacts.Target =
      if options.cluster.folder(environment) != nil {
        .embedded(runsUnsandboxed: options.embeddedUnsandboxed)
      } else {
        isKubernetes ? .kubernetes : .none
      }
    let scratch: Result<String, any Error> = Result { try ScratchFolder.make("kdops-doctor", environment) }
    defer { if let path = try? scratch.get() { try? FileManager.default.removeItem(atPath: path) } }
    var cluster = (state: CheckupFacts.Cluster.notSelected, leaseRenewed: Int?.none)
    var tried: CheckupFacts.Scripts?
    if isKubernetes {
      cluster = await kubernetes(reader, settings)
    } else {
      tried = await scripts(scratch)
    }
    return CheckupFacts(
      target: target,
      configurationProblems: reader.findings.filter { $0.severity == .error }.map { finding in
        Redaction.url(finding.message + (finding.hint.map { "; \($0)" } ?? ""))
      },
      branch: settings.branch, repository: await repository(settings, scratch), cluster: cluster.state,
      signatureProblems: await SignatureTools(settings.verify, folder: "").problems(),
      scripts: tried,
      clock: CheckupFacts.Clock(
        now: Int(Date().timeIntervalSince1970), isSynchronized: Self.isClockSynchronized,
        leaseRenewed: cluster.leaseRenewed),
      disk: disk(settings), scriptDisk: settings.scriptLimits.totalDisk, versions: await versions(),
      installCommand: options.installCommand(reader.values, environment))
  }

  // MARK: Repository and scripts

  private func repository(
    _ settings: DaemonConfiguration, _ scratch: Result<String, any Error>
  ) async -> CheckupFacts.Repository {
    guard let repo = settings.repo else { return .notNamed }
    do throws(GitError) {
      let remote = try GitAccess.remote(repo, environment)
      let folder: String
      do { folder = try scratch.get() } catch { throw GitError(.other, ErrorText.words(error)) }
      let mirror = try await Mirror.open(remote, at: "\(folder)/repository.git")
      let head = try await mirror.remoteHead(of: settings.branch)
      return .reached(Redaction.url(repo), head: head.hex)
    } catch {
      return .failed(error)
    }
  }

  private func scripts(_ scratch: Result<String, any Error>) async -> CheckupFacts.Scripts {
    do {
      return .tried(try await SandboxState.probe(in: try scratch.get()))
    } catch {
      return .failed(ErrorText.words(error))
    }
  }

  // MARK: Kubernetes

  private func kubernetes(
    _ reader: ConfigurationReader, _ settings: DaemonConfiguration
  ) async -> (state: CheckupFacts.Cluster, leaseRenewed: Int?) {
    do {
      return try await options.cluster.connected(environment) {
        client -> (state: CheckupFacts.Cluster, leaseRenewed: Int?) in
        let state = await access(client, reader, settings)
        let lease = try? await client.get(.leases, settings.daemon.lease)
        let renewed = lease?.json["spec"]?["renewTime"]
        return (state, renewed?.string.flatMap { Timestamp.seconds($0) })
      }
    } catch {
      return (.unreachable(ErrorText.words(error)), nil)
    }
  }

  private func access(
    _ client: KubernetesClient, _ reader: ConfigurationReader, _ settings: DaemonConfiguration
  ) async -> CheckupFacts.Cluster {
    let server: String
    do throws(APIError) {
      server = "\(client.label), \(try await client.check()),"
    } catch {
      return .unreachable(ErrorText.words(error))
    }
    do throws(APIError) {
      let namespace = settings.tenancy.named?.first
      _ = try await client.list(.clusters, namespace: namespace, labels: ["kdops.dev/preflight": "true"])
    } catch {
      if error.kind == .notFound || error.kind == .unsupported {
        return .lacksDefinitions(server: client.label)
      }
      // Other errors, such as missing permissions, have a check of their own.
    }
    var installation = InstallationSettings(configuration: reader.values)
    // In a pod the daemon's own objects are in the pod's namespace.
    if client.label == "in-cluster", let namespace = client.namespace {
      installation.namespace = namespace
      installation.repo = settings.repo ?? ""
    } else {
      installation.repo = nil
    }
    return .reached(await review(Self.requests(installation), client, server))
  }

  /// The requests that the daemon of an installation makes, without duplicates.
  static func requests(_ installation: InstallationSettings) -> [AccessRequest] {
    var known: Set<AccessRequest> = []
    return installation.grants.flatMap(\.requests).filter { known.insert($0).inserted }
  }

  private func review(
    _ requests: [AccessRequest], _ api: any ClusterAPI, _ server: String
  ) async -> CheckupFacts.Access {
    var access = CheckupFacts.Access(
      server: server, account: options.account.map { "\($0)" }, reviewed: 0, denied: [])
    for request in requests {
      do throws(APIError) {
        let answer = try await api.create(request.review(for: options.account))
        access.reviewed += 1
        if answer.json["status"]?["allowed"]?.bool != true { access.denied.append(request) }
      } catch {
        access.problem = CheckupFacts.ReviewProblem(error)
        break
      }
    }
    return access
  }

  // MARK: The machine

  private static var isClockSynchronized: Bool? {
    switch kdops_clock_is_synchronized() {
    case 0: false
    case 1: true
    default: nil
    }
  }

  private func disk(_ settings: DaemonConfiguration) -> CheckupFacts.Disk? {
    let folder =
      options.cluster.folder(environment)
      ?? DataFolder.path(
        options.data, installation: settings.installation, repo: settings.repo, environment)
    // The daemon creates the folder; its nearest parent is on the same file system.
    var place = URL(fileURLWithPath: folder).standardizedFileURL
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    var info = statvfs()
    guard statvfs(place.path, &info) == 0 else { return nil }
    return CheckupFacts.Disk(
      folder: folder, freeBytes: Int(clamping: info.f_bavail &* info.f_frsize),
      freeFiles: info.f_files == 0 ? nil : Int(clamping: info.f_favail),
      isWritable: Glibc.access(place.path, W_OK) == 0)
  }

  private func versions() async -> CheckupFacts.Versions {
    CheckupFacts.Versions(
      kdops: Kdops.version, commit: String(cString: kdops_commit()), swift: Self.swiftVersion,
      isDebug: _isDebugAssertConfiguration(), libgit2: GitLibrary.version, git: await gitVersion(),
      kernel: Self.kernel)
  }

  private static var swiftVersion: String {
    #if compiler(>=6.4)
      return "6.4 or later"
    #elseif compiler(>=6.3)
      return "6.3"
    #else
      return "6.2"
    #endif
  }

  private static var kernel: String {
    var names = utsname()
    guard uname(&names) == 0 else { return "unknown" }
    return withUnsafeBytes(of: names.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Nil if `git` cannot be run.
  private func gitVersion() async -> String? {
    let result = try? await Subprocess.run(
      .name("git"), arguments: ["--version"], output: .string(limit: 4096), error: .discarded)
    guard let result, result.terminationStatus.isSuccess else { return nil }
    return result.standardOutput.split(separator: " ").dropFirst(2).first.map {
      String($0.prefix { !$0.isNewline })
    }
  }
}
