import Foundation
import TestSupport
import Testing

@Suite(
  "Webhooks and the daemon", needsBubblewrap, .enabled(if: Tool.has("curl"), "curl is not installed"))
struct PushScenarios {
  private static let secret = "a-secret-of-this-scenario"

  /// Posts the payload of a push, as GitLab does.
  ///
  /// - Returns: the status code of the answer.
  private func push(to port: Int, secret: String = secret, ref: String = "refs/heads/main") async throws
    -> String
  {
    try await Tool.run(
      [
        "curl", "--silent", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}",
        "--header", "Content-Type: application/json", "--header", "X-Gitlab-Event: Push Hook",
        "--header", "X-Gitlab-Token: \(secret)", "--data", "{\"ref\": \"\(ref)\"}",
        "http://127.0.0.1:\(port)/hooks/gitlab",
      ])
  }

  /// A port that is free now.
  private func freePort() async throws -> Int {
    let server = try await JSONServer { _ in JSONServer.Answer(200) }
    let port = server.port
    await server.stop()
    return port
  }

  /// The number of pushes; `KDOPS_PUSHES=50` measures the time from `git push` to the verdict and prints it.
  private static let measured = ProcessInfo.processInfo.environment["KDOPS_PUSHES"].flatMap { Int($0) }

  @Test("a push is judged at once, although the daemon fetches rarely")
  func push() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let port = try await freePort()
      let secretFile = "\(scene.folder.path)/webhook-secret"
      try "\(Self.secret)\n".write(toFile: secretFile, atomically: true, encoding: .utf8)
      try await scene.start(
        ["--interval", "10h"],
        environment: ["KDOPS_WEBHOOK_LISTEN": "127.0.0.1:\(port)", "KDOPS_WEBHOOK_SECRET_FILE": secretFile])
      try await scene.configured("1.0.0")
      try await scene.eventually("listener") { scene.logged("webhook.listening").isEmpty ? nil : true }
      var times: [Duration] = []
      for number in 1...(Self.measured ?? 3) {
        let commit = try scene.forge.user.commit(
          [Fixture.clusterPath("broken"): "kind: KubeDirectorCluster\nmetadata: {name: broken-\(number)\n"],
          "Break a file")
        let start = ContinuousClock.now
        try scene.forge.user.push()
        #expect(try await push(to: port) == "202")
        try await eventually(within: .seconds(60), every: .milliseconds(5), "verdict") {
          scene.forge.note(commit)?.phase == "rejected" ? true : nil
        }
        times.append(ContinuousClock.now - start)
        // A push of its own, not one in the interval between two fetches.
        if Self.measured != nil { try await Task.sleep(for: .milliseconds(1100)) }
      }
      if Self.measured != nil {
        let sorted = times.sorted()
        print("push to verdict: median \(sorted[sorted.count / 2]), worst \(sorted[sorted.count - 1])")
      }
    }
  }

  @Test("another secret or another branch causes no fetch")
  func refused() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let port = try await freePort()
      let secretFile = "\(scene.folder.path)/webhook-secret"
      try "\(Self.secret)\n".write(toFile: secretFile, atomically: true, encoding: .utf8)
      try await scene.start(
        ["--interval", "10h"],
        environment: ["KDOPS_WEBHOOK_LISTEN": "127.0.0.1:\(port)", "KDOPS_WEBHOOK_SECRET_FILE": secretFile])
      try await scene.configured("1.0.0")
      try await scene.eventually("listener") { scene.logged("webhook.listening").isEmpty ? nil : true }
      let commit = try scene.forge.push(
        [Fixture.clusterPath("broken"): "kind: KubeDirectorCluster\nmetadata: {name: broken\n"],
        "Break a file")
      #expect(try await push(to: port, secret: "another-secret-of-it") == "401")
      #expect(try await push(to: port, ref: "refs/heads/topic") == "202")
      try await staying(for: .seconds(2), "commit without a note") { scene.forge.note(commit) == nil }
    }
  }
}
