import ClusterAPI

@testable import EmbeddedCluster

/// A program in Python that makes system calls in the sandbox of a container, and prints what they return.
enum SystemCallProgram {
  private static let start = """
    import ctypes, errno, os, platform, socket
    libc = ctypes.CDLL(None, use_errno=True)
    isX86 = platform.machine() == "x86_64"
    def call(name, x86, arm, *arguments):
      result = libc.syscall(x86 if isX86 else arm, *arguments)
      print(name, "works" if result >= 0 else errno.errorcode[ctypes.get_errno()])

    """

  /// Runs the program in a new container and passes its result to a check.
  ///
  /// - Parameter calls: Lines such as `call("keyctl", 250, 219, 0, -3, 0)`, with the numbers on x86_64 and aarch64.
  static func run(_ calls: String, _ check: @escaping @Sendable (ExecResult) -> Void) async throws {
    try await ClusterFixture.with(sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      let request = ExecRequest(command: ["/usr/bin/python3", "-c", start + calls])
      check(try await fixture.cluster.exec(ClusterFixture.name("web-0"), request))
    }
  }
}
