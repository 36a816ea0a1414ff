/// The images that the embedded node can pull; any other image fails with `ErrImagePull`.
public struct ImageCatalog: Sendable {
  public struct Entry: Sendable {
    /// A glob for the whole reference: `*` matches any number of characters, `?` matches one.
    public var image: String
    /// The files that are put into the root of each container; nil for an empty root.
    public var rootfs: (any RootFS)?
    /// The duration of a pull.
    public var pull: Duration
    /// The time from a container's creation until it is ready.
    public var start: Duration
    /// Whether the image's container exits with code 1 as soon as it runs.
    public var crash: Bool

    public init(
      image: String, rootfs: (any RootFS)? = nil, pull: Duration = .zero, start: Duration = .zero,
      crash: Bool = false
    ) {
      self.image = image
      self.rootfs = rootfs
      self.pull = pull
      self.start = start
      self.crash = crash
    }
  }

  public var entries: [Entry]

  public init(_ entries: [Entry]) { self.entries = entries }

  /// Returns the first entry that matches an image reference.
  public func entry(for reference: String) -> Entry? {
    // The limit is longer than a valid name, tag and digest together. It bounds the time of the match.
    guard reference.utf8.count <= 1024 else { return nil }
    return entries.first { Glob.matches(pattern: $0.image, reference) }
  }
}

/// The files of an image.
public protocol RootFS: Sendable {
  /// Writes the files into an empty root. Runs on a thread that may block.
  func materialise(into root: RootFolder) throws
}

enum Glob {
  /// Whether a pattern of `*`, `?` and literal characters matches a whole text.
  ///
  /// Takes at most `pattern × text` steps for any pattern.
  static func matches(pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] || pattern[p] == UInt8(ascii: "?") {
        p += 1
        t += 1
      } else if let last = star {
        // The last star matches one more character.
        star = (last.pattern, last.text + 1)
        p = last.pattern + 1
        t = last.text + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
