import ClusterAPI
import Installation
import Reconciler
import Testing
import Values

@Suite("Permissions of the daemon's account")
struct AccessTests {
  private static let own = InstallationSettings()
  private static let named = InstallationSettings(tenantNamespaces: ["prod", "staging"])

  private func allows(
    _ settings: InstallationSettings, _ verb: Permission.Verb, _ resource: Resource,
    _ subresource: String? = nil,
    in namespace: String?, name: String? = nil
  ) -> Bool {
    settings.grants.contains {
      $0.allows(verb, resource, subresource: subresource, namespace: namespace, name: name)
    }
  }

  @Test("with all namespaces it may work in any of them, and list across all")
  func everywhere() {
    #expect(allows(Self.own, .create, .statefulSets, in: "prod"))
    #expect(allows(Self.own, .list, .pods, in: nil))
    let export = InstallationExport(Self.own)
    #expect(export.objects("ClusterRoleBinding").map(\.name) == ["kdops-default"])
    #expect(export.objects("RoleBinding").map(\.namespace) == ["kdops-system"])
  }

  @Test("the requests of a grant are those that it allows, each as a review for the API server")
  func requests() throws {
    for grant in Self.named.grants {
      for request in grant.requests {
        #expect(
          grant.allows(
            request.verb, request.resource, subresource: request.subresource, namespace: request.namespace,
            name: request.name))
      }
    }
    let request = AccessRequest(verb: .get, resource: .pods, subresource: "exec", namespace: "prod")
    let own = request.review()
    #expect(own.kind == "SelfSubjectAccessReview")
    #expect(
      own.json["spec"]?["resourceAttributes"] == [
        "verb": "get", "group": "", "version": "v1", "resource": "pods", "subresource": "exec",
        "namespace": "prod",
      ])
    let other = request.review(for: ObjectName(namespace: "kdops-system", name: "kdops"))
    #expect(other.kind == "SubjectAccessReview")
    #expect(other.json["spec"]?["user"] == "system:serviceaccount:kdops-system:kdops")
  }

  @Test("with named namespaces nothing is bound beyond them and the daemon's own")
  func tenants() {
    let export = InstallationExport(Self.named)
    #expect(export.objects("ClusterRoleBinding").isEmpty)
    #expect(export.objects("RoleBinding").map(\.namespace) == ["prod", "staging", "kdops-system"])
    #expect(allows(Self.named, .create, .clusters, in: "prod"))
    #expect(!allows(Self.named, .get, .clusters, in: "other"))
    #expect(!allows(Self.named, .list, .pods, in: nil))
  }

  @Test("the apps in the system namespace can be read, and nothing else there is permitted")
  func catalog() {
    var apart = Self.named
    apart.systemNamespace = "catalog"
    var inside = apart
    inside.repo = "https://git.example/fleet.git"
    for (settings, place) in [(Self.named, "kdops-system"), (apart, "catalog"), (inside, "catalog")] {
      #expect(allows(settings, .list, .apps, in: place) && allows(settings, .watch, .apps, in: place))
      #expect(!allows(settings, .create, .apps, in: place) && !allows(settings, .list, .clusters, in: place))
      #expect(!allows(settings, .list, .pods, in: place))
    }
  }

  @Test("it may change only its own lease")
  func lease() {
    for verb in [Permission.Verb.get, .update] {
      #expect(allows(Self.own, verb, .leases, in: "kdops-system", name: "kdops-default"))
      #expect(!allows(Self.own, verb, .leases, in: "kdops-system", name: "other"))
      #expect(!allows(Self.own, verb, .leases, in: "prod", name: "kdops-default"))
    }
    #expect(allows(Self.own, .create, .leases, in: "kdops-system"))
    #expect(!allows(Self.own, .delete, .leases, in: "kdops-system", name: "kdops-default"))
  }

  @Test("in its own namespace, it may write only its own ConfigMap of blocked changes")
  func record() {
    #expect(Self.own.blockedChangeRecord == BlockedChangeRecord.name(installation: "default"))
    for verb in [Permission.Verb.get, .update] {
      #expect(allows(Self.own, verb, .configMaps, in: "kdops-system", name: "kdops-default-held"))
      #expect(!allows(Self.own, verb, .configMaps, in: "kdops-system", name: "other"))
    }
    #expect(!allows(Self.own, .delete, .configMaps, in: "kdops-system", name: "kdops-default-held"))
  }

  @Test("a daemon with webhooks may pass a request to fetch to its leader")
  func command() {
    #expect(!allows(Self.own, .patch, .leases, in: "kdops-system", name: "kdops-default"))
    var settings = Self.own
    settings.otherSettings["webhook"] = ["listen": "0.0.0.0:9292"]
    #expect(allows(settings, .patch, .leases, in: "kdops-system", name: "kdops-default"))
    #expect(!allows(settings, .patch, .leases, in: "kdops-system", name: "other"))
  }

  @Test("it may write the ConfigMap of undelivered notifications if there are receivers")
  func notifications() {
    let name = "kdops-default-notifications"
    #expect(!allows(Self.own, .update, .configMaps, in: "kdops-system", name: name))
    var settings = Self.own
    settings.otherSettings["notifications"] = [["name": "ops"]]
    for verb in [Permission.Verb.get, .update] {
      #expect(allows(settings, verb, .configMaps, in: "kdops-system", name: name))
    }
    #expect(!allows(settings, .delete, .configMaps, in: "kdops-system", name: name))
    settings.otherSettings["notifications"] = []
    #expect(!allows(settings, .update, .configMaps, in: "kdops-system", name: name))
  }

  @Test("a daemon outside the cluster has its lease in the system namespace")
  func elsewhere() {
    var settings = InstallationSettings(namespace: "ops", systemNamespace: "catalog")
    #expect(allows(settings, .create, .leases, in: "catalog"))
    #expect(!allows(settings, .create, .leases, in: "ops"))
    settings.repo = "https://git.example/fleet.git"
    #expect(allows(settings, .create, .leases, in: "ops"))
    #expect(!allows(settings, .create, .leases, in: "catalog"))
  }

  @Test(
    "it may access no Secrets and webhooks except its stamp key and those of its own admission")
  func admission() {
    #expect(allows(Self.own, .get, .secrets, in: "kdops-system", name: "kdops-default-stamp"))
    #expect(!allows(Self.own, .update, .secrets, in: "kdops-system", name: "kdops-default-stamp"))
    // RBAC cannot restrict create to a name.
    for verb in Permission.Verb.allCases {
      if verb != .create {
        #expect(!allows(Self.own, verb, .secrets, in: "kdops-system", name: "kdops-admission"))
      }
      #expect(!allows(Self.own, verb, .validatingWebhooks, in: nil, name: "kdops-default"))
    }
    var settings = Self.named
    settings.admission = .service
    #expect(allows(settings, .update, .secrets, in: "kdops-system", name: "kdops-admission"))
    #expect(!allows(settings, .get, .secrets, in: "kdops-system", name: "kdops-git"))
    #expect(!allows(settings, .get, .secrets, in: "prod", name: "kdops-admission"))
    #expect(!allows(settings, .list, .secrets, in: "kdops-system"))
    #expect(allows(settings, .patch, .validatingWebhooks, in: nil, name: "kdops-default"))
    #expect(!allows(settings, .patch, .validatingWebhooks, in: nil, name: "kdops-blue"))
  }

  @Test(
    "it may never grant permissions, impersonate, or change namespaces and nodes", arguments: Sample.allCases)
  func powers(_ sample: Sample) {
    let rules = sample.export.objects.flatMap { $0["rules"]?.array ?? [] }
    #expect(!rules.isEmpty)
    let groups: Set = [
      "", "apps", "policy", "kubedirector.hpe.com", "coordination.k8s.io", "admissionregistration.k8s.io",
    ]
    let verbs = Set(Permission.Verb.allCases.map(\.rawValue))
    for rule in rules {
      #expect(rule["apiGroups"]?.array?.allSatisfy { groups.contains($0.string ?? "*") } == true)
      #expect(rule["verbs"]?.array?.allSatisfy { verbs.contains($0.string ?? "*") } == true)
      let resources = rule["resources"]?.array?.compactMap(\.string) ?? []
      #expect(!resources.isEmpty)
      for word in ["*", "namespaces", "nodes", "serviceaccounts", "persistentvolumeclaims"] {
        #expect(!resources.contains(word))
      }
      if resources.contains("configmaps") {
        // Of ConfigMaps that it did not create, it may only read those that clusters can be connected to.
        #expect(
          rule["verbs"] == ["list", "watch"] || rule["verbs"] == ["create"]
            || rule["resourceNames"] == [.string(sample.settings.blockedChangeRecord)])
      }
    }
  }

  @Test("every binding is for the daemon's own account", arguments: Sample.allCases)
  func subjects(_ sample: Sample) {
    let bindings = sample.export.objects.filter { $0.kind.hasSuffix("Binding") }
    #expect(!bindings.isEmpty)
    for binding in bindings {
      let subject: JSON = [
        "kind": "ServiceAccount", "name": "kdops", "namespace": .string(sample.settings.namespace),
      ]
      #expect(binding["subjects"] == [subject])
    }
  }
}
