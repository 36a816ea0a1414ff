import ClusterAPI
import FoundationEssentials
import Glibc

/// The folders of pods and volumes in the cluster's directory.
///
/// All methods block on the disk. New folders are built in a temporary place and then moved; a removed folder
/// is first moved to the trash. If the process dies in between, either the old or the new state remains, and at
/// worst some trash.
struct PodFolders: Sendable {
  let directory: String
  let owner: FileOwner?

  func root(of pod: PodSpec) -> String { "\(directory)/pods/\(pod.name.namespace)/\(pod.name.name)" }
  func run(_ containerID: String) -> RunFolder { RunFolder(path: "\(directory)/run/\(containerID)") }
  /// The root of an init container, which exists only while that container runs.
  func initRoot(_ containerID: String) -> String { run(containerID).path + ".root" }
  var trash: String { "\(directory)/trash" }

  func volume(_ mount: PodSpec.Mount, of pod: PodSpec) throws -> String {
    guard SafeFolder.isName(mount.claim ?? mount.volume) else {
      throw FileError("volume \(mount.volume): \"\(mount.claim ?? mount.volume)\" is no name of a folder")
    }
    guard let claim = mount.claim else { return "\(ownVolumes(pod.uid))/\(mount.volume)" }
    return self.volume(ObjectName(namespace: pod.name.namespace, name: claim))
  }

  private func volume(_ claim: ObjectName) -> String {
    "\(directory)/volumes/\(claim.namespace)/\(claim.name)"
  }

  /// Returns the folders that count towards the disk limit of a command in a pod: its root, and all volumes of
  /// the pod.
  func measured(of pod: PodSpec, root: String) throws -> [String] {
    [root] + Set(try pod.containers.flatMap(\.mounts).map { try volume($0, of: pod) }).sorted()
  }

  /// Returns the commands of an earlier daemon that still run.
  func adoptable() -> [ResourceWatch.Subject] {
    ((try? SafeFolder.names(in: "\(directory)/run")) ?? []).flatMap { run($0).adoptable() }
  }

  /// The folder of a pod's volumes without a claim. They are removed with their pod.
  private func ownVolumes(_ uid: String) -> String { "\(directory)/ephemeral/\(uid)" }

  // MARK: Containers

  /// Creates the root of the pod's main containers from an image's files, unless it was already created for
  /// this container.
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

  /// Creates the root of one init container.
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
    try RootTree.addSkeleton(aside, hostname: pod.hostname, ip: ip, searchDomains: pod.searchDomains)
    try SafeFolder.give(aside, to: owner)
    try makeFolder("pods/\(pod.name.namespace)")
    guard rename(aside, place) == 0 else { throw FileError(errno: errno, place) }
  }

  private func makeVolumes(of pod: PodSpec, containers: [PodSpec.Container]) throws {
    try checkMounts(of: pod, containers)
    for mount in containers.flatMap(\.mounts) { _ = try source(of: mount, pod: pod) }
  }

  /// Opens the volume folder that a mount refers to, and creates it if it is missing.
  private func source(of mount: PodSpec.Mount, pod: PodSpec) throws -> OpenFolder {
    let parts = try Self.subPath(mount)
    let base = try volume(mount, of: pod)
    if SafeFolder.kind(base) == nil {
      try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
    }
    return try adopted(base).make(parts, owner: owner)
  }

  static func subPath(_ mount: PodSpec.Mount) throws -> [String] {
    guard let parts = SafeFolder.components(mount.subPath) else {
      throw FileError("volumeMount \(mount.volume): \"\(mount.subPath)\" leaves the volume")
    }
    return parts
  }

  /// Opens a folder that scripts write to. If a daemon of another user created it, its owner is changed to the
  /// current user of scripts.
  private func adopted(_ path: String) throws -> OpenFolder {
    let folder = try OpenFolder(path)
    if let owner, try folder.owner() != owner { try folder.give(to: owner) }
    return folder
  }

  /// Refuses a mounted volume folder that lies inside another one mounted beside it: a script could replace it
  /// with a link while the next sandbox is created.
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

  /// Returns the mounts over a container's root. The folders on both sides are created, and checked to be
  /// folders, each time: an earlier script may have replaced them with links.
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
    // Half of Debian's commands are links through this folder into `/usr`.
    if SafeFolder.kind("/etc/alternatives") == .folder {
      mounts.append((["etc", "alternatives"], try OpenFolder("/etc/alternatives"), true))
    }
    mounts.sort { $0.path.count < $1.path.count }
    for (index, mount) in mounts.enumerated() {
      // The mount point may itself lie inside another mount.
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
      sharedMemory: container.sharedMemory, measured: try measured(of: pod, root: root))
  }

  /// Whether a path always belongs to the host, even if something is mounted there. Below `/usr`, only `/usr/local`
  /// belongs to the container.
  private static func isHosts(_ path: [String]) -> Bool {
    guard let first = path.first else { return true }
    if first == "usr" { return path.count < 3 || path[1] != "local" }
    return ["bin", "sbin", "proc", "dev", "sys"].contains(first) || first.hasPrefix("lib")
  }

  // MARK: Removal

  /// The processes of a container are not known to be gone. Its folder stays, for the next attempt.
  struct RemainingProcesses: Error, CustomStringConvertible {
    var folder: String
    var description: String { "\(folder): its processes could not be ended yet; kdops tries again" }
  }

  /// Ends the processes of a container, and moves its run folder to the trash.
  /// - Throws: `RemainingProcesses` if they are not known to be gone.
  func end(_ containerID: String) throws {
    let folder = run(containerID).path
    // A separate step, because a folder in the trash may be removed before its processes have ended.
    let ending = folder + RunFolder.ending
    // An earlier attempt may have left it: a folder cannot be moved to a path where another one is.
    try finishEnding(ending)
    if SafeFolder.kind(folder) != nil, rename(folder, ending) != 0 { throw FileError(errno: errno, folder) }
    try finishEnding(ending)
    try throwAway(initRoot(containerID))
  }

  /// Ends the processes of a container whose folder was moved, and moves the folder to the trash.
  private func finishEnding(_ folder: String) throws {
    guard SafeFolder.kind(folder) != nil else { return }
    guard RunFolder(path: folder).endAll() else { throw RemainingProcesses(folder: folder) }
    try throwAway(folder)
  }

  /// Ends processes; if they are not known to be gone, tries again on a thread of its own.
  private func endOrRetry(_ end: @escaping @Sendable () throws -> Void) throws {
    do { try end() } catch is RemainingProcesses {
      BlockingPool.runAlone {
        while true {
          usleep(1_000_000)
          do { return try end() } catch is RemainingProcesses { continue } catch { return }
        }
      }
    }
  }

  func removeRoot(of pod: PodSpec) throws { try throwAway(root(of: pod)) }

  func removeOwnVolumes(of pod: PodSpec) throws { try throwAway(ownVolumes(pod.uid)) }

  /// Removes the volume of a claim.
  func removeVolume(_ claim: ObjectName) throws { try throwAway(volume(claim)) }

  private func throwAway(_ path: String) throws {
    guard SafeFolder.kind(path) != nil else { return }
    try makeFolder("trash")
    let away = "\(trash)/\(UUID().uuidString)"
    guard rename(path, away) != 0 else { return }
    // A folder can be moved to another parent only if its owner may write to it.
    chmod(path, 0o700)
    guard rename(path, away) == 0 else { throw FileError(errno: errno, path) }
  }

  private func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(directory)/\(path)", withIntermediateDirectories: true)
  }

  /// Empties the trash. What cannot be removed, such as files of a daemon of another user, stays there.
  func emptyTrash() { _ = try? OpenFolder(trash).removeContents() }

  /// Ends the processes and removes the folders that belong to no current container or pod, after the death of
  /// an earlier daemon.
  ///
  /// - Returns: the containers in which a command was killed together with that daemon, for example by a
  ///   shutdown of the machine.
  func sweep(_ current: Inventory) throws -> Set<String> {
    var dead: Set<String> = []
    for name in (try? SafeFolder.names(in: "\(directory)/run")) ?? [] {
      let id = String(name.prefix { $0 != "." })
      if !current.containerIDs.contains(id) {
        try endOrRetry { try end(id) }
      } else if name.hasSuffix(RunFolder.ending) {
        try endOrRetry { try finishEnding("\(directory)/run/\(name)") }
      } else if run(id).forgetEnded() {
        dead.insert(id)
      }
    }
    for namespace in (try? SafeFolder.names(in: "\(directory)/pods")) ?? [] {
      for pod in (try? SafeFolder.names(in: "\(directory)/pods/\(namespace)")) ?? []
      where !current.pods.contains("\(namespace)/\(pod)") {
        try throwAway("\(directory)/pods/\(namespace)/\(pod)")
      }
    }
    for uid in (try? SafeFolder.names(in: "\(directory)/ephemeral")) ?? [] where !current.uids.contains(uid) {
      try throwAway("\(directory)/ephemeral/\(uid)")
    }
    return dead
  }

  /// The pods and containers that should exist.
  struct Inventory: Sendable {
    var containerIDs: Set<String> = []
    /// `<namespace>/<name>` of each pod.
    var pods: Set<String> = []
    var uids: Set<String> = []
  }
}
