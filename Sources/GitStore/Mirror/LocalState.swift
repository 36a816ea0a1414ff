import CLibgit2

extension RepositoryHandle {
  /// The value of a key in git's configuration; nil if the key is not set.
  ///
  /// Read again at each call, as `git config` does.
  func setting(_ key: String) throws(GitError) -> String? {
    let pointer = pointer
    let config = try Owned("read the configuration", release: git_config_free) {
      git_repository_config_snapshot(&$0, pointer)
    }
    var value: UnsafePointer<CChar>?
    let code = git_config_get_string(&value, config.pointer, key)
    if code == GIT_ENOTFOUND.rawValue {
      git_error_clear()
      return nil
    }
    try check(code, "read \(key) from the configuration")
    // The text is valid as long as the snapshot.
    let text = String(lenient: value)
    extendLifetime(config)
    return text
  }

  /// All values of a key that may be set several times, such as `remote.origin.fetch`; empty if it is not set.
  func settings(_ key: String) throws(GitError) -> [String] {
    let pointer = pointer
    let config = try Owned("read the configuration", release: git_config_free) {
      git_repository_config_snapshot(&$0, pointer)
    }
    let values = Values()
    let code = git_config_get_multivar_foreach(
      config.pointer, key, nil,
      { entry, payload in
        guard let entry, let payload else { return 0 }
        Unmanaged<Values>.fromOpaque(payload).takeUnretainedValue().texts.append(
          String(lenient: entry.pointee.value))
        return 0
      }, Unmanaged.passUnretained(values).toOpaque())
    if code == GIT_ENOTFOUND.rawValue {
      git_error_clear()
      return []
    }
    try check(code, "read \(key) from the configuration")
    return values.texts
  }

  private final class Values {
    var texts: [String] = []
  }

  /// The commits that a merge in progress brings in.
  func mergeHeads() throws(GitError) -> [ObjectID] {
    let found = Found()
    let code = git_repository_mergehead_foreach(
      pointer,
      { id, payload in
        guard let id, let payload else { return 0 }
        Unmanaged<Found>.fromOpaque(payload).takeUnretainedValue().ids.append(ObjectID(id.pointee))
        return 0
      }, Unmanaged.passUnretained(found).toOpaque())
    if code == GIT_ENOTFOUND.rawValue {
      git_error_clear()
      return []
    }
    try check(code, "read which merge is under way")
    return found.ids
  }

  private final class Found {
    var ids: [ObjectID] = []
  }
}
