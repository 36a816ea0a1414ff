import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite(
  "Commands in real pods",
  .enabled(
    if: RealNode.isThere && ExecNode.tools != nil,
    "KUBECONFIG_FOR_TESTS or KUBE_TOOLS names nothing"),
  .serialized, .timeLimit(.minutes(5)))
struct ExecNodeTests {
  private func shell(_ script: String, _ arguments: String..., stdin: [UInt8] = [], limit: Int = 64 << 10)
    -> ExecRequest
  {
    ExecRequest(
      command: ["/bin/sh", "-c", script, "sh"] + arguments, stdin: stdin, outputLimit: limit,
      timeout: .seconds(60))
  }

  /// The error with which a command ends.
  private func error(
    _ client: KubernetesClient, _ pod: ObjectName, _ request: ExecRequest
  ) async throws -> APIError {
    do throws(APIError) {
      let result = try await client.exec(pod, request)
      Issue.record("it ran: \(result)")
      throw APIError(.other, "no error")
    } catch {
      return error
    }
  }

  @Test("exit code, both output streams and input work as for a local process")
  func processes() async throws {
    try await RealNode.with { client, namespace in
      let pod = try await ExecNode.pod(client, in: namespace).objectName

      let fine = try await client.exec(pod, shell("echo out; echo err >&2"))
      #expect(fine == ExecResult(exitCode: 0, stdout: Array("out\n".utf8), stderr: Array("err\n".utf8)))
      #expect(try await client.exec(pod, shell("exit 7")).exitCode == 7)
      #expect(try await client.exec(pod, shell("kill -9 $$")).exitCode == 137)

      let odd = "a b\"c$d&e\né%"
      #expect(try await client.exec(pod, shell("printf %s \"$1\"", odd)).stdout == Array(odd.utf8))

      // This input cannot be closed, so the reader stops after its length.
      let input = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
      let echo = shell("head -c \"$1\"", "\(input.count)", stdin: input, limit: 2 << 20)
      #expect(try await client.exec(pod, echo).stdout == input)

      // Without input the command reads end-of-file, and does not wait.
      #expect(try await client.exec(pod, shell("cat; echo end")).stdout == Array("end\n".utf8))

      let much = try await client.exec(pod, shell("head -c 5000000 /dev/zero; echo x >&2", limit: 1000))
      #expect(
        much == ExecResult(exitCode: 0, stdout: [UInt8](repeating: 0, count: 1000), stderr: [0x78, 0x0A]))

      // Many commands in parallel, each with its own exit code.
      try await withThrowingTaskGroup { group in
        for code in 0..<20 {
          group.addTask { (code, try await client.exec(pod, self.shell("exit \(code)")).exitCode) }
        }
        for try await (wanted, found) in group { #expect(wanted == found) }
      }
    }
  }

  @Test("output arrives while the command has not read its input yet")
  func lateReader() async throws {
    try await RealNode.with { client, namespace in
      let pod = try await ExecNode.pod(client, in: namespace).objectName
      let input = [UInt8](repeating: 7, count: 1 << 20)
      let script = "head -c 3000000 /dev/zero; sleep 1; head -c \"$1\" | wc -c >&2"
      let result = try await client.exec(
        pod, shell(script, "\(input.count)", stdin: input, limit: 4_000_000))
      #expect(result.exitCode == 0)
      #expect(result.stdout.count == 3_000_000)
      #expect(String(decoding: result.stderr, as: UTF8.self) == "\(input.count)\n")
    }
  }

  @Test(
    "a command that cannot run reports why: missing program, container or pod; replaced or ended container")
  func refusals() async throws {
    try await RealNode.with { client, namespace in
      let running = try await ExecNode.pod(client, in: namespace)
      let pod = running.objectName

      let missing = ExecRequest(command: ["/no/such"])
      let program = try await error(client, pod, missing)
      #expect(program.kind == .notStarted, "\(program)")

      let stranger = ExecRequest(container: "nope", command: ["true"])
      let container = try await error(client, pod, stranger)
      #expect(container.kind == .notStarted, "\(container)")

      let simple = ExecRequest(command: ["true"])
      let nobody = ObjectName(namespace: namespace, name: "nobody")
      #expect(
        try await error(client, nobody, simple).kind == .notFound)

      let id = try #require(KubernetesClient.running("app", in: running))
      #expect(try await client.exec(pod, ExecRequest(command: ["true"], containerID: id)).exitCode == 0)
      let another = ExecRequest(command: ["true"], containerID: "containerd://other")
      #expect(try await error(client, pod, another).kind == .conflict)

      let long = ExecRequest(command: ["sleep", "60"], timeout: .milliseconds(500))
      #expect(try await error(client, pod, long).kind == .timeout)

      // Its container ends while a command runs: the command's end is unknown, or it was killed.
      let ending = Task { () -> Result<ExecResult, APIError> in
        do throws(APIError) {
          return .success(try await client.exec(pod, shell("echo $$ > /tmp/running; sleep 30")))
        } catch {
          return .failure(error)
        }
      }
      while try await client.exec(pod, shell("cat /tmp/running")).exitCode != 0 {}
      try await client.delete(.pods, pod, Preconditions(gracePeriod: 0))
      switch await ending.value {
      case .success(let result): #expect(result.exitCode == 137)
      case .failure(let error): #expect(error.isTransient, "\(error)")
      }
      let gone = try await error(client, pod, simple)
      #expect(gone.kind == .notFound || gone.kind == .notRunning, "\(gone)")
    }
  }
}
