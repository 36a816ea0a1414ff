import Glibc
import Subprocess

/// Programs of the host that the node needs.
enum HostProcess {
  /// Nothing of the daemon's own environment is handed on.
  static let environment = Environment.custom([
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  ])

  /// Runs a program to its end. Nil where it ended with 0, else what it said, or how it ended.
  /// - Parameter filter: the file that a sandbox reads its filter of system calls from.
  static func failure(of arguments: [String], filter: String = "/dev/null") async -> String? {
    do {
      let result = try await run(
        .name("sh"), arguments: Arguments(["-c", Self.start, "sh", filter] + arguments),
        environment: environment, output: .discarded, error: .string(limit: 4096))
      guard !result.terminationStatus.isSuccess else { return nil }
      let said = result.standardError
      return said.isEmpty
        ? "\(result.terminationStatus)" : said.split(separator: "\n").joined(separator: "; ")
    } catch {
      return "\(error)"
    }
  }

  private static let start = "filter=$1; shift; exec \"$@\" 4>/dev/null 5<\"$filter\""

  /// Removes a folder whatever a script has made of it: folders that nobody may enter, or nested without end.
  static func remove(_ folder: String) async {
    let script = "rm -rf -- \"$1\" 2>/dev/null || { chmod -R u+rwX -- \"$1\"; rm -rf -- \"$1\"; }"
    _ = await failure(of: ["sh", "-c", script, "sh", folder])
  }
}
