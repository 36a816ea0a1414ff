import Testing

@testable import Kubernetes

@Test("a server without a path of its own is reached at the root")
func serverPath() {
  struct Nobody: Credentials {
    var identity: String? { nil }
    func authorization() -> String? { nil }
    func forget() {}
  }
  let server = Server(
    host: "localhost", port: 6443, path: "", tls: nil, serverName: nil, credentials: Nobody(), namespace: nil,
    label: "test")
  #expect(server.path.isEmpty)
}
