import ClusterAPI
import Testing

@testable import EmbeddedAPI

@Suite("Paths of the API")
struct RouteTests {
  @Test("a path names an object, a collection or a document")
  func routes() {
    let cluster = ObjectName(namespace: "prod", name: "analytics")
    let base = "/apis/kubedirector.hpe.com/v1beta1"
    #expect(route("/api") == .coreVersions)
    #expect(route("/apis") == .groups)
    #expect(route("/apis/apps") == .group("apps"))
    #expect(route("/api/v1") == .resources(GroupVersion(group: "", version: "v1")))
    #expect(route("/openapi/v3") == .openAPIv3Index)
    #expect(route("/openapi/v3/apis/apps/v1?hash=1") == .openAPIv3(GroupVersion(.statefulSets)))
    #expect(route("\(base)/kubedirectorclusters?limit=500") == .collection(.clusters, namespace: nil))
    #expect(
      route("\(base)/namespaces/prod/kubedirectorclusters") == .collection(.clusters, namespace: "prod"))
    #expect(
      route("\(base)/namespaces/prod/kubedirectorclusters/analytics") == .object(.clusters, cluster, nil))
    #expect(
      route("\(base)/namespaces/prod/kubedirectorclusters/analytics/status")
        == .object(.clusters, cluster, .status))
    #expect(
      route("/api/v1/namespaces/prod/pods/analytics/exec") == .object(.pods, cluster, .exec))
    #expect(
      route("/api/v1/namespaces/prod") == .object(.namespaces, ObjectName(namespace: "", name: "prod"), nil))
  }

  @Test(
    "a path that names nothing is not found",
    arguments: [
      "/", "/api/v2", "/apis/batch/v1/jobs", "/api/v1/nodes", "/api/v1/pods/a",
      "/api/v1/namespaces/prod/pods/a/portforward", "/api/v1/namespaces/prod/configmaps/a/status",
      "/api/v1/namespaces/prod/pods/a/log/more", "/openapi/v3/apis/batch/v1", "/other",
    ])
  func unknown(path: String) {
    let found = route(path)
    #expect(found == nil)
  }

  @Test("escapes are decoded, also in names of parameters; a malformed one is refused")
  func decoding() {
    let request = APIRequest(
      method: "GET", target: "/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29&watch=true")
    #expect(request?.parameter("labelSelector") == "a=b,c in (d)")
    #expect(request?.isSet("watch") == true)
    for target in ["api", "/api/%", "/api/%4", "/api/%zz", "/api/%ff"] {
      let request = APIRequest(method: "GET", target: target)
      #expect(request == nil)
    }
  }

  private func route(_ target: String) -> Route? {
    APIRequest(method: "GET", target: target).flatMap { Route($0.path) }
  }
}
