import ClusterAPI
import NIOSSL
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("TLS")
struct TLSTests {
  private let version = StubAnswer.json(["gitVersion": "v1.30.0"])

  @Test("a server is verified by its address, or by its name")
  func trusted() async throws {
    let authority = try TestAuthority()
    for host in ["127.0.0.1", "localhost"] {
      let stub = StubServer([version])
      let port = try await stub.start(tls: try authority.server())
      let server = try TestServer.secure(port, authority: authority, host: host)
      try await using(server, stopping: stub) { client in
        let found = try await client.check()
        #expect(found == "v1.30.0")
      }
    }
  }

  @Test("a certificate that another authority signed is refused at once, with a message")
  func wrongAuthority() async throws {
    let stub = StubServer([version])
    let port = try await stub.start(tls: try TestAuthority().server())
    let clock = SkippingClock()
    let server = try TestServer.secure(port, authority: try TestAuthority())
    try await using(server, clock: clock, stopping: stub) { client in
      let error = try await failure { try await client.check() }
      #expect(error.message.contains("is not signed by the CA that was given"))
      #expect(clock.sleeps.isEmpty)
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("a certificate for another host or address is refused")
  func wrongHost() async throws {
    let authority = try TestAuthority()
    for (host, names, addresses) in [
      ("localhost", ["other.example"], [[UInt8]]()), ("127.0.0.1", ["localhost"], [[10, 0, 0, 1]]),
    ] {
      let stub = StubServer([version])
      let port = try await stub.start(tls: try authority.server(names: names, addresses: addresses))
      let clock = SkippingClock()
      let server = try TestServer.secure(port, authority: authority, host: host)
      try await using(server, clock: clock, stopping: stub) { client in
        let error = try await failure { try await client.check() }
        #expect(error.message.contains("is not valid for this host name"))
        #expect(clock.sleeps.isEmpty && stub.requests.isEmpty)
      }
    }
  }

  @Test("with tls-server-name the certificate must contain that name, whatever the address is")
  func serverName() async throws {
    let authority = try TestAuthority()
    let stub = StubServer([version])
    let port = try await stub.start(tls: try authority.server(names: ["kube.example"], addresses: []))
    let server = try TestServer.secure(port, authority: authority, serverName: "kube.example")
    try await using(server, stopping: stub) { client in
      let found = try await client.check()
      #expect(found == "v1.30.0")
    }
  }

  @Test("a client certificate is sent to a server that requests one")
  func clientCertificate() async throws {
    let authority = try TestAuthority()
    let stub = StubServer([version])
    let port = try await stub.start(tls: try authority.server(demandsClient: true))
    let server = try TestServer.secure(port, authority: authority, client: try authority.issue("jane"))
    try await using(server, stopping: stub) { client in
      let found = try await client.check()
      #expect(found == "v1.30.0")
    }
  }

  @Test("a server that requests a client certificate gets no request from a client without one")
  func noClientCertificate() async throws {
    let authority = try TestAuthority()
    let stub = StubServer([version])
    let port = try await stub.start(tls: try authority.server(demandsClient: true))
    try await using(try TestServer.secure(port, authority: authority), stopping: stub) { client in
      let error = try await failure { try await client.check() }
      #expect(error.kind == .unauthorized)
      #expect(error.message.contains("rejects the client certificate (certificate_required)"))
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("a token is never sent over plain HTTP")
  func plain() async throws {
    let credentials = FixedCredentials(header: Secret.bearer("abc"), identity: nil)
    try await withStub([version], credentials: credentials) { client, stub in
      try await client.check()
      #expect(stub.requests.map(\.authorization) == [nil])
    }
  }
}
