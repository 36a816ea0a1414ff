import ClusterAPI
import Glibc
import Values

/// A file in a container of the embedded cluster, as far as it was read.
public struct ContainerFile: Sendable, Hashable {
  public var bytes: [UInt8]
  /// The file's whole size in bytes.
  public var size: Int
}

// Files of containers, directly from the disk, also if no daemon runs. Scripts write these files, so no link is
// followed.
extension EmbeddedReader {
  /// The names in a folder of a pod's main container, the last changed first; empty if there is no such folder.
  ///
  /// - Parameter path: the components of the path in the container.
  public func names(in path: [String], of pod: Object) throws(APIError) -> [String] {
    do {
      guard let folder = try open(path, of: PodSpec(pod)) else { return [] }
      var found: [(name: String, time: timespec)] = []
      for bytes in try folder.names(limit: Self.nameLimit) {
        var info = stat()
        guard fstatat(folder.descriptor, bytes, &info, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
        let name = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        found.append((name, info.st_mtim))
      }
      return found.sorted { ($0.time.tv_sec, $0.time.tv_nsec) > ($1.time.tv_sec, $1.time.tv_nsec) }.map(
        \.name)
    } catch {
      throw APIError(.unavailable, "pod \(pod.objectName): \(error)")
    }
  }

  /// A regular file of a pod's main container; nil if there is none.
  ///
  /// - Parameters:
  ///   - path: the components of the path in the container.
  ///   - offset: the number of bytes that are skipped.
  ///   - limit: the maximum number of bytes that are read.
  public func file(
    _ path: [String], of pod: Object, from offset: Int, limit: Int
  ) throws(APIError) -> ContainerFile? {
    do {
      guard let name = path.last, let folder = try open(path.dropLast(), of: PodSpec(pod)) else { return nil }
      let file = openat(folder.descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard file >= 0 else {
        if errno == ENOENT || errno == ELOOP { return nil }
        throw FileError(errno: errno, "\(folder.path)/\(name)")
      }
      defer { close(file) }
      var info = stat()
      guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
      let size = Int(info.st_size)
      var bytes = [UInt8](repeating: 0, count: min(limit, max(0, size - offset)))
      var count = 0
      while count < bytes.count {
        let read = bytes.withUnsafeMutableBytes { buffer in
          pread(file, buffer.baseAddress.map { $0 + count }, buffer.count - count, off_t(offset + count))
        }
        if read < 0, errno == EINTR { continue }
        guard read > 0 else { break }
        count += read
      }
      return ContainerFile(bytes: Array(bytes.prefix(count)), size: size)
    } catch {
      throw APIError(.unavailable, "pod \(pod.objectName): \(error)")
    }
  }

  /// The most names of a folder that are read.
  private static let nameLimit = 10_000

  /// Opens a folder of the container, in its root or in the volume that is mounted there; nil if it does not exist.
  private func open(_ path: [String], of pod: PodSpec) throws -> OpenFolder? {
    let folders = PodFolders(directory: directory, owner: nil)
    var (base, rest) = (folders.root(of: pod), path[...])
    var depth = 0
    for mount in pod.containers.first(where: { !$0.isInit })?.mounts ?? [] {
      let place = mount.path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
      guard place.count > depth, path.starts(with: place, by: { $0.isExactly($1) }) else { continue }
      depth = place.count
      base = try folders.volume(mount, of: pod)
      rest = try PodFolders.subPath(mount)[...] + path.dropFirst(place.count)
    }
    guard SafeFolder.kind(base) == .folder else { return nil }
    return try OpenFolder(base).find(rest)
  }
}
