/// What runs inside a member's container, for images that have no more than a POSIX shell, `tar` and `cp`.
///
/// The texts are constants: everything that comes from a file is handed over as an argument, so nothing of it is
/// ever read as shell.
enum PodScripts {
  /// Arguments: mode (`fresh`, `metadata`, `upgrade`, `revert`), upgrade id, `backup` or `plain`, `new` or
  /// `legacy` layout, package URL or nothing. Standard input: `configmeta.json`, as many bytes as the sixth says.
  /// The seventh is the container's id: what an earlier daemon began for it is waited for, and not done twice. It is
  /// left in the container, so that no script meant for this one ever runs in the next. Standard input is read before
  /// anything that can wait or fail: a container runtime may not tell the end of a command that leaves much unread.
  /// Where less of it came than there is, the way here was cut: then whoever asked does so again, and a command that
  /// learns of the cut late must not spoil what that one has done.
  static let install = """
    set -eu
    mode=$1 id=$2 backup=$3 layout=$4 url=$5 length=$6 container=$7
    mkdir -p /etc/guestconfig /opt || { head -c "$length" > /dev/null; exit 1; }
    meta="/etc/guestconfig/configmeta.json.$$"
    head -c "$length" > "$meta"
    if [ "$(wc -c < "$meta")" -ne "$length" ]; then
      rm -f "$meta"
      echo kdops-cut-short
      exit 121
    fi
    printf '%s' "$container" > /tmp/.kdops-container 2> /dev/null || :
    if command -v flock > /dev/null; then
      exec 9> /opt/.kdops-install.lock
      flock 9
    fi
    if [ "$layout" = new ]; then chmod 0700 /etc/guestconfig; fi
    mv "$meta" /etc/guestconfig/configmeta.json
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
      *) curl -fsSL --connect-timeout 30 --speed-limit 1 --speed-time 60 -o appconfig.tgz "$url" ;;
    esac
    tar xzf appconfig.tgz
    rm -f appconfig.tgz
    chmod u+x ./*/startscript
    finish
    """

  /// What both answer where standard input was cut short, though hardly anybody can hear it.
  static let cutShort = (exitCode: 121, stdout: "kdops-cut-short\n")

  /// What `run` answers where the script could not be started, as without memory, processes or disk, or where nobody
  /// noted its end. Why is on standard error. Asked again it starts the script, or says how the one that was started
  /// ended.
  static let notStarted = (exitCode: 123, stdout: "kdops-not-started\n")

  /// What `run` answers in another container than the one it was meant for.
  static let otherContainer = (exitCode: 122, stdout: "kdops-other-container\n")

  /// Runs a script once for its container, however often it is asked to, and whoever asks.
  ///
  /// Arguments: the inner text, key, container id, seconds allowed, bytes kept of each stream, length of
  /// `configmeta.json` on standard input (0: leave it), then the script's own arguments. The script is started
  /// in a session of its own, so that it and its record survive whoever waits for it here.
  static let run = """
    set -u
    inner=$1 key=$2 container=$3 limit=$4 keep=$5 length=$6
    shift 6
    home=/opt/guestconfig
    give_up() { echo kdops-not-started; exit 123; }
    seen=$(cat /tmp/.kdops-container 2> /dev/null) || seen=
    if [ "$seen" != "$container" ] && { [ -n "$seen" ] || [ -w /tmp ]; }; then
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

  /// What `run` starts. Our own records are for the container's user alone; the script runs with the container's own
  /// umask, because what it writes is read by others. A script that was started and left no status was killed: that counts as exit code 137 and
  /// is not tried again by itself. One that was killed because its time was over has the exit code that `timeout` has.
  /// The lock is not handed on to the script: what it leaves running would hold it, and whoever asks again would wait for
  /// the end of that. Of earlier runs the last 16 records are kept: whoever asks again asks for the last one. Their names hold no blank.
  ///
  /// Output is cut while it is written: of each stream the first 1024 blocks of at most 1 KiB are kept as they come, and
  /// of what follows the last 256 KiB, once the stream has ended. The rest is read and dropped, so that neither the script
  /// nor a service that it leaves running ever waits for a reader. Such a service keeps the stream open: then its end is
  /// waited for a second, and no longer.
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

  /// Removes what was copied aside before the upgrade whose id is the argument, and what a copy cut short left.
  static let discard = """
    set -eu
    kept=/opt/guestconfig.backup
    [ -n "$1" ] || exit 0
    rm -rf "$kept/$1" "$kept/.new"
    """

  /// Arguments: where the volume is mounted, then the folders to seed it with. Each is copied once in a volume's
  /// life; a copy that was cut short is begun again. Owners are kept where the container's user may keep them.
  static let seed = """
    set -eu
    volume=$1
    shift
    mkdir -p "$volume/.kdops-seeded"
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
