import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("Requests of tenants")
struct TenancyTests {
  private func findings(_ edits: Edit..., tenancy: Tenancy = Tenancy()) throws -> [Diagnostic] {
    var repository = Repository()
    for edit in edits { try edit.apply(to: &repository.files) }
    return Judge.judge(
      JudgeRequest(head: ExampleRunner.snapshot(repository.files), policy: Policy(tenancy: tenancy))
    ).findings.filter { $0.severity == .error }
  }

  /// Every field that can grant a permission, with one edit each.
  static let asking: [(field: String, setting: Tenancy.Setting)] = [
    ("serviceAccountName: admin", .serviceAccounts),
    ("secret: {name: keys, mountPath: /keys}", .secretPrefix),
    ("env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: a}}}]", .secretPrefix),
    ("env: [{name: A, valueFrom: {configMapKeyRef: {name: site, key: a}}}]", .configMapPrefix),
    ("volumeProjections: [{pvcName: shared, mountPath: /shared}]", .claimPrefix),
    ("fileInjections: [{srcURL: \"https://files.example/a.jar\", destDir: /opt}]", .fileSources),
    ("podLabels: {azure.workload.identity/use: \"true\"}", .podLabels),
    ("podAnnotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}", .podAnnotations),
    ("podAnnotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}", .podAnnotations),
    ("podAnnotations: {iam.amazonaws.com/role: admin}", .podAnnotations),
    ("podAnnotations: {eks.amazonaws.com/role-arn: admin}", .podAnnotations),
    ("podAnnotations: {k8s.v1.cni.cncf.io/networks: ledger}", .podAnnotations),
    ("podAnnotations: {io.katacontainers.config.hypervisor.path: /bin/sh}", .podAnnotations),
    ("serviceLabels: {example.com/public: \"true\"}", .serviceLabels),
    ("serviceAnnotations: {external-dns.alpha.kubernetes.io/hostname: bank.example}", .serviceAnnotations),
    ("serviceAnnotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}", .serviceAnnotations),
    (
      "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{namespaces: [ledger], topologyKey: a}]}}",
      .affinityNamespaces
    ),
    (
      "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {namespaceSelector: {}, topologyKey: a}}]}}",
      .affinityNamespaces
    ),
  ]

  @Test(
    "are refused for every field that grants a permission without a list, and the finding names the list",
    arguments: asking)
  func denied(field: String, setting: Tenancy.Setting) throws {
    let found = try findings(.cluster("members: 3", "members: 3\n      \(field)"))
    #expect(found.map(\.rule) == ["cluster/tenancy"])
    #expect(found.first?.hint?.contains("`\(setting.key)`") == true)
    #expect(found.first?.location?.file == Fixture.clusterPath)
  }

  @Test("are all accepted if an administrator allows them", arguments: asking)
  func unlimited(field: String, setting: Tenancy.Setting) throws {
    #expect(
      try findings(.cluster("members: 3", "members: 3\n      \(field)"), tenancy: .unlimited).isEmpty)
  }

  @Test(
    "are accepted without a list if they grant nothing",
    arguments: [
      "podLabels: {team: insight, app.kubernetes.io/name: spark}",
      "podAnnotations: {prometheus.io/scrape: \"true\", checksum/config: a1b2}",
      "serviceAnnotations: {prometheus.io/port: \"8080\"}", "env: [{name: A, value: b}]",
      "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
      "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]",
      "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}",
      "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {}, topologyKey: a}]}}",
      "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{namespaces: [prod], topologyKey: a}]}}",
    ])
  func harmless(field: String) throws {
    #expect(try findings(.cluster("members: 3", "members: 3\n      \(field)")).isEmpty)
  }

  @Test("are refused for keys by which kdops identifies objects, whatever an administrator lists")
  func reserved() throws {
    for field in ["podAnnotations: {kdops.dev/stamp: x}", "serviceLabels: {kubedirector.hpe.com/role: x}"] {
      let found = try findings(.cluster("members: 3", "members: 3\n      \(field)"), tenancy: .unlimited)
      #expect(found.map(\.rule) == ["cluster/labels"])
    }
  }

  @Test("are refused for an unknown source of a variable, whatever an administrator lists")
  func unknownSource() throws {
    let found = try findings(
      .cluster("members: 3", "members: 3\n      env: [{name: A, valueFrom: {fileKeyRef: {path: /x}}}]"),
      tenancy: .unlimited)
    #expect(found.map(\.rule) == ["cluster/tenancy"])
  }
}
