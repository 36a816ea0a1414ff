import ClusterAPI
import FoundationEssentials
import Glibc

/// The folders of pods and volumes below the cluster's directory.
///
/// Everything here waits for the disk. What is built is built aside and then moved into its place; what is
/// removed is moved away first. So a death in between leaves either the old or the new, and rubbish at worst.
struct PodFolders: Sendable {
  let directory: String
  let owner: FileOwner?

  func root(of pod: PodSpec) -> String { "\(directory)/pods/\(pod.name.namespace)/\(pod.name.name)" }
  func run(_ containerID: String) -> RunFolder { RunFolder(path: "\(directory)/run/\(containerID)") }
  /// The root of an init container, which has one of its own for as long as it runs.
  func initRoot(_ containerID: String) -> String { run(containerID).path + ".root" }
  var trash: String { "\(directory)/trash" }

  private func volume(_ mount: PodSpec.Mount, of pod: PodSpec) throws -> String {
    guard SafeFolder.isName(mount.claim ?? mount.volume) else {
      throw FileError("volume \(mount.volume): \"\(mount.claim ?? mount.volume)\" is no name of a folder")
    }
    guard let claim = mount.claim else { return "\(ownVolumes(pod.uid))/\(mount.volume)" }
    return self.volume(ObjectName(namespace: pod.name.namespace, name: claim))
  }

  private func volume(_ claim: ObjectName) -> String {
    "\(directory)/volumes/\(claim.namespace)/\(claim.name)"
  }

  /// Folders whose files count towards the limit on disk for a command in a pod: its root, and all volumes of the pod.
  func measured(of pod: PodSpec, root: String) throws -> [String] {
    [root] + Set(try pod.containers.flatMap(\.mounts).map { try volume($0, of: pod) }).sorted()
  }

  /// Commands of an earlier daemon that still run.
  func adoptable() -> [ResourceWatch.Subject] {
    ((try? SafeFolder.names(in: "\(directory)/run")) ?? []).flatMap { run($0).adoptable() }
  }

  /// Where a pod's volumes without a claim are. They live as long as their pod.
  private func ownVolumes(_ uid: String) -> String { "\(directory)/ephemeral/\(uid)" }

  // MARK: Containers

  /// Makes the root of the pod's main containers from an image's files, unless that was done for this container before.
  func makeRoot(of pod: PodSpec, containerID: String, image: (any RootFS)?, ip: String) throws {
    let mark = "\(run(containerID).path)/prepared"
    guard SafeFolder.kind(mark) == nil else {
      _ = try adopted(root(of: pod))
      return
    }
    try removeRoot(of: pod)
    try makeFolder("run/\(containerID)")
    let place = root(of: pod)
    try build(aside: "\(run(containerID).path)/root", place: place, pod: pod, image: image, ip: ip)
    try makeVolumes(of: pod, containers: pod.containers.filter { !$0.isInit })
    guard mkdir(mark, 0o700) == 0 || errno == EEXIST else { throw FileError(errno: errno, mark) }
  }

  /// Makes the root of one init container.
  func makeInitRoot(
    of pod: PodSpec, container: PodSpec.Container, containerID: String, image: (any RootFS)?, ip: String
  ) throws {
    try makeFolder("run/\(containerID)")
    try throwAway(initRoot(containerID))
    try build(
      aside: "\(run(containerID).path)/root", place: initRoot(containerID), pod: pod, image: image, ip: ip)
    try makeVolumes(of: pod, containers: [container])
  }

  private func build(aside: String, place: String, pod: PodSpec, image: (any RootFS)?, ip: String) throws {
    try throwAway(aside)
    guard mkdir(aside, 0o755) == 0 else { throw FileError(errno: errno, aside) }
    if let image {
      try image.materialise(into: RootFolder(folder: OpenFolder(aside)))
      try RootTree.clean(aside)
      try RootTree.packConfigPackage(aside)
    }
    try RootTree.addSkeleton(aside, hostname: pod.hostname, ip: ip)
    try SafeFolder.give(aside, to: owner)
    try makeFolder("pods/\(pod.name.namespace)")
    guard rename(aside, place) == 0 else { throw FileError(errno: errno, place) }
  }

  private func makeVolumes(of pod: PodSpec, containers: [PodSpec.Container]) throws {
    try checkMounts(of: pod, containers)
    for mount in containers.flatMap(\.mounts) { _ = try source(of: mount, pod: pod) }
  }

  /// The folder of a volume that a mount is of, made where it is missing.
  private func source(of mount: PodSpec.Mount, pod: PodSpec) throws -> OpenFolder {
    let parts = try Self.subPath(mount)
    let base = try volume(mount, of: pod)
    if SafeFolder.kind(base) == nil {
      try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
    }
    return try adopted(base).make(parts, owner: owner)
  }

  private static func subPath(_ mount: PodSpec.Mount) throws -> [String] {
    guard let parts = SafeFolder.components(mount.subPath) else {
      throw FileError("volumeMount \(mount.volume): \"\(mount.subPath)\" leaves the volume")
    }
    return parts
  }

  /// Opens a folder that scripts write to. One that another daemon made, which ran as another user, is given to the
  /// user that scripts have now.
  private func adopted(_ path: String) throws -> OpenFolder {
    let folder = try OpenFolder(path)
    if let owner, try folder.owner() != owner { try folder.give(to: owner) }
    return folder
  }

  /// Refuses a folder of a volume that lies in another one which is mounted beside it: a script could put a link in its
  /// place while the next sandbox is made.
  private func checkMounts(of pod: PodSpec, _ containers: [PodSpec.Container]) throws {
    let mounts = containers.flatMap(\.mounts)
    let paths = try mounts.map { mount in
      let names = try Self.subPath(mount)
      return try ([volume(mount, of: pod)] + names).map { Array($0.utf8) }
    }
    let order = mounts.indices.sorted {
      paths[$0].lexicographicallyPrecedes(paths[$1], by: { $0.lexicographicallyPrecedes($1) })
    }
    var outer: Int?
    for index in order {
      if let outer, paths[index].count > paths[outer].count, paths[index].starts(with: paths[outer]) {
        throw FileError(
          "volumeMount \(mounts[index].volume): \"\(mounts[index].subPath)\" lies in "
            + "\"\(mounts[outer].subPath)\", which is mounted as well; mount only one of the two")
      }
      if !mounts[index].isReadOnly { outer = index }
    }
  }

  /// What is laid over a container's root. The folders on both sides are made, and checked to be folders, each time:
  /// the script that ran before may have put a link in their place.
  func sandbox(
    _ command: [String], in container: PodSpec.Container, of pod: PodSpec, root: String
  ) throws -> SandboxRequest {
    try checkMounts(of: pod, container.isInit ? [container] : pod.containers.filter { !$0.isInit })
    let top = try OpenFolder(root)
    for part in [["proc"], ["dev"], ["usr", "local"]] { _ = try top.make(part, owner: owner) }
    var mounts: [(path: [String], source: OpenFolder, isReadOnly: Bool)] = []
    for mount in container.mounts {
      guard let path = SafeFolder.components(mount.path), !path.isEmpty else {
        throw FileError("volumeMount \(mount.volume): \"\(mount.path)\" is no folder in a container")
      }
      guard !Self.isHosts(path) else { continue }
      mounts.append((path, try source(of: mount, pod: pod), mount.isReadOnly))
    }
    // Half of Debian's commands are links through here into `/usr`.
    if SafeFolder.kind("/etc/alternatives") == .folder {
      mounts.append((["etc", "alternatives"], try OpenFolder("/etc/alternatives"), true))
    }
    mounts.sort { $0.path.count < $1.path.count }
    for (index, mount) in mounts.enumerated() {
      // The folder that it is laid over may itself lie in one that is laid over the root.
      let outer = mounts[..<index].last { SafeFolder.lies(mount.path, in: $0.path) }
      _ = try (outer?.source ?? top).make(mount.path.dropFirst(outer?.path.count ?? 0), owner: owner)
    }
    return SandboxRequest(
      root: try SandboxRequest.Folder(top),
      binds: try mounts.map { mount in
        SandboxRequest.Bind(
          source: try SandboxRequest.Folder(mount.source), path: "/" + mount.path.joined(separator: "/"),
          isReadOnly: mount.isReadOnly)
      },
      hostname: pod.hostname, environment: container.environment, command: command,
      measured: try measured(of: pod, root: root))
  }

  /// Places that stay the host's whatever is mounted there; only `/usr/local` is the container's own.
  private static func isHosts(_ path: [String]) -> Bool {
    guard let first = path.first else { return true }
    if first == "usr" { return path.count < 3 || path[1] != "local" }
    return ["bin", "sbin", "proc", "dev", "sys"].contains(first) || first.hasPrefix("lib")
  }

  // MARK: Ending

  /// Ends what runs in a container, and moves what is known of it away.
  func end(_ containerID: String) throws {
    let folder = run(containerID).path
    // A step of its own: what is in the trash may be gone before the processes are.
    let ending = folder + RunFolder.ending
    if SafeFolder.kind(folder) != nil, rename(folder, ending) != 0 { throw FileError(errno: errno, folder) }
    if SafeFolder.kind(ending) != nil { RunFolder(path: ending).endAll() }
    try throwAway(ending)
    try throwAway(initRoot(containerID))
  }

  func removeRoot(of pod: PodSpec) throws { try throwAway(root(of: pod)) }

  func removeOwnVolumes(of pod: PodSpec) throws { try throwAway(ownVolumes(pod.uid)) }

  /// Throws away what is on the volume of a claim.
  func removeVolume(_ claim: ObjectName) throws { try throwAway(volume(claim)) }

  private func throwAway(_ path: String) throws {
    guard SafeFolder.kind(path) != nil else { return }
    try makeFolder("trash")
    let away = "\(trash)/\(UUID().uuidString)"
    guard rename(path, away) != 0 else { return }
    // A folder that its owner may not write to cannot be moved to another parent.
    chmod(path, 0o700)
    guard rename(path, away) == 0 else { throw FileError(errno: errno, path) }
  }

  private func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(directory)/\(path)", withIntermediateDirectories: true)
  }

  /// Removes what was thrown away, but for what a script has made too intricate; returns that.
  func emptyTrash() -> [String] {
    ((try? SafeFolder.names(in: trash)) ?? []).map { "\(trash)/\($0)" }.filter { path in
      do { try FileManager.default.removeItem(atPath: path) } catch { return SafeFolder.kind(path) != nil }
      return false
    }
  }

  /// After the death of an earlier daemon: ends and removes what belongs to no container and no pod any more.
  ///
  /// - Returns: the containers in which a command was killed together with that daemon, as when the machine goes down.
  func sweep(_ living: Inventory) throws -> Set<String> {
    var dead: Set<String> = []
    for name in (try? SafeFolder.names(in: "\(directory)/run")) ?? [] {
      let id = String(name.prefix { $0 != "." })
      if !living.containerIDs.contains(id) {
        try end(id)
      } else if run(id).forgetEnded() {
        dead.insert(id)
      }
    }
    for namespace in (try? SafeFolder.names(in: "\(directory)/pods")) ?? [] {
      for pod in (try? SafeFolder.names(in: "\(directory)/pods/\(namespace)")) ?? []
      where !living.pods.contains("\(namespace)/\(pod)") {
        try throwAway("\(directory)/pods/\(namespace)/\(pod)")
      }
    }
    for uid in (try? SafeFolder.names(in: "\(directory)/ephemeral")) ?? [] where !living.uids.contains(uid) {
      try throwAway("\(directory)/ephemeral/\(uid)")
    }
    return dead
  }

  /// What is there by right.
  struct Inventory: Sendable {
    var containerIDs: Set<String> = []
    /// `<namespace>/<name>` of each pod.
    var pods: Set<String> = []
    var uids: Set<String> = []
  }
}
