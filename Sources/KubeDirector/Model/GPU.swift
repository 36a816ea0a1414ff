import Values

/// Access of a role to NVIDIA GPUs.
///
/// NVIDIA's container runtime gives every GPU of the node to a container whose image or spec sets this variable, also
/// if the pod has requested none.
public enum GPU {
  public static let variable = "NVIDIA_VISIBLE_DEVICES"
  /// The value with which the runtime gives no GPU to the container.
  public static let none = "void"
  private static let resource = "nvidia.com/gpu"

  /// Whether a role requests GPUs, by a limit or a request.
  public static func isRequested(by role: ClusterRole) -> Bool {
    [role.limits, role.requests].contains { amounts in
      amounts.contains { name, amount in
        (name == resource || name.hasPrefix("\(resource).") || name.hasPrefix("nvidia.com/mig-"))
          && Quantity(amount).map { !$0.isZero } ?? false
      }
    }
  }
}

extension ClusterRole {
  /// The environment variables of its members' containers. If the role requests no GPU, a last variable hides the GPUs
  /// of the node.
  ///
  /// The role's own value of that variable is ignored: it would replace the value by which Kubernetes' device plugin
  /// names the requested GPUs.
  public var containerEnvironment: [JSON] {
    let variables = env.filter { $0.name != GPU.variable }.map(\.raw)
    if GPU.isRequested(by: self) { return variables }
    return variables + [["name": .string(GPU.variable), "value": .string(GPU.none)]]
  }
}
