import CLibgit2
import Glibc

/// The sockets for libgit2's transports.
///
/// libgit2 1.5 has no time limit for connecting or reading. These sockets connect within a limit, connect
/// only to the host of the running operation (so that no redirect leads elsewhere), and are registered with
/// its watchdog.
enum SocketStream {
  static func register() throws(GitError) {
    var registration = git_stream_registration(
      version: GIT_STREAM_VERSION,
      init: { out, host, port in
        guard let out, let host, let port else { return -1 }
        return SocketStream.make(out, String(cString: host), String(cString: port))
      }, wrap: nil)
    try check(git_stream_register(GIT_STREAM_STANDARD, &registration), "take over libgit2's sockets")
  }

  private typealias Raw = UnsafeMutablePointer<kdops_socket_stream>

  private static func raw(_ stream: UnsafeMutablePointer<git_stream>?) -> Raw? {
    stream.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: kdops_socket_stream.self) }
  }

  private static func operation(_ raw: Raw) -> NetworkOperation? {
    raw.pointee.operation.map { Unmanaged<NetworkOperation>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func fail(_ message: String) -> Int32 {
    git_error_set_str(Int32(GIT_ERROR_NET.rawValue), message)
    return -1
  }

  private static func make(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_stream>?>, _ host: String, _ port: String
  ) -> Int32 {
    if let probe = SocketLayout.probe {
      guard let raw = allocate(host, port) else { return fail("out of memory") }
      raw.pointee[keyPath: probe.member] = dup(probe.descriptor)
      raw.pointee.parent.connect = { _ in 0 }
      out.pointee = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: git_stream.self)
      return 0
    }
    guard let operation = NetworkOperation.current, operation.allows(host: host, port: port) else {
      return fail("no connection to \(host) is wanted here")
    }
    guard let raw = allocate(host, port) else { return fail("out of memory") }
    raw.pointee.operation = Unmanaged.passRetained(operation).toOpaque()
    out.pointee = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: git_stream.self)
    return 0
  }

  /// A stream without a socket.
  private static func allocate(_ host: String, _ port: String) -> Raw? {
    let size = MemoryLayout<kdops_socket_stream>.size
    guard let memory = malloc(size) else { return nil }
    // Fields that are not set below contain -1, so that libgit2 never takes them for a descriptor.
    memset(memory, 0xff, size)
    let raw = memory.bindMemory(to: kdops_socket_stream.self, capacity: 1)
    raw.pointee.parent = git_stream()
    raw.pointee.parent.version = GIT_STREAM_VERSION
    raw.pointee.host = strdup(host)
    raw.pointee.port = strdup(port)
    raw.pointee.operation = nil
    raw.pointee.parent.connect = { SocketStream.raw($0).map { SocketStream.connect($0) } ?? -1 }
    raw.pointee.parent.read = { stream, buffer, count in
      SocketStream.raw(stream).map { SocketStream.read($0, buffer, count) } ?? -1
    }
    raw.pointee.parent.write = { stream, buffer, count, _ in
      SocketStream.raw(stream).map { SocketStream.write($0, buffer, count) } ?? -1
    }
    raw.pointee.parent.close = { SocketStream.raw($0).map { SocketStream.close($0) } ?? -1 }
    raw.pointee.parent.free = { if let raw = SocketStream.raw($0) { SocketStream.free(raw) } }
    return raw
  }

  private static func connect(_ raw: Raw) -> Int32 {
    guard let operation = operation(raw) else { return -1 }
    do throws(SocketConnection.Failure) {
      let socket = try SocketConnection.open(
        host: String(lenient: raw.pointee.host), port: String(lenient: raw.pointee.port),
        limit: operation.remote.limits.connect, giveUp: { operation.stopped != nil })
      guard operation.attach(socket) else {
        Glibc.close(socket)
        return fail("the operation was stopped")
      }
      raw.pointee.descriptor = socket
      return 0
    } catch {
      operation.stop(.connect(error.reason))
      return fail(error.reason)
    }
  }

  private static func read(_ raw: Raw, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    while true {
      let got = recv(raw.pointee.descriptor, buffer, count, Int32(MSG_DONTWAIT))
      if got >= 0 {
        operation(raw)?.moved()
        return got
      }
      guard wait(raw, for: Int16(POLLIN)) else { return Int(fail("reading from the remote failed")) }
    }
  }

  private static func write(_ raw: Raw, _ buffer: UnsafePointer<CChar>?, _ count: Int) -> Int {
    while true {
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
      let put = send(raw.pointee.descriptor, buffer, count, flags)
      if put >= 0 {
        operation(raw)?.moved()
        return put
      }
      guard wait(raw, for: Int16(POLLOUT)) else { return Int(fail("writing to the remote failed")) }
    }
  }

  /// Waits until a call that would have blocked can proceed. Returns false if it never can.
  private static func wait(_ raw: Raw, for event: Int16) -> Bool {
    guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else { return false }
    while operation(raw)?.stopped == nil {
      var poll = pollfd(fd: raw.pointee.descriptor, events: event, revents: 0)
      let ready = Glibc.poll(&poll, 1, 1000)
      if ready > 0 { return true }
      if ready < 0 && errno != EINTR { return false }
    }
    return false
  }

  private static func close(_ raw: Raw) -> Int32 {
    guard raw.pointee.descriptor >= 0 else { return 0 }
    operation(raw)?.detach()
    Glibc.close(raw.pointee.descriptor)
    raw.pointee.descriptor = -1
    return 0
  }

  private static func free(_ raw: Raw) {
    _ = close(raw)
    if let operation = raw.pointee.operation { Unmanaged<NetworkOperation>.fromOpaque(operation).release() }
    Glibc.free(raw.pointee.host)
    Glibc.free(raw.pointee.port)
    Glibc.free(raw)
  }
}

/// A TCP connection that is established within a time limit or fails.
enum SocketConnection {
  struct Failure: Error {
    let reason: String
  }

  /// Tries all addresses of a host in turn.
  ///
  /// - Returns: a non-blocking socket.
  static func open(
    host: String, port: String, limit: Duration, giveUp: () -> Bool
  ) throws(Failure) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, port, &hints, &list)
    guard code == 0 else { throw Failure(reason: "\(host): \(String(lenient: gai_strerror(code)))") }
    defer { freeaddrinfo(list) }
    let deadline = ContinuousClock.now + limit
    var reason = "\(host) has no address"
    var next = list
    while let address = next?.pointee {
      next = address.ai_next
      let type = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      let socket = Glibc.socket(address.ai_family, type, address.ai_protocol)
      guard socket >= 0 else { continue }
      let failure = connect(socket, address, until: deadline, giveUp: giveUp)
      guard let failure else { return socket }
      close(socket)
      reason = "\(host):\(port): \(failure)"
    }
    throw Failure(reason: reason)
  }

  /// - Returns: the failure; nil once connected.
  private static func connect(
    _ socket: Int32, _ address: addrinfo, until deadline: ContinuousClock.Instant, giveUp: () -> Bool
  ) -> String? {
    if Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 { return nil }
    guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
    while true {
      let left = deadline - .now
      if left <= .zero { return "no answer in time" }
      if giveUp() { return "stopped" }
      var poll = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
      let milliseconds = min(
        200, left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
      guard Glibc.poll(&poll, 1, Int32(milliseconds)) > 0 else { continue }
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 else {
        return String(cString: strerror(errno))
      }
      return error == 0 ? nil : String(cString: strerror(error))
    }
  }
}
