import Glibc
import Subprocess

/// Runs programs of the host that the node needs.
enum HostProcess {
  /// The daemon's own environment is not passed on.
  static let environment = Environment.custom([
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  ])

  /// Runs a program to its end. Returns nil if its exit code was 0, else its output, or how it ended.
  /// - Parameter filter: the file from which a sandbox reads its system call filter.
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
}
