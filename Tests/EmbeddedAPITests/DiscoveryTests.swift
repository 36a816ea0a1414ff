import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Discovery and OpenAPI")
struct DiscoveryTests {
  private let own = GroupVersion(.clusters)

  @Test("the kinds of KubeDirector have the names of their definitions")
  func resources() throws {
    let golden = """
      {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "kubedirector.hpe.com/v1beta1",
        "resources": [
          {"name": "kubedirectorapps", "singularName": "kubedirectorapp", "namespaced": true,
           "kind": "KubeDirectorApp",
           "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
           "shortNames": ["kdapp"]},
          {"name": "kubedirectorclusters", "singularName": "kubedirectorcluster", "namespaced": true,
           "kind": "KubeDirectorCluster",
           "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
           "shortNames": ["kdcluster"]},
          {"name": "kubedirectorclusters/status", "singularName": "", "namespaced": true,
           "kind": "KubeDirectorCluster", "verbs": ["get", "patch", "update"]}
        ]
      }
      """
    let expected = try JSON.parse(golden)
    #expect(Discovery.resources(own) == expected)
  }

  @Test("the groups are listed with their versions")
  func groups() throws {
    let names = Discovery.groups["groups"]?.array?.compactMap { $0["name"]?.string }
    #expect(names == ["apps", "kubedirector.hpe.com", "policy"])
    let expected = try JSON.parse(
      """
      {"kind": "APIGroup", "apiVersion": "v1", "name": "policy",
       "versions": [{"groupVersion": "policy/v1", "version": "v1"}],
       "preferredVersion": {"groupVersion": "policy/v1", "version": "v1"}}
      """)
    #expect(Discovery.group("policy") == expected)
  }

  @Test("newer clients get all groups in one document")
  func aggregated() throws {
    let accept =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
      + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    #expect(AggregatedDiscovery.version(accept: accept) == .v2)
    #expect(AggregatedDiscovery.version(accept: "application/json") == nil)
    let document = AggregatedDiscovery.document(.v2, isCore: false)
    #expect(document["apiVersion"] == "apidiscovery.k8s.io/v2")
    let cluster = document["items"]?[1]?["versions"]?[0]?["resources"]?[1]
    let expected = try JSON.parse(
      """
      {"resource": "kubedirectorclusters",
       "responseKind": {"group": "kubedirector.hpe.com", "version": "v1beta1", "kind": "KubeDirectorCluster"},
       "scope": "Namespaced", "singularResource": "kubedirectorcluster",
       "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"], "shortNames": ["kdcluster"],
       "subresources": [
         {"subresource": "status",
          "responseKind": {"group": "kubedirector.hpe.com", "version": "v1beta1", "kind": "KubeDirectorCluster"},
          "verbs": ["get", "patch", "update"]}]}
      """)
    #expect(cluster == expected)
    let core = AggregatedDiscovery.document(.v2beta1, isCore: true)
    #expect(core["items"]?.array?.count == 1)
  }

  @Test("OpenAPI has the schema of clusters, and says that the server checks fields and supports a dry run")
  func openAPI() {
    let document = OpenAPI.document(own)
    let path = "/apis/kubedirector.hpe.com/v1beta1/namespaces/{namespace}/kubedirectorclusters/{name}"
    let patch = document["paths"]?[path]?["patch"]
    let parameters = patch?["parameters"]?.array?.compactMap { $0["name"]?.string }
    #expect(parameters == ["dryRun", "fieldManager", "fieldValidation", "force"])
    #expect(patch?["x-kubernetes-group-version-kind"]?["kind"] == "KubeDirectorCluster")
    let schema = document["components"]?["schemas"]?["com.hpe.kubedirector.v1beta1.KubeDirectorCluster"]
    #expect(schema?["properties"]?["spec"]?["properties"]?["app"]?["type"] == "string")
    #expect(OpenAPI.index["paths"]?["apis/kubedirector.hpe.com/v1beta1"]?["serverRelativeURL"] != nil)
  }
}
