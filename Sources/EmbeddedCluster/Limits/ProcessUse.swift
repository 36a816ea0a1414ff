import Glibc

/// Measures the memory that processes use together, from `/proc`.
struct ProcessUse: Sendable {
  let proc: String

  /// The sums that the kernel shows without measuring proportional shares, in bytes.
  private struct Sum {
    /// Resident and swapped memory; shared memory counts once for each process.
    var memory = 0
    /// The kernel's memory for page tables, and memory in huge pages.
    var tables = 0
    /// Shared memory that processes have mapped.
    var mapped = 0

    func total(shared: Int) -> Int { memory + tables + max(0, shared - mapped) }
  }

  private func sum(of processes: [Int32], in tree: ProcessTree) -> Sum {
    var sum = Sum()
    for process in processes {
      let status = kibibytes(
        tree.reader(process), "status", [["VmSwap"], ["VmPTE", "HugetlbPages"], ["RssShmem"]])
      sum.memory += tree.resident(process) + (status?[0] ?? 0)
      sum.tables += status?[1] ?? 0
      sum.mapped += status?[2] ?? 0
    }
    return sum
  }

  /// Returns at least the memory of processes, in bytes, swap included. This is fast.
  func upperBound(of processes: [Int32], in tree: ProcessTree, shared: Int) -> Int {
    sum(of: processes, in: tree).total(shared: shared)
  }

  /// Returns the memory of processes in bytes, swap included.
  ///
  /// The sum of resident memory counts shared memory once for each process, which is too much. So only if that
  /// sum is above the limit, the kernel is asked for each process's proportional share, which is slow. If
  /// processes have ended by then, the share of the remaining ones is used to estimate theirs, so that
  /// processes which replace each other quickly cannot hide their memory.
  ///
  /// - Parameter shared: the size of the processes' shared memory objects; see `HeldFiles`. Pages of such an
  ///   object stay in memory when no process maps them any more.
  func memory(of processes: [Int32], in tree: ProcessTree, shared: Int = 0, limit: Int) -> Int {
    let sum = sum(of: processes, in: tree)
    guard sum.total(shared: shared) > limit else { return sum.total(shared: shared) }
    var (known, shares, sharedShares) = (0, 0, 0)
    for process in processes {
      let reader = tree.reader(process)
      // Not readable for a process that has ended, or for one that hides it.
      let share =
        kibibytes(reader, "smaps_rollup", [["Pss", "SwapPss"], ["Pss_Shmem"]])
        ?? kibibytes(reader, "status", [["VmRSS", "VmSwap"], ["RssShmem"]])
      guard let share, share[0] > 0 else { continue }
      known += max(tree.resident(process), share[0])
      shares += share[0]
      sharedShares += share[1]
    }
    let gone = max(0, sum.memory - known)
    let estimate = known == 0 ? sum.memory : shares + Int(Double(gone) * (Double(shares) / Double(known)))
    return estimate + sum.tables + max(0, shared - sharedShares)
  }

  /// Returns the sum of each group of fields; nil if the process has ended. A kernel thread has none of them.
  private func kibibytes(_ process: Int32, _ file: String, _ groups: [Set<String>]) -> [Int]? {
    guard let text = FileText.read("\(proc)/\(process)/\(file)"), !text.isEmpty else { return nil }
    var sums = groups.map { _ in 0 }
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let name = String(line[..<colon])
      guard let group = groups.firstIndex(where: { $0.contains(name) }) else { continue }
      let digits = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber }
      sums[group] += (Int(digits) ?? 0) << 10
    }
    return sums
  }
}
