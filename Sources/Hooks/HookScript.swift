/// The script that git runs. The folder `hooks` has a copy for users who install it themselves.
enum HookScript {
  /// This line identifies a kdops hook of any version.
  static let marker = "# kdops git hook "

  /// The suffix of the name of the previous hook, which runs first.
  static let before = ".before-kdops"

  static let text = #"""
    #!/bin/sh
    # kdops git hook 1: kdops judges what will be committed, pushed or received.
    # `kdops hook install` installs it, `kdops hook install --uninstall` removes it; changes in this file are lost.
    name=${0##*/}
    kdops=$(command -v kdops || git config --type=path --get kdops.program)
    if [ ! -x "$kdops" ]; then
      {
        echo "kdops: this repository runs kdops at $name, but there is no kdops on the PATH:"
        echo "  $PATH"
        echo "install it there, or set its path: git config kdops.program /path/to/kdops"
      } >&2
      exit 1
    fi

    # The previous hook runs first.
    before=$0.before-kdops
    [ -x "$before" ] || exec "$kdops" hook run "$name" "$@"
    case $name in
      pre-push | pre-receive)
        refs=$(cat)
        refs=${refs:+$refs
    }
        printf '%s' "$refs" | "$before" "$@" || exit $?
        printf '%s' "$refs" | "$kdops" hook run "$name" "$@"
        ;;
      *)
        "$before" "$@" || exit $?
        exec "$kdops" hook run "$name" "$@"
        ;;
    esac

    """#
}
