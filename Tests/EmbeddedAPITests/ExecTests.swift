import ClusterAPI
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Commands and logs")
struct ExecTests {
  @Test("a command is read from the query")
  func call() throws {
    let request = try #require(
      APIRequest(
        method: "GET",
        target: "/api/v1/namespaces/n/pods/p/exec?command=ls&command=-l&container=app&stdout=true"))
    let call = try ExecCall(request)
    #expect(call?.command == ["ls", "-l"])
    #expect(call?.pod == ObjectName(namespace: "n", name: "p"))
    #expect(call?.hasStdin == false)
  }

  @Test("a terminal, and a request without an upgrade, are refused with what to do")
  func refusals() throws {
    let base = "/api/v1/namespaces/n/pods/p/exec?command=sh"
    let terminal = try #require(APIRequest(method: "GET", target: "\(base)&tty=true"))
    #expect(ExecCall.refusal(terminal).message.contains("leave out -t"))
    let old = try #require(APIRequest(method: "POST", target: base))
    #expect(ExecCall.refusal(old).message.contains("has to ask for an upgrade"))
    #expect(ExecMessage.chosen(from: ["v4.channel.k8s.io"], hasStdin: true) == nil)
    #expect(ExecMessage.chosen(from: ["v4.channel.k8s.io"], hasStdin: false) == "v4.channel.k8s.io")
  }

  @Test("output is sent on its channels, and the exit code last")
  func messages() throws {
    let messages = ExecMessage.messages(of: ExecResult(exitCode: 3, stdout: [65], stderr: [66]))
    #expect(messages.dropLast() == [[1, 65], [2, 66]])
    let last = try #require(messages.last)
    #expect(last.first == ExecMessage.Channel.error)
    let status = try JSON.parse(last.dropFirst())
    #expect(status["details"]?["causes"]?[0]?["message"] == "3")
    var input = ExecInput()
    try input.take([0, 1, 2])
    try input.take([4, 9])
    try input.take([255, 0])
    #expect(input.bytes == [1, 2])
    #expect(input.isClosed)
  }

  @Test("the last lines of a log are cut", arguments: [(0, ""), (1, "c\n"), (2, "b\nc\n"), (9, "a\nb\nc\n")])
  func tail(lines: Int, text: String) throws {
    let request = try #require(APIRequest(method: "GET", target: "/log?tailLines=\(lines)"))
    let cut = LogRange(request).cut(Array("a\nb\nc\n".utf8))
    #expect(String(decoding: cut, as: UTF8.self) == text)
  }

  @Test("only the token of this start is accepted")
  func token() {
    let token = BearerToken("secret")
    #expect(token.matches(authorization: "Bearer secret"))
    for wrong in [nil, "", "secret", "Bearer secre", "Bearer secrets", "Basic secret"] {
      let matches = token.matches(authorization: wrong)
      #expect(!matches)
    }
    #expect(BearerToken().text.reveal().count == 64)
  }

  @Test("a warning with quotes and line feeds is one header field")
  func warning() {
    #expect(HTTPConnection.warning("a \"b\"\nc\\") == #"299 - "a \"b\" c\\""#)
  }

  @Test("only loopback addresses are served")
  func loopback() {
    for address in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
      #expect(EmbeddedAPIServer.isLoopback(address))
    }
    for address in ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com"] {
      #expect(!EmbeddedAPIServer.isLoopback(address))
    }
  }
}
