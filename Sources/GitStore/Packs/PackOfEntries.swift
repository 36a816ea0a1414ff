import CLibgit2
import Crypto

/// Copies entries of packs as they are into one new pack, in chunks.
///
/// libgit2 computes the new pack's index from the content, so an object whose content does not match its id gets
/// another id.
struct PackOfEntries: ~Copyable {
  private let indexer: Owned
  private var checksum = Insecure.SHA1()
  private var progress = git_indexer_progress()

  private static let chunk = 1 << 20

  /// - Parameter folder: the folder of the packs.
  private init(in folder: String) throws(GitError) {
    indexer = try Owned("write a pack into \(folder)", release: git_indexer_free) {
      git_indexer_new(&$0, folder, 0, nil, nil)
    }
  }

  private mutating func begin(count: Int) throws(GitError) {
    var header = Array("PACK".utf8)
    for number in [2, count] { header += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }
    try append(header)
  }

  /// Writes the pack.
  ///
  /// - Parameters:
  ///   - entries: not empty.
  ///   - tick: called before each chunk; throws to abort.
  static func write(
    _ entries: [PackedEntry], to folder: String, tick: () throws(GitError) -> Void
  ) throws(GitError) {
    var pack = try PackOfEntries(in: folder)
    try pack.begin(count: entries.count)
    for entry in entries {
      var offset = entry.range.lowerBound
      while offset < entry.range.upperBound {
        try tick()
        let end = min(offset + chunk, entry.range.upperBound)
        try pack.append(UnsafeRawBufferPointer(rebasing: entry.pack.bytes[offset..<end]))
        offset = end
      }
      extendLifetime(entry.pack)
    }
    try pack.finish()
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) throws(GitError) {
    checksum.update(bufferPointer: bytes)
    try check(git_indexer_append(indexer.pointer, bytes.baseAddress, bytes.count, &progress), "write a pack")
  }

  private mutating func append(_ bytes: [UInt8], isChecksum: Bool = false) throws(GitError) {
    if !isChecksum { checksum.update(data: bytes) }
    try check(git_indexer_append(indexer.pointer, bytes, bytes.count, &progress), "write a pack")
  }

  private mutating func finish() throws(GitError) {
    try append(Array(checksum.finalize()), isChecksum: true)
    try check(git_indexer_commit(indexer.pointer, &progress), "write a pack")
  }
}
