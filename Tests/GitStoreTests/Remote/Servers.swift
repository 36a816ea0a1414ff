import Foundation
import TestSupport

/// A server program that runs until the test releases this object.
final class Server: @unchecked Sendable {
  /// Only used by `init` and `deinit`.
  private let process: Process
  let port: Int

  /// - Parameter command: prints the port that it listens on as its first line.
  init(_ command: [String], environment: [String: String] = [:]) throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.start()
    var line = ""
    while !line.hasSuffix("\n") {
      guard let byte = try pipe.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
        throw ToolError("\(command.first ?? "") ended before it served")
      }
      line += String(decoding: byte, as: UTF8.self)
    }
    guard let port = Int(line.dropLast()) else { throw ToolError("\(line) is no port") }
    self.port = port
  }

  /// SIGKILL, because children inherit blocked signals from the process that started the tests.
  deinit { kill(process.processIdentifier, SIGKILL) }
}

enum Tools {
  /// Whether a program is installed.
  static func has(_ name: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin"]
    return folders.contains { access("\($0)/\(name)", X_OK) == 0 }
  }

  /// The public keys in the running ssh-agent; nil if none runs or it is empty.
  static let agentKeys = has("ssh-add") ? try? TemporaryRepository.run(["ssh-add", "-L"], in: nil) : nil
  static let python = has("python3")
  static let ssh = has("sshd") && has("ssh-keygen")
}

extension Server {
  /// A web server for the repositories of a folder.
  ///
  /// Behind `/git/` git's own `git http-backend` answers, to user `ada` with password `s3cret` only. The
  /// other paths misbehave: `/away/` redirects to `localhost` and the given port, `/silent/` never answers,
  /// `/drip/` sends a byte now and then, `/500/` returns that code, and `/rubbish/` returns an invalid
  /// answer.
  static func web(_ folder: String, certificate: String? = nil, away: Int = 1) throws -> Server {
    let script = """
      import base64, http.server, os, ssl, subprocess, sys, time
      folder, certificate, away = sys.argv[1:4]
      class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        def log_message(self, *arguments): pass
        def answer(self, code, headers, body=b''):
          self.send_response(code)
          for name, value in headers: self.send_header(name, value)
          self.send_header('Content-Length', str(len(body)))
          self.end_headers()
          self.wfile.write(body)
        def do_POST(self): self.do_GET()
        def do_GET(self):
          path, _, query = self.path.partition('?')
          if path.startswith('/silent/'): time.sleep(60); return
          if path.startswith('/500/'): return self.answer(500, [])
          if path.startswith('/rubbish/'): return self.answer(200, [('Content-Type', 'text/html')], b'<html>')
          if path.startswith('/away/'):
            return self.answer(302, [('Location', 'http://localhost:%s/git/%s?%s' % (away, path[6:], query))])
          if path.startswith('/drip/'):
            self.send_response(200)
            self.send_header('Content-Type', 'application/x-git-upload-pack-advertisement')
            self.send_header('Content-Length', '1000000')
            self.end_headers()
            try:
              self.wfile.write(b'fff0')
              while True: self.wfile.write(b'0'); self.wfile.flush(); time.sleep(0.05)
            except OSError: return
          wanted = 'Basic ' + base64.b64encode(b'ada:s3cret').decode()
          if self.headers.get('Authorization') != wanted:
            return self.answer(401, [('WWW-Authenticate', 'Basic realm="test"')])
          body = b''
          if self.headers.get('Transfer-Encoding') == 'chunked':
            while True:
              size = int(self.rfile.readline(), 16)
              body += self.rfile.read(size)
              self.rfile.readline()
              if size == 0: break
          else: body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
          environment = dict(os.environ, GIT_PROJECT_ROOT=folder, GIT_HTTP_EXPORT_ALL='1', PATH_INFO=path[4:],
            QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER='ada', REMOTE_ADDR='127.0.0.1',
            CONTENT_TYPE=self.headers.get('Content-Type') or '', CONTENT_LENGTH=str(len(body)),
            GIT_CONFIG_COUNT='2', GIT_CONFIG_KEY_0='safe.directory', GIT_CONFIG_VALUE_0='*',
            GIT_CONFIG_KEY_1='http.receivepack', GIT_CONFIG_VALUE_1='true')
          done = subprocess.run(['git', 'http-backend'], input=body, capture_output=True, env=environment)
          head, _, rest = done.stdout.partition(b'\\r\\n\\r\\n')
          code, headers = 200, []
          for line in head.decode().split('\\r\\n'):
            name, _, value = line.partition(': ')
            if name == 'Status': code = int(value.split()[0])
            elif name: headers.append((name, value))
          self.answer(code, headers, rest)
      server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
      server.daemon_threads = True
      if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
      print(server.server_address[1], flush=True)
      server.serve_forever()
      """
    return try Server(["python3", "-c", script, folder, certificate ?? "", "\(away)"])
  }

  /// A listener that accepts nothing: connections wait in its queue until that is full.
  static func deaf() throws -> Server {
    try Server([
      "python3", "-c",
      """
      import socket, time
      listener = socket.socket()
      listener.bind(('127.0.0.1', 0))
      listener.listen(0)
      port = listener.getsockname()[1]
      fill = [socket.socket() for _ in range(8)]
      for one in fill: one.setblocking(False); one.connect_ex(('127.0.0.1', port))
      print(port, flush=True)
      time.sleep(600)
      """,
    ])
  }

  /// An SSH server of this machine's user, with a key of each usual type.
  ///
  /// - Parameter folder: gets the server's keys `host_TYPE`; logins are checked against its
  ///   `authorized_keys`.
  static func ssh(_ folder: String, types: [String] = ["ed25519"]) throws -> Server {
    for type in types {
      try TemporaryRepository.run(
        ["ssh-keygen", "-q", "-N", "", "-t", type, "-f", "\(folder)/host_\(type)"], in: nil)
    }
    let configuration = """
      ListenAddress 127.0.0.1
      PidFile none
      StrictModes no
      UsePAM no
      PasswordAuthentication no
      AuthorizedKeysFile \(folder)/authorized_keys
      SetEnv GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*

      """ + types.map { "HostKey \(folder)/host_\($0)\n" }.joined()
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/sshd_config"))
    // sshd does not report its port, so a free one is chosen first. -D keeps it a child process that can be
    // killed.
    return try Server([
      "python3", "-c",
      """
      import ctypes, os, shutil, signal, socket, subprocess, sys, time
      probe = socket.socket()
      probe.bind(('127.0.0.1', 0))
      port = probe.getsockname()[1]
      probe.close()
      try: os.makedirs('/run/sshd', exist_ok=True)
      except OSError: pass
      sshd = shutil.which('sshd') or '/usr/sbin/sshd'
      die = lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # with us, however we end
      child = subprocess.Popen([sshd, '-D', '-e', '-f', sys.argv[1], '-p', str(port)],
        stderr=subprocess.DEVNULL, preexec_fn=die)
      while True:
        try: socket.create_connection(('127.0.0.1', port)).close(); break
        except OSError:
          if child.poll() is not None: sys.exit(1)
          time.sleep(0.02)
      print(port, flush=True)
      child.wait()
      """, folder + "/sshd_config",
    ])
  }
}
