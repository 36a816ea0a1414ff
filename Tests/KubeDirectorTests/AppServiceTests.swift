import KubeDirector
import Testing
import Values

@Suite("A service of an app")
struct AppServiceTests {
  private func service(_ id: String, _ scheme: JSON?) -> AppService {
    var endpoint: JSON = ["port": 8080, "path": "/ui"]
    endpoint["urlScheme"] = scheme
    return AppService(["id": .string(id), "endpoint": endpoint])
  }

  @Test("has the port name and the endpoint of KubeDirector")
  func names() {
    #expect(service("web", "http").portName == "http-web")
    #expect(service("web", "HTTPS").portName == "https-web")
    #expect(service("ssh", nil).portName == "generic-ssh")
    #expect(service("ssh", "").portName == "generic-ssh")
    #expect(service("web", "http").endpoint(on: "a.b") == "http://a.b:8080")
    #expect(service("ssh", nil).endpoint(on: "a.b") == "://a.b:8080")
  }

  @Test("has a valid port name whatever its scheme")
  func hostile() {
    #expect(service("web", "jdbc:hive2").portName == "jdbc-hive2-web")
    #expect(service("web", "+x").portName == "x-web")
    #expect(service("web", "://").portName == "generic-web")
    let long = service("web", .string(String(repeating: "x", count: 500))).portName
    #expect(long.utf8.count == 63 && long.hasSuffix("-web"))
  }
}
