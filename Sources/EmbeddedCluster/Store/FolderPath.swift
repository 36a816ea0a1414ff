import Diagnostics
import Glibc

/// The folders and links through which the kernel finds a folder. Who can rename one of them can put another
/// folder in its place.
struct FolderPath {
  private let path: String

  init(_ path: String) { self.path = path }

  /// The kernel follows at most so many links in one path.
  private static let maximumLinks = 40

  /// Checks that only the owner and root can replace the folder. Parts that do not exist yet are not
  /// checked.
  func check(owner: uid_t) throws(EmbeddedClusterError) {
    var place: [Substring] = []
    var pending: [Substring] = parts(path.utf8.first == Self.slash ? path : "\(Self.current)/\(path)")
      .reversed()
    var links = 0
    try check(folder: "/", owner)
    while let part = pending.popLast() {
      switch part {
      case ".": continue
      case "..": place = place.dropLast()
      default:
        let next = "/" + (place + [part]).joined(separator: "/")
        switch SafeFolder.kind(next) {
        case .link:
          links += 1
          guard links <= Self.maximumLinks, let target = try? SafeFolder.target(ofLink: next) else { return }
          try check(link: next, owner)
          if target.utf8.first == Self.slash { place = [] }
          pending += parts(target).reversed()
        case .folder:
          place.append(part)
          // The folder itself is checked by its owner.
          if !pending.isEmpty { try check(folder: next, owner) }
        default: return
        }
      }
    }
  }

  private static let slash = UInt8(ascii: "/")

  private static var current: String {
    guard let path = getcwd(nil, 0) else { return "" }
    defer { free(path) }
    return String(cString: path)
  }

  private func parts(_ path: String) -> [Substring] {
    path.utf8.split(separator: Self.slash).map { Substring($0) }
  }

  private func check(folder: String, _ owner: uid_t) throws(EmbeddedClusterError) {
    var info = stat()
    guard lstat(folder, &info) == 0 else { return }
    try check(folder, info.st_uid, owner)
    let mode = info.st_mode & 0o7777
    // In a sticky folder only the owner of an entry can rename it. A user's primary group is often theirs alone.
    let isOpen =
      mode & 0o002 != 0 || (mode & 0o020 != 0 && !Self.isTrusted(group: info.st_gid, of: info.st_uid, owner))
    guard isOpen, mode & 0o1000 == 0 else { return }
    throw EmbeddedClusterError(
      "Others may write to \(folder) (mode \(String(mode, radix: 8))), so they could put another folder in the place "
        + "of \(path). Let only owners rename its entries (chmod +t \(ShellWord.path(folder))), or name a folder "
        + "elsewhere")
  }

  /// Whether a group's members are trusted like the folder's owner: root's group, the user's own one, that of the
  /// cluster folder's owner, and Debian's group `staff` on folders of root, such as `/var/local`.
  private static func isTrusted(group: gid_t, of user: uid_t, _ owner: uid_t) -> Bool {
    if group == 0 || group == getegid() || group == primaryGroup(of: owner) { return true }
    return user == 0 && group == staff
  }

  /// Debian's number of the group `staff`, whose members are equivalent to root.
  private static let staff: gid_t = 50

  private static func primaryGroup(of user: uid_t) -> gid_t? {
    var (entry, found) = (passwd(), UnsafeMutablePointer<passwd>?.none)
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return entry.pw_gid
  }

  private func check(link: String, _ owner: uid_t) throws(EmbeddedClusterError) {
    var info = stat()
    if lstat(link, &info) == 0 { try check(link, info.st_uid, owner) }
  }

  private func check(_ entry: String, _ user: uid_t, _ owner: uid_t) throws(EmbeddedClusterError) {
    guard user != owner, user != geteuid(), user != 0, user != Self.unmapped else { return }
    throw EmbeddedClusterError(
      "\(entry) belongs to user \(user), who could put another folder in the place of \(path). "
        + "Run kdops as that user, or name a folder elsewhere")
  }

  /// The user that the kernel shows for those that a user namespace does not have, such as root of the machine in a
  /// rootless container; nil in the machine's own user namespace.
  private static let unmapped: uid_t? = {
    let map = (FileText.read("/proc/self/uid_map") ?? "").split(whereSeparator: \.isWhitespace)
    guard map != ["0", "0", "4294967295"] else { return nil }
    let text = FileText.read("/proc/sys/kernel/overflowuid") ?? ""
    return uid_t(text.prefix { $0.isNumber }) ?? 65_534
  }()
}
