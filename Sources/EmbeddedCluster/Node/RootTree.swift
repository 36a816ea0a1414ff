import FoundationEssentials
import Glibc

/// Turns the files of an image into the root of a container.
enum RootTree {
  /// These folders come from the host, or are created by the sandbox.
  private static func isForeign(_ name: String) -> Bool {
    ["usr", "bin", "sbin", "proc", "dev", "sys", "tmp"].contains(name) || name.hasPrefix("lib")
  }

  /// Removes what must not be in a root; keeps folders at the top, and links that stay inside.
  ///
  /// A link is rewritten as the shortest path relative to its own folder. So it has the same target inside and
  /// outside the container, and never leaves the root, even if its path contains other links.
  static func clean(_ root: String) throws {
    for name in try SafeFolder.names(in: root)
    where isForeign(name) || SafeFolder.kind("\(root)/\(name)") != .folder {
      try FileManager.default.removeItem(atPath: "\(root)/\(name)")
    }
    try SafeFolder.walk(root) { path, parts, kind in
      switch kind {
      case .folder, .file: return
      case .other: unlink(path)
      case .link:
        let target = inside(try SafeFolder.target(ofLink: path), from: parts)
        unlink(path)
        if let target, symlink(target, path) != 0 { throw FileError(errno: errno, path) }
      }
    }
  }

  /// Returns a link's target relative to its own folder; nil if it would leave the root.
  static func inside(_ target: String, from link: [String]) -> String? {
    guard !target.isEmpty else { return nil }
    let folder = Array(link.dropLast())
    var place = target.utf8.first == UInt8(ascii: "/") ? [] : folder
    for part in target.utf8.split(separator: UInt8(ascii: "/")) {
      switch String(Substring(part)) {
      case ".": continue
      case "..":
        guard !place.isEmpty else { return nil }
        place.removeLast()
      case let name: place.append(name)
      }
    }
    // Up to the root and down again, so that `..` never follows a name.
    let steps = Array(repeating: "..", count: folder.count) + place
    return steps.isEmpty ? "." : steps.joined(separator: "/")
  }

  /// Packs the config package: it is an open folder in an image, so that its changes can be read, and an
  /// archive in a container.
  static func packConfigPackage(_ root: String) throws {
    let folder = "\(root)/opt/configscripts/appconfig"
    guard SafeFolder.kind(folder) == .folder else { return }
    let archive = try PackageArchive.packed(folder: folder, as: "appconfig")
    try FileText.write(archive, to: "\(root)/opt/configscripts/appconfig.tgz", mode: 0o644)
    try FileManager.default.removeItem(atPath: folder)
  }

  /// Adds what every container has: the folders that programs expect, and an `/etc` that has the container's
  /// own names and nothing from the host.
  static func addSkeleton(_ root: String, hostname: String, ip: String, searchDomains: [String] = []) throws {
    let folders = [
      "dev", "etc", "opt", "proc", "run", "srv", "tmp", "usr/local/bin", "usr/local/lib", "usr/local/sbin",
      "usr/local/share", "var/log", "var/tmp",
    ]
    for folder in folders {
      try SafeFolder.make(folder.split(separator: "/").map(String.init), below: root, owner: nil)
    }
    for folder in ["tmp", "var/tmp"] { chmod("\(root)/\(folder)", 0o1777) }
    for (name, target) in HostPrograms.links { symlink(target, "\(root)/\(name)") }
    var files = [
      "passwd": "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
      "group": "root:x:0:\nnogroup:x:65534:\n",
      "hostname": "\(hostname)\n",
      "hosts": "127.0.0.1 localhost\n\(ip) \(hostname)\n",
      "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    ]
    if !searchDomains.isEmpty { files["resolv.conf"] = "search \(searchDomains.joined(separator: " "))\n" }
    for (name, content) in files where SafeFolder.kind("\(root)/etc/\(name)") == nil {
      try FileText.write(Array(content.utf8), to: "\(root)/etc/\(name)", mode: 0o644)
    }
  }
}

/// The locations of the host's programs that containers use.
enum HostPrograms {
  /// The top-level folders of the host that are bound into containers, read-only.
  static let folders: [String] = names.filter { SafeFolder.kind("/\($0)") == .folder }

  /// The top-level links of the host that point into `/usr`.
  static let links: [(name: String, target: String)] = names.compactMap { name in
    guard SafeFolder.kind("/\(name)") == .link, let target = try? SafeFolder.target(ofLink: "/\(name)"),
      target.hasPrefix("usr/") || target.hasPrefix("/usr/")
    else { return nil }
    return (name, target)
  }

  private static let names: [String] = ((try? SafeFolder.names(in: "/")) ?? []).filter {
    $0 == "usr" || $0 == "bin" || $0 == "sbin" || $0.hasPrefix("lib")
  }
}
