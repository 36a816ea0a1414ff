import Glibc
import Subprocess

/// Programs of the host that the node needs.
enum HostProcess {
  /// Nothing of the daemon's own environment is handed on.
  static let environment = Environment.custom([
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  ])

  /// Runs a program to its end. Nil where it ended with 0, else what it said, or how it ended.
  static func failure(of arguments: [String]) async -> String? {
    do {
      let result = try await run(
        .name("sh"), arguments: Arguments(["-c", "exec \"$@\" 4>/dev/null", "sh"] + arguments),
        environment: environment, output: .discarded, error: .string(limit: 4096))
      guard !result.terminationStatus.isSuccess else { return nil }
      let said = result.standardError
      return said.isEmpty
        ? "\(result.terminationStatus)" : said.split(separator: "\n").joined(separator: "; ")
    } catch {
      return "\(error)"
    }
  }

  /// Removes a folder whatever a script has made of it: folders that nobody may enter, or nested without end.
  static func remove(_ folder: String) async {
    let script = "rm -rf -- \"$1\" 2>/dev/null || { chmod -R u+rwX -- \"$1\"; rm -rf -- \"$1\"; }"
    _ = await failure(of: ["sh", "-c", script, "sh", folder])
  }
}
