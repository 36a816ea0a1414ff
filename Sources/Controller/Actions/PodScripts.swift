/// The scripts that run in a member's container. They require only a POSIX shell, `tar` and `cp` in the image.
///
/// The texts are constants. All input from files is passed as arguments, so the shell never evaluates it.
enum PodScripts {
  /// Extends the search path by the folders in which `install` puts `configcli`: an image may search neither. Python
  /// finds the modules of KubeDirector's `configcli` below `PYTHONUSERBASE`.
  private static let findsConfigCLI = """
    export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}:/usr/local/bin:/etc/guestconfig/bin"
    export PYTHONUSERBASE="${PYTHONUSERBASE:-/usr/local}"
    """

  /// Installs `configmeta.json`, `configcli` and the app's config package.
  ///
  /// Arguments: mode (`fresh`, `metadata`, `mark`, `upgrade`, `revert`), upgrade id, `backup` or `plain`, `new` or
  /// `legacy` layout, package URL or an empty string, length of `configmeta.json` in bytes, container id, kind of
  /// `configcli` (`own`, `archive`, or empty for none) and its length in bytes, and for each injected file its URL,
  /// folder, name, mode, owner and group (the last three may be empty). Standard input: `configmeta.json`, then
  /// `configcli`.
  ///
  /// A `configcli` of the image is kept, if it can run: one on a volume may need the Python of an earlier image. The
  /// daemon's own one is recognised by its second line and replaced, because a volume may hold that of an earlier
  /// version. Where the image has no writable `/usr/local/bin`, it is put beside `configmeta.json`, where `run` finds
  /// it. As with KubeDirector, `/usr/bin` has links to it: packages call it by that path.
  ///
  /// The mode `mark` only writes `configmeta.json` and the marks, for a container that is set up already.
  ///
  /// Each container fetches the files once: a file of the previous container is gone, unless it is on a volume.
  /// Redirects are not followed: only the URL was compared with the list of allowed ones.
  ///
  /// If an earlier daemon started the same installation for this container, the script waits for that run and does not
  /// repeat it. The container id is stored in the container, so that no script meant for this container ever runs in
  /// the next one. It is in the root folder, which is never on a volume. Only a user who may not write there stores it
  /// in `/tmp`.
  ///
  /// Standard input is read before anything that can wait or fail: a container runtime may not report the end of a
  /// command that leaves much input unread. If less input arrived than the given length, the connection was cut. The
  /// caller then tries again, and a command that notices the cut late must not undo the work of the second run.
  static let install = """
    set -eu
    mode=$1 id=$2 backup=$3 layout=$4 url=$5 length=$6 container=$7 tool=$8 total=$(($6 + $9))
    mkdir -p /etc/guestconfig /opt || { head -c "$total" > /dev/null; exit 1; }
    input="/etc/guestconfig/.kdops-input.$$"
    meta="/etc/guestconfig/configmeta.json.$$"
    trap 'rm -f "$input" "$meta"; rm -rf "/opt/.kdops-configcli.$$"' EXIT
    head -c "$total" > "$input"
    if [ "$(wc -c < "$input")" -ne "$total" ]; then
      echo kdops-cut-short
      exit 121
    fi
    # From a file, not from the pipe: `head` may read more of a pipe than it prints.
    head -c "$length" "$input" > "$meta"
    tail -c "+$((length + 1))" "$input" > "$input.tool"
    mv "$input.tool" "$input"
    for mark in /.kdops-container /tmp/.kdops-container; do
      if printf '%s' "$container" 2> /dev/null > "$mark"; then break; fi
    done
    if command -v flock > /dev/null; then
      exec 9> /opt/.kdops-install.lock
      flock 9
    fi
    if [ "$layout" = new ]; then chmod 0700 /etc/guestconfig; fi
    mv "$meta" /etc/guestconfig/configmeta.json
    shift 9
    mark_fetched() {
      for fetched in /.kdops-injected /tmp/.kdops-injected; do
        if printf '%s' "$container" 2> /dev/null > "$fetched"; then break; fi
      done
    }
    if [ "$mode" = mark ]; then
      rm -f "$input"
      mark_fetched
      exit 0
    fi
    \(findsConfigCLI)
    is_own() {
      { IFS= read -r _ && IFS= read -r line; } 2> /dev/null < "$1" || return 1
      case $line in '# configcli of kdops'*) return 0 ;; *) return 1 ;; esac
    }
    present=$(command -v configcli) || present=
    broken=
    if [ -n "$tool" ] && [ -n "$present" ] && ! is_own "$present"; then
      code=0
      "$present" --version < /dev/null > /dev/null 2>&1 || code=$?
      # 2 is the exit code for unknown options.
      if [ "$code" -ne 0 ] && [ "$code" -ne 2 ]; then broken=$present present=; fi
    fi
    if [ -n "$tool" ] && { [ -z "$present" ] || is_own "$present"; }; then
      places="/usr/local/bin /etc/guestconfig/bin"
      # Without a sandbox, the embedded node shares its own /usr with containers.
      if [ -n "${KDOPS_SHARED_USR-}" ]; then places=/etc/guestconfig/bin; fi
      if [ -n "${KDOPS_SHARED_USR-}" ] && [ "$tool" = archive ]; then
        echo "configcli: the archive of the setting pods.configcli is not installed without a sandbox" >&2
        exit 1
      fi
      for bin in $places; do
        if [ -f "$bin/configcli" ] && is_own "$bin/configcli"; then
          rm -f "$bin/configcli" "$bin/configmacro" "$bin/bdvcli" "$bin/bd_vcli" "$bin/ccli" 2> /dev/null || :
        fi
      done
      if [ "$tool" = own ]; then
        placed=
        for bin in $places; do
          if mkdir -p "$bin" && cp "$input" "$bin/.kdops-new.$$" && chmod 0755 "$bin/.kdops-new.$$" \\
            && mv "$bin/.kdops-new.$$" "$bin/configcli"; then
            placed=$bin
            break
          fi 2> /dev/null
          rm -f "$bin/.kdops-new.$$" 2> /dev/null || :
        done
        if [ -z "$placed" ]; then
          echo "configcli could not be written to /usr/local/bin or /etc/guestconfig/bin" >&2
          exit 1
        fi
        for name in configmacro bdvcli bd_vcli ccli; do ln -sf configcli "$placed/$name"; done
        present=$placed/configcli
      else
        work="/opt/.kdops-configcli.$$"
        mkdir "$work"
        if ! tar xzf "$input" -C "$work"; then
          echo "configcli: the archive of the setting pods.configcli could not be unpacked" >&2
          exit 1
        fi
        for installer in "$work"/configcli-*/install; do break; done
        if [ ! -f "$installer" ]; then
          echo "configcli: the archive of the setting pods.configcli contains no configcli-*/install" >&2
          exit 1
        fi
        chmod u+x "$installer"
        code=0
        (cd "$work" && "$installer") < /dev/null > "$work/.log" 2>&1 || code=$?
        present=$(command -v configcli) || present=
        if [ "$code" -ne 0 ] || [ -z "$present" ]; then
          tail -c 2000 "$work/.log" >&2
          echo "configcli could not be installed from the archive of the setting pods.configcli (exit code $code)" >&2
          exit 1
        fi
        for name in bdvcli bd_vcli; do
          command -v "$name" > /dev/null || ln -sf "$present" "${present%/*}/$name"
        done
        rm -rf "$work"
      fi
    fi
    if [ -n "$tool" ] && [ -z "${KDOPS_SHARED_USR-}" ] && [ -w /usr/bin ]; then
      for name in configcli configmacro bdvcli bd_vcli ccli; do
        link=/usr/bin/$name target=${present%/*}/$name
        if [ "$link" = "$target" ]; then continue; fi
        if [ -e "$link" ] && [ "$link" != "$broken" ]; then continue; fi
        if [ ! -e "$target" ]; then continue; fi
        ln -sf "$target" "$link" 2> /dev/null || :
      done
    fi
    rm -f "$input"
    fetched=$(cat /.kdops-injected 2> /dev/null || cat /tmp/.kdops-injected 2> /dev/null || :)
    if [ $# -gt 0 ] && [ "$fetched" != "$container" ]; then
      while [ $# -ge 6 ]; do
        mkdir -p "$2"
        new="$2/.kdops-new.$$"
        curl -q -g -fsS --proto =http,https --connect-timeout 30 --speed-limit 1 --speed-time 60 --max-time 3600 \
          -o "$new" "$1"
        if [ -n "$4" ]; then chmod "$4" "$new"; fi
        if [ -n "$5" ]; then chown "$5" "$new"; fi
        if [ -n "$6" ]; then chgrp "$6" "$new"; fi
        mv "$new" "$2/$3"
        shift 6
      done
      mark_fetched
    fi
    if [ "$mode" = metadata ] || [ -z "$url" ]; then exit 0; fi
    home=/opt/guestconfig kept=/opt/guestconfig.backup
    umask 077
    mkdir -p "$home"
    chmod 0700 "$home"
    mark="$container $mode $id"
    if [ "$(cat "$home/.kdops-installed" 2> /dev/null)" = "$mark" ]; then exit 0; fi
    finish() { printf '%s\n' "$mark" > "$home/.kdops-installed"; exit 0; }
    clear_home() { rm -rf "$home"/* "$home"/.[!.]* "$home"/..?*; }
    if [ "$mode" = upgrade ] && [ "$backup" = backup ] && [ ! -d "$kept/$id" ]; then
      mkdir -p "$kept"
      rm -rf "$kept"/* "$kept"/.[!.]*
      mkdir "$kept/.new"
      cp -a "$home/." "$kept/.new/"
      rm -rf "$kept/.new/.kdops" "$kept/.new/.kdops-installed"
      mv "$kept/.new" "$kept/$id"
    fi
    if [ "$mode" = revert ] && [ "$backup" = backup ]; then
      if [ -d "$kept/$id" ]; then
        clear_home
        cp -a "$kept/$id/." "$home/"
        rm -f "$home/configure.status"
        finish
      fi
      for script in "$home"/*/startscript; do if [ -e "$script" ]; then finish; fi; done
    fi
    clear_home
    cd "$home"
    case $url in
      file://*) cp "${url#file://}" appconfig.tgz ;;
      *) curl -q -g -fsSL --connect-timeout 30 --speed-limit 1 --speed-time 60 -o appconfig.tgz "$url" ;;
    esac
    tar xzf appconfig.tgz
    rm -f appconfig.tgz
    chmod u+x ./*/startscript
    finish
    """

  /// The answer of `install` and `run` to truncated standard input. In most cases the caller no longer receives it.
  static let cutShort = (exitCode: 121, stdout: "kdops-cut-short\n")

  /// The answer of `run` if the script could not be started, for example without memory, processes or disk space, or
  /// if the end of the script was not recorded. The reason is on standard error. The next call starts the script, or
  /// reports how the started one ended.
  static let notStarted = (exitCode: 123, stdout: "kdops-not-started\n")

  /// The answer of `run` in another container than the one that it was meant for.
  static let otherContainer = (exitCode: 122, stdout: "kdops-other-container\n")

  /// Runs a script once for its container, even if it is called repeatedly or by several callers.
  ///
  /// Arguments: the inner script, key, container id, time limit in seconds, bytes kept of each stream, length of
  /// `configmeta.json` on standard input (0: keep the existing file), then the script's own arguments. The script is
  /// started in its own session, so that the script and its record survive the caller.
  static let run = """
    set -u
    inner=$1 key=$2 container=$3 limit=$4 keep=$5 length=$6
    shift 6
    home=/opt/guestconfig
    \(findsConfigCLI)
    give_up() { echo kdops-not-started; exit 123; }
    seen=$(cat /.kdops-container 2> /dev/null || cat /tmp/.kdops-container 2> /dev/null) || seen=
    if [ "$seen" != "$container" ] && { [ -n "$seen" ] || [ -w / ] || [ -w /tmp ]; }; then
      head -c "$length" > /dev/null
      echo kdops-other-container
      exit 122
    fi
    if [ "$length" -gt 0 ]; then
      mkdir -p /etc/guestconfig || give_up
      meta="/etc/guestconfig/configmeta.json.$$"
      head -c "$length" > "$meta" || give_up
      if [ "$(wc -c < "$meta")" -ne "$length" ]; then
        rm -f "$meta"
        echo kdops-cut-short
        exit 121
      fi
      mv "$meta" /etc/guestconfig/configmeta.json || give_up
    fi
    place="$home/.kdops/$key"
    (umask 077 && mkdir -p "$place") || give_up
    session=setsid
    command -v setsid > /dev/null || session=
    if command -v flock > /dev/null; then
      $session sh -c "$inner" sh "$place" "$container" "$limit" "$key" "$@" < /dev/null > /dev/null 2>&1 &
      wait $!
    else
      if mkdir "$place/lock.d" 2> /dev/null; then
        $session sh -c "$inner" sh "$place" "$container" "$limit" "$key" "$@" < /dev/null > /dev/null 2>&1 &
        echo $! > "$place/pid"
        wait $!
      else
        while [ ! -e "$place/status" ] && kill -0 "$(cat "$place/pid" 2> /dev/null || echo 0)" 2> /dev/null; do
          sleep 1
        done
        sh -c "$inner" sh "$place" "$container" "$limit" "$key" "$@" < /dev/null > /dev/null 2>&1
      fi
    fi
    read -r code 2> /dev/null < "$place/status" || give_up
    tail -c "$keep" "$place/stdout" 2> /dev/null
    tail -c "$keep" "$place/stderr" >&2 2> /dev/null
    exit "$code"
    """

  /// The script that `run` starts.
  ///
  /// Its records are readable only for the container's user. The startscript runs with the container's own umask,
  /// because others read the files that it writes.
  ///
  /// A startscript that was started and left no status was killed. That counts as exit code 137 and is not retried
  /// automatically. A startscript that was killed at the time limit has the exit code of `timeout`.
  ///
  /// The startscript does not inherit the lock: a process that it leaves running would hold the lock, and the next
  /// caller would wait for the end of that process.
  ///
  /// The last 16 records of earlier runs are kept, because a repeated call asks for the last one. Their names contain
  /// no blanks.
  ///
  /// Output is truncated while it is written. The first 1024 blocks of at most 1 KiB of each stream are kept as they
  /// arrive and, once the stream has ended, the last 256 KiB of the rest. Everything else is read and dropped, so that
  /// neither the startscript nor a service that it leaves running ever blocks on a full pipe. Such a service keeps the
  /// stream open; the script then waits at most one second for the end of the stream.
  static let inner = """
    place=$1 container=$2 limit=$3 key=$4
    shift 4
    home=/opt/guestconfig
    mask=$(umask)
    umask 077
    if command -v flock > /dev/null; then
      exec 9> "$place/lock"
      flock 9
    fi
    finish() {
      printf '%s=%s\\nrun=%s\\n' "$container" "$1" "$key" > "$home/configure.status.new"
      mv "$home/configure.status.new" "$home/configure.status"
      printf '%s\\n' "$1" > "$place/status.new"
      mv "$place/status.new" "$place/status"
    }
    if [ -e "$place/status" ]; then exit 0; fi
    if [ -e "$place/started" ]; then finish 137; exit 0; fi
    cut_short() {
      exec 9>&-
      {
        dd bs=1024 count=1024 2> /dev/null
        dd bs=1 count=1 2> /dev/null > "$1.more"
        if [ -s "$1.more" ]; then
          printf '\\n[output was cut here]\\n'
          cat "$1.more"
          tail -c 262144
        fi
        rm -f "$1.more" "$1.pipe"
      } < "$1.pipe" >> "$1"
    }
    for old in $(ls -1t "$home/.kdops" | tail -n +17); do rm -rf "$home/.kdops/$old"; done
    began=$(date +%s)
    cd "$home" || exit 0
    for script in "$home"/*/startscript; do break; done
    : > "$place/stdout"
    : > "$place/stderr"
    out="$place/stdout" err="$place/stderr"
    rm -f "$out.pipe" "$err.pipe"
    if mkfifo "$out.pipe" "$err.pipe" 2> /dev/null; then
      cut_short "$out" &
      readers=$!
      cut_short "$err" &
      readers="$readers $!"
      # Without a writer they would wait for one for ever.
      trap '[ -e "$place/started" ] || kill $readers 2> /dev/null' EXIT
      out="$out.pipe" err="$err.pipe"
    fi
    ln -f "$place/stdout" "$home/configure.stdout" 2> /dev/null
    ln -f "$place/stderr" "$home/configure.stderr" 2> /dev/null
    if command -v timeout > /dev/null && [ "$limit" -gt 0 ]; then
      (: > "$place/started" && umask "$mask" && exec timeout -s KILL "$limit" "$script" "$@") \\
        < /dev/null > "$out" 2> "$err" 9>&-
    else
      (: > "$place/started" && umask "$mask" && exec "$script" "$@") < /dev/null > "$out" 2> "$err" 9>&-
    fi
    code=$?
    [ -e "$place/started" ] || exit 0
    if [ "$code" -eq 137 ] && [ "$limit" -gt 0 ] && [ "$(($(date +%s) - began))" -ge "$limit" ]; then code=124; fi
    turns=0
    while [ -p "$place/stdout.pipe" ] || [ -p "$place/stderr.pipe" ]; do
      turns=$((turns + 1))
      if [ "$turns" -gt 50 ]; then break; fi
      sleep 0.02 2> /dev/null || { sleep 1; turns=51; }
    done
    finish "$code"
    """

  /// Removes the backup that was made before the upgrade whose id is the argument, and the remains of an interrupted
  /// copy.
  static let discard = """
    set -eu
    kept=/opt/guestconfig.backup
    [ -n "$1" ] || exit 0
    rm -rf "$kept/$1" "$kept/.new"
    """

  /// Copies folders of the image to a new volume.
  ///
  /// Arguments: the mount path of the volume, then the folders to copy. Each folder is copied once in the lifetime of
  /// a volume; an interrupted copy starts again. Owners are preserved if the container's user may do so.
  ///
  /// KubeDirector's operator leaves `/etc/kubedirector.init` on a volume that it has seeded. The folders on such a
  /// volume are recorded as copied before the first one is.
  static let seed = """
    set -eu
    volume=$1
    shift
    if [ ! -d "$volume/.kdops-seeded" ]; then
      rm -rf "$volume/.kdops-seeded.new"
      mkdir "$volume/.kdops-seeded.new"
      if [ -e "$volume/etc/kubedirector.init" ]; then
        for folder in "$@"; do
          name=$(printf '%s' "${folder#/}" | tr / _)
          if [ -d "$volume/${folder#/}" ]; then : > "$volume/.kdops-seeded.new/$name"; fi
        done
      fi
      mv "$volume/.kdops-seeded.new" "$volume/.kdops-seeded"
    fi
    for folder in "$@"; do
      name=$(printf '%s' "${folder#/}" | tr / _)
      if [ -e "$volume/.kdops-seeded/$name" ]; then continue; fi
      mkdir -p "$volume/${folder#/}"
      if [ -d "$folder" ]; then
        cp -a "$folder/." "$volume/${folder#/}/" 2> /dev/null || cp -RPf "$folder/." "$volume/${folder#/}/"
      fi
      : > "$volume/.kdops-seeded/$name"
    done
    """
}
