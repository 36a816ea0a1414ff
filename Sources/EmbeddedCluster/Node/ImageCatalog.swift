/// The images that the embedded node can pull; anything else is `ErrImagePull`.
public struct ImageCatalog: Sendable {
  public struct Entry: Sendable {
    /// A glob over the whole reference: `*` stands for any run of characters, `?` for one.
    public var image: String
    /// What is laid over the root of each container, or nil for an empty one.
    public var rootfs: (any RootFS)?
    /// How long pulling takes.
    public var pull: Duration
    /// How long a container takes from its creation until it is ready.
    public var start: Duration
    /// True for an image whose container exits with 1 as soon as it runs.
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

  /// The first entry that an image reference matches.
  public func entry(for reference: String) -> Entry? {
    // Longer than any name, tag and digest together, and long enough to take its time.
    guard reference.utf8.count <= 1024 else { return nil }
    return entries.first { Glob.matches(pattern: $0.image, reference) }
  }
}

/// The files of an image.
public protocol RootFS: Sendable {
  /// Writes the files into an empty root. Called on a thread where waiting is allowed.
  func materialise(into root: RootFolder) throws
}

enum Glob {
  /// Whether a pattern of `*`, `?` and plain characters stands for all of a text.
  ///
  /// Takes at most `pattern × text` steps, whatever the pattern.
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
        // The last star takes one character more.
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
