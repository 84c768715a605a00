#!/bin/sh
# pinyon's client.sh: points a machine's package manager at pinyon's snapshots for one job, as a transaction.
# shellcheck disable=SC2012,SC2015,SC2030,SC2031,SC2059,SC2086
PINYON_SERVER=${PINYON_SERVER:-}
usage() {
  cat <<'END'
usage: client.sh begin [--view NAME] [--ttl T] [--conf FILE] [--only-mirrored] [--strict] [--wait S] [--pid PID] [FILE...]
       client.sh commit [--view NAME] | rollback [--view NAME] [--expired] | status | install [--to PATH]
all with [--root DIR] [--server URL] (else PINYON_SERVER, else where the script came from). begin undoes what was left open, then points
yum, dnf and zypper, and each FILE, at the index that NAME freezes; FILE of --conf takes the place of yum.conf and dnf.conf, and no other
repository stays enabled. While process PID (the caller) lives and T (30m, 12h) has not passed, another job's begin waits S seconds (0),
then fails. commit keeps it. rollback gives back what was there: with NAME only if that is open, with --expired only if T has passed.
install puts the script in place, with a rollback at boot. Exit status: 0 done, or nothing to undo; 1 failed; 2 usage; 3 nothing to commit.
END
}
put() { printf '%s\n' "$*"; } && say() { put "pinyon: $*" >&2 || :; } # who reads it may be gone
die() { say "$*"; exit 1; } && misused() { say "$* (see --help)"; exit 2; }
unwritable() { die "cannot write to ${1:-$J}: it is full, read-only, or not for this user"; }
now() { { read -r up _ </proc/uptime && put "${up%%.*}"; } 2>/dev/null || date +%s; } # of a clock that nobody sets, where there is one
exists() { [ -e "$1" ] || [ -L "$1" ]; } && nl=$(printf '\n.') && nl=${nl%.}
parse() {
  root='' server=$PINYON_SERVER view='' ttl=0 conf='' wait=0 pid=$PPID to=/usr/local/sbin/pinyon-client files='' options='' expired='' id='' command=${1:-}
  case $command in begin | commit | rollback | status | install) shift ;; *help | -h) usage; exit 0 ;; *) usage >&2; exit 2 ;; esac
  while [ $# -gt 0 ]; do case $1 in
      *"$nl"*) misused 'a name here must not hold a line break' ;;
      --root | --server | --view | --ttl | --conf | --wait | --pid | --to | --id)
        [ -n "${2:-}" ] && eval "${1#--}=\$2" && shift || misused "$1 needs a value" ;;
      --only-mirrored | --strict) options="$options&$(put "${1#--}" | tr - _)=1" ;;
      --expired) expired=1 ;;
      -*) misused "unknown option: $1" ;;
      /*) files=$files$1$nl ;; *) files=$files$PWD/$1$nl ;;
  esac && shift; done
  [ "$command" = begin ] || [ -z "$files" ] || misused "$command takes no files"
  case $view in [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) misused "--view: expected letters, digits, '.', '_' and '-', found: $view" ;; esac
  case $pid in *[!0-9]*) misused "--pid: expected a number, found: $pid" ;; esac
  [ -z "$root" ] || root=$(cd "$root" && pwd -P) || misused '--root: no such directory'
  root=${root%/} server=${server%/} && seconds "$wait" && deadline=$(($(now) + total)) || misused "--wait: expected seconds, found: $wait"
  seconds "$ttl" && lifetime=$total || misused "--ttl: expected a duration such as 30m or 12h, found: $ttl"
}
seconds() {
  total=${1%[smhd]} && case $total in '' | *[!0-9]* | 0?* | ????????*) return 1 ;; esac
  case $1 in *m) total=$((total * 60)) ;; *h) total=$((total * 3600)) ;; *d) total=$((total * 86400)) ;; esac
}
# Whether process 4711 lives; $start is then its start time in ticks (0 where there is no /proc). is_alive is asked for 4711-123456.
look_up() {
  case $1 in '' | *[!0-9]*) return 1 ;; *) start=0 stat='' ;; esac
  [ -r /proc/self/stat ] || { kill -0 "$1" 2>/dev/null; return; }
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) } # its name, in parentheses, may hold anything
  [ "$1" != Z ] && parent=$2 start=${20}
}
is_alive() { look_up "${1%-*}" && [ "$start" = "${1#*-}" ]; }
# The lock is one file: a rename takes it, from `free` or from the name of a dead process, and so only for one. It is made where there is
# none at all; while there is one, its directory cannot be removed. What is left of a shell that was killed takes none.
lock() {
  is_alive "$me" || exit 1; until [ -e "$J/lock/$me" ] || mv "$J/lock/free" "$J/lock/$me" 2>/dev/null; do
    rmdir "$J/lock" 2>/dev/null; [ -d "$J/lock" ] || { mkdir "$J/lock.$me" && printf '' >"$J/lock.$me/free" && mv "$J/lock.$me" "$J/lock"; rm -rf "$J/lock.$me" "$J/lock/lock.$me"; }
    [ -w "$J/lock" ] || unwritable
    for file in "$J"/lock/[0-9]*; do
      is_alive "${file##*/}" || { mv "$file" "$J/lock/free" 2>/dev/null; continue; }
      holder=$(cat "$file" 2>/dev/null)
      case "$command $holder" in "begin begin "*) limit=0 ;; *) limit=60 ;; esac
      [ "$(now)" -lt $((deadline + limit)) ] || die "another process is at work here: pid $(basename "${file%-*}") $holder"
      sleep 0.2 2>/dev/null || sleep 1
    done
  done
  [ ! -e "$J/lock/$me" ] || put "$command (view ${view:--}, since $(date -u +%FT%TZ))" 2>/dev/null >"$J/lock/$me" || true
}
unlock() { [ ! -e "$J/lock/$me" ] || mv "$J/lock/$me" "$J/lock/free"; }
# Makes these outlive a power cut; some may not be there. An older `sync` knows no names and writes everything, so they are collected.
flush() { sync "$@" 2>/dev/null || sync "$J" 2>/dev/null || sync; }
flush_pending() { set -f; IFS=$nl; flush $pending; unset IFS; set +f; pending=''; }
digest() { { sha256sum <"$1" || cksum <"$1"; } 2>/dev/null | sed 's/ .*//'; }
facts() { digest "$1" && stat -c '%a %u:%g' "$1" 2>/dev/null; }
inode() { ls -di "$1" 2>/dev/null | awk '{ print $1 }'; } && about() { sed -n "s/^$1 //p" "$J/open/about" 2>/dev/null; }
# Where a path leads to as seen from inside the root: $real; the symbolic links on the way, lines of $links.
resolve() {
  ahead=${1#"$root"/}/ real=$root links='' hops=0
  while [ -n "$ahead" ]; do
    part=${ahead%%/*} ahead=${ahead#*/}
    case $part in '' | .) continue ;; ..) [ "$real" = "$root" ] || real=${real%/*}; continue ;; *"$nl"*) die "a line break in the name $1" ;; esac
    real=$real/$part && [ -L "$real" ] || continue
    hops=$((hops + 1)) links=$links$real$nl ahead=$(readlink "$real")/$ahead
    case $ahead in /*) real=$root ;; *) real=${real%/*} ;; esac
    [ "$hops" -lt 40 ] || die "too many symbolic links: $1"
  done
}
main_value() { awk -v key="$2" 'NR == 1 { sub(/^\357\273\277/, "") } /^\[/ { main = /^\[main\]/ }
  main && tolower($0) ~ "^" key "[ \t]*[=:]" { sub(/^[^=:]*[=:][ \t]*/, ""); sub(/[ \t\r]*$/, ""); print }' "$1"; }
# Runs a function for each entry of a transaction, a line `kind number-inode path`: file (replaced; its original is in orig/, and a copy in copy/
# where it has further names or is on another file system), none (comes with begin), absent, gone (taken away), link, dir, repos, cache.
each() {
  while IFS= read -r line; do
    kind=${line%% *} path=${line#* } number=${path%% *} path=${path#* } temporary=${path%/*}/.pinyon-$number aside=$temporary.orig
    case $path/ in */../*) kind= ;; "$root"/*) ;; *) kind= ;; esac
    case $kind:$number in cache:*) ;; :* | *:*[!0-9-]*) die "not of this tool: $line" ;; esac
    "$1" || die "cannot $1: $path"
  done <"${2:-$J/open}/list"
}
# Metadata that yum and zypper have cached below a directory, by a pattern, for the repositories read: one path a line.
cached_files() (
  cd "$1" 2>/dev/null && IFS='' || exit 0
  while read -r id; do
    for file in $2/$id/repomd.xml $2/$id/cachecookie $2/$id/repodata/repomd.xml $2/$id/cookie; do
      [ -f "$file" ] && resolve "$1/${file#./}" && [ -f "$real" ] && put "$real" || true
    done
  done
)
# Every step of undoing can be repeated, and needs no room that begin has not taken.
undo() {
  if [ ! -e "$J/open/state.restored" ]; then
    [ -e "$J/open/state.undoing" ] || mv "$J"/open/state.* "$J/open/state.undoing" || unwritable
    each clear && each restore && each note_directory && flush_pending && mv "$J/open/state.undoing" "$J/open/state.restored" || unwritable
  fi
  each tidy && each restore_time && close
}
clear() {
  case $kind in dir | repos | cache) clear_way "$path/" ;; *) clear_way "$path" ;; esac || return 1
  case $kind in
    none) { [ -d "$path" ] && set_aside "$path"; } || rm -f "$path" ;;
    absent) ! exists "$path" || set_aside "$path" ;;
    cache) cached_files "$path" "$number" <"$J/open/ids" | while IFS= read -r file; do is_known "$file" || rm -f "$file"; done ;;
    repos) for file in "$path"/*.repo; do [ -d "$file" ] || is_known "$file" || ! exists "$file" || set_aside "$file" || return 1; done ;;
    dir) while read -r mode user way; do way=${way%/} && come_back "${way:-$path}" || return 1; done <"$J/open/dirs/$number" ;;
  esac
}
# A directory, or one on the way to it, of which the mode is the job's unless it is gone.
come_back() {
  [ -d "$1" ] && { [ "$1" != "$path" ] || [ "$(stat -c '%a %u:%g' "$1")" = "$mode $user" ]; } && return
  [ -d "$1" ] || { (umask 022 && mkdir -p "$1") && say "made again, without its extended attributes: $1"; } || return 1
  chown "$user" "$1" && chmod "$mode" "$1"
}
# What a job has put in the place of a directory, such as a link, would lead elsewhere, even out of the root.
clear_way() {
  ahead=${1#"$root"/} real=$root
  while [ "$ahead" != "${ahead#*/}" ]; do
    real=$real/${ahead%%/*} ahead=${ahead#*/}
    ! exists "$real" || { [ -d "$real" ] && [ ! -L "$real" ]; } || set_aside "$real" || return 1
  done
}
is_known() { case "$(cat "$J/open/seen")$nl" in *"$nl$1$nl"*) ;; *) return 1 ;; esac }
free_name() { to=$1 && while exists "$to"; do to=$to~; done; }
# What a job has put beside the covered files, or in the place of one, is not deleted.
set_aside() {
  { mkdir -p "$J/removed" && free_name "$J/removed/$(now)-${1##*/}" && mv "$1" "$to"; } 2>/dev/null || { free_name "$1.pinyon-removed" && mv "$1" "$to"; } || return 1
  say "moved $1, which was not there before, to $to"
}
# By one rename, to the inode that it had: a second name has kept it alive all the time.
restore() {
  case $kind in file | link | gone) ;; *) return 0 ;; esac
  [ "$(inode "$path")" != "${number#*-}" ] || return 0
  original=$J/open/copy/$number link=$J/open/orig/$number
  exists "$link" || link=$aside; exists "$original" || original=$link
  exists "$original" && rm -rf "$temporary" || return 1
  { [ "$(facts "$link")" = "$(facts "$original")" ] && ln "$link" "$temporary" 2>/dev/null; } ||
    { cp -a "$original" "$temporary" && flush "$temporary"; } || return 1
  { [ ! -d "$path" ] || set_aside "$path"; } && mv -f "$temporary" "$path"
}
tidy() { case $kind in file | none | gone | link) rm -rf "$temporary" "$aside" ;; esac }
note_directory() { [ "$kind" != dir ] || pending=$pending$path$nl; }
take_label() { chcon --reference="$1" "$2" 2>/dev/null || true; }
restore_time() { [ "$kind" != dir ] || { take_label "$J/open/dirs/$number" "$path" && touch -r "$J/open/dirs/$number" "$path"; } 2>/dev/null || true; }
# One rename ends a transaction; what is left of it can go at any time.
close() { mv "$J/open" "$J/done.$(about id)" && flush "$J" && sweep || unwritable; }
sweep() {
  for left in "$J"/done.*; do [ ! -e "$left/list" ] || each tidy "$left"; rm -rf "$left"; done
  for left in "$J"/stage.* "$J"/lock.*; do is_alive "${left##*/*.}" || rm -rf "$left"; done
}
# The scripts before pinyon kept X.rbk from a job's start to its success. What is there while a transaction is open is younger, and so is undone before it.
restore_old_backups() { for file in "$root/etc/yum.conf" "$root/etc/yum/yum.conf" "$root/etc/dnf/dnf.conf"; do
  ! exists "$file.rbk" || { mv -f "$file.rbk" "$file" && say "an older tool's change was open, and is undone: $file"; } || unwritable "${file%/*}"
done; }
rollback() {
  [ ! -d "$J" ] || lock
  sweep && if [ -d "$J/open" ]; then undo_open; else [ -n "$expired$id" ] || restore_old_backups; fi
}
undo_open() {
  is_mine || { say "nothing to undo: what is open is that of view $(about view), not $view"; return 0; }
  { [ -z "$expired" ] || is_expired; } && { [ -z "$id" ] || [ "$id" = "$(about id)" ]; } || return 0
  was="begun $(about since), view $(about view)" && restore_old_backups
  if [ "$0" = "$J/open/client.sh" ] || [ -n "$outside" ] || ! is_copy_sound; then undo; else undo_by_copy && lock; fi || exit 1
  [ -n "$id" ] || say "undone: the transaction $was"
}
# What all versions of this script have to understand. The copy takes the lock itself: it may outlive its caller.
undo_by_copy() { set -- "$(about id)" && unlock && sh "$J/open/client.sh" rollback --id "$1" --root "${root:-/}"; }
is_mine() { [ -z "$view" ] || [ "$view" = "$(about view)" ]; } && is_expired() { age=$(($(now) - $(about clock))) && [ "$(about lifetime)" != 0 ] && { [ "$age" -lt 0 ] || [ "$age" -ge "$(about lifetime)" ]; }; }
is_copy_sound() { [ "$(digest "$J/open/client.sh")" = "$(about tool)" ] || { say "damaged, so this tool is used: $J/open/client.sh"; return 1; }; }
commit() {
  [ -d "$J" ] && lock && sweep && [ -d "$J/open" ] || { say 'nothing to commit: no transaction is open'; exit 3; }
  is_mine || die "what is open is that of view $(about view), not $view"
  [ -e "$J/open/state.begun" ] && close || die 'what is open cannot be committed, as its begin or rollback was cut short: roll it back'
}
# Everything that can fail is done before anything is touched.
begin() {
  for tool in curl awk sed sort stat readlink uname; do command -v "$tool" >/dev/null || die "$tool is missing"; done
  case $server in http://?* | https://?*) ;; *) die "expected http(s)://HOST in --server or PINYON_SERVER, found: $server" ;; esac
  run_as_copy "$@" && find_owner && take_turn && restore_old_backups && forget_removed && mkdir "$stage/orig" "$stage/copy" "$stage/new" "$stage/dirs" || unwritable
  for file in list ids urls cached; do printf '' >"$stage/$file" || unwritable; done
  gather && check_repositories && take_caches && switch || exit 1
  say "begun: view ${view:--}, generation ${generation:--}"
}
# What follows is done by the copy that will carry out the rollback, so that its digest is that of what ran.
run_as_copy() {
  case $0 in "$J"/stage.*/client.sh) stage=${0%/*}; return ;; esac
  (umask 022 && mkdir -p "${J%/*}") && mkdir -p "$J" && chmod 700 "$J" && mkdir "$J/stage.$me" && stage=$J/stage.$me || unwritable
  copy_self "$stage/client.sh" && { [ -n "$outside" ] || exec sh "$stage/client.sh" "$@"; }
}
# From its file; from the server when the shell reads it from a pipe.
copy_self() {
  case $(sed -n 2p "$0" 2>/dev/null) in "# pinyon's client.sh:"*) cp "$0" "$1" ;; *) request -f -o "$1" "$server/client.sh" ;; esac &&
    [ "$(sed -n '$p' "$1")" = 'main "$@"' ] || die 'cannot get a whole copy of this tool'
}
finish() {
  status=$? && trap - EXIT
  [ -z "$opened" ] || { if [ -n "$outside" ]; then (undo); else undo_by_copy; fi && say 'undone' || say 'not everything could be undone: try rollback'; }
  [ -n "$opened" ] || [ "$status$command" != 1begin ] || say 'nothing was changed'
  [ -z "$stage" ] || rm -rf "$stage"; unlock && exit "$status"
}
# The process whose job this is: the caller, or who called sudo; not the first one, which takes in orphans.
find_owner() {
  while look_up "$pid"; do case $stat in "$pid (sudo) "* | "$pid (su) "* | "$pid (runuser) "*) pid=$parent ;; *) break ;; esac; done
  [ "$pid" = 1 ] && owner=1-none || owner=$pid-$start
}
# Once a begin: what it sets aside itself stays until the next one.
forget_removed() { [ -n "$forgotten" ] || rm -rf "$J/removed" && forgotten=1; }
# Waits for the job whose transaction is open; undoes one that was left open.
take_turn() {
  first=$(cat "$J/open/about" 2>/dev/null)
  while lock && sweep && [ -d "$J/open" ]; do
    holder="pid $(about owner | sed 's/-.*//'), view $(about view), since $(about since)"
    is_held || { say "a transaction was left open: $holder"; forget_removed; (view='' && undo_open) || die 'it could not be undone'; continue; }
    unlock && [ "$(now)" -lt "$deadline" ] || die "another job's transaction is open: $holder"
    sleep 0.2 2>/dev/null || sleep 1
  done
}
# By another job that lives, or by one of the same caller that has begun since this process was started.
is_held() { is_alive "$(about owner)" && ! is_expired && { [ "$(about owner)" != "$owner" ] || [ "$(cat "$J/open/about")" != "$first" ]; }; }
# What yum and dnf take for $releasever in ids: what a file of theirs says, else the first number of the release.
releasever() { for file in dnf/vars/releasever yum/vars/releasever os-release; do
  resolve "$root/etc/$file" && [ ! -f "$real" ] || sed -n 's/^VERSION_ID="*\([0-9][0-9]*\).*/\1/p; 1s/^[A-Za-z0-9._~-]\{1,64\}$/&/p' "$real"
done | sed -n '1s/^/\&releasever=/p'; }
# All that the transaction covers, each file under its real name.
gather() {
  arch=$(uname -m | sed 's/^i.86$/i386/; s/^armv7l$/armhfp/') && options=$options$(releasever) && [ -z "$conf" ] || prepare_conf
  for name in yum.conf yum/yum.conf dnf/dnf.conf; do cover "$root/etc/$name" "${conf:+conf}" || true; done
  [ -z "$conf" ] || [ "$entries" != 0 ] || die "$root/etc has no yum.conf and no dnf.conf, whose place $conf could take"
  for name in yum.repos.d yum/repos.d distro.repos.d dnf/repos.override.d zypp/repos.d; do
    resolve "$root/etc/$name" && directory=$real && keep_links
    [ -d "$directory" ] || continue
    remember_directory "$directory" && put "repos - $directory" >>"$stage/list" || unwritable
    case $conf:$name in :* | *:zypp*) format=yum ;; *:dnf/repos.override.d) format=empty ;; *) format=keep ;; esac # of these yum and dnf see none where there is a --conf
    for file in "$directory"/*.repo; do ! exists "$file" || cover "$file" "$format" || true; done
  done
  while IFS= read -r file; do
    case $file in '') continue ;; *.repos | *.repos.*) format=repos ;; *.repo | *.conf) format=yum ;; *.cfg | *.tpl) format=mock ;; *) format=auto ;; esac
    cover "$root/${file#"$root"/}" "$format" || die "no such file: $root/${file#"$root"/}"
  done <<END
$files
END
}
# A list x.repos makes an x.repo beside it, and x.repos.el9 an x.repos.el9.repo; anything else is replaced by what becomes of it.
cover() {
  resolve "$1" && from=$real && keep_links
  [ "$2" != repos ] || { case $1 in *.repos) resolve "${1%s}" ;; *) resolve "$1.repo" ;; esac && keep_links; }
  is_new "$real" || { case $2$lists in repos*) ;; *"$nl$real$nl"*) ;; *) return 0 ;; esac && die "it is named, and made of a list as well: $real"; }
  [ "$2" != repos ] || lists=$lists$real$nl
  # What a link leads to beyond etc, such as /dev/null, is nothing of this job's when it comes to be there.
  [ -f "$from" ] || { case $real in "$root"/etc/*) exists "$real" || put "absent - $real" >>"$stage/list" ;; esac; return 1; }
  remember_directory "${real%/*}" && if [ -e "$real" ]; then add file "$real"; else add none "$real"; fi
  case $2 in keep) return 0 ;; conf) cat "$stage/conf" >"$stage/answer" || unwritable ;; empty) printf '' >"$stage/answer" || unwritable ;; *) inject "$from" "${2:-yum}" ;; esac
  [ "$(digest "$from")" = "$(digest "$stage/answer")" ] && [ "$2" != repos ] ||
    { cp -a "$from" "$stage/new/$number" && cat "$stage/answer" >"$stage/new/$number"; } || unwritable
}
is_new() { case $seen in *"$nl$1$nl"*) return 1 ;; esac; seen=$seen$1$nl; }
# The original is kept itself, by a second name, so that a rename can give it back with its inode and all that hangs on that. What has
# further names of its own, by which a job can write to it, is kept as a copy as well.
add() {
  entries=$((entries + 1)) && number=$entries-$(inode "$2") && put "$1 $number $2" >>"$stage/list" || unwritable
  case $1 in file | link | gone) ;; *) return ;; esac
  ln "$2" "$stage/orig/$number" 2>/dev/null && [ "$(stat -c %h "$2")" = 2 ] || cp -a "$2" "$stage/copy/$number" || die "cannot keep $2 in $J"
}
keep_links() { while [ -n "$links" ]; do
  link=${links%%"$nl"*} links=${links#*"$nl"} && { ! is_new "$link" || { remember_directory "${link%/*}" && add link "$link"; }; }
done; }
remember_directory() { set -- "${1:-/}" && ! is_new "$1/" || {
  add dir "$1" && way=$1 ways='' && while [ "$way" != "$root" ]; do ways=$way$nl$ways way=${way%/*}; done && set -f && IFS=$nl &&
    stat -c '%a %u:%g %n/' ${ways:-"$1"} >"$stage/dirs/$number" && unset IFS && set +f && take_label "$1/" "$stage/dirs/$number" && touch -r "$1/" "$stage/dirs/$number" || unwritable
}; }
prepare_conf() {
  [ -f "$conf" ] || die "--conf: no such file: $conf"
  inject "$conf" 'yum&pinned=keep'
  awk 'NR == 1 { sub(/^\357\273\277/, "") } /^[^ \t\r#;]/ { dropped = main && tolower($0) ~ /^reposdir[ \t]*[=:]/ }
    !dropped { print }
    /^\[/ { main = /^\[main\]/; if (main) print "reposdir=/dev/null" }' "$stage/answer" >"$stage/conf" || unwritable
  [ -n "$(main_value "$stage/conf" reposdir)" ] || die "--conf: expected a configuration with a section [main]: $conf"
  # Its own pins are checked as well, and yum may have any of these cached from another URL.
  awk 'sub(/^baseurl[ \t]*[=:][ \t]*/, "") && /\/repos\/yum\// { sub(/[ \t\r].*/, ""); print }' "$stage/conf" >>"$stage/urls" &&
    sed -n 's/^\[\([A-Za-z0-9._:-]*\)\].*/\1/p' "$stage/conf" >>"$stage/ids" || unwritable
}
# Mirrors are reached directly, whatever proxy the environment has for other traffic.
request() { curl -q -sS -g --noproxy '*' --connect-timeout 10 --max-time 60 --retry 2 --retry-delay 1 "$@"; }
# FILE FORMAT -> $stage/answer. All files of one begin see one index.
inject() {
  post "$1" "format=$2&basearch=$arch$options" "$stage/answer"
  post "$1" "format=$2&basearch=$arch$options&output=report" "$stage/report"
  while IFS=$(printf '\t') read -r kind id url previous; do
    case $kind in unmatched) say "$1: no mirror has the name $id" ;; warning) say "$1:$id: $url" ;; esac
    [ "$kind" = mirrored ] || continue
    put "$url" >>"$stage/urls" || unwritable
    # Ids of other characters yum refuses.
    case $id in *[!A-Za-z0-9._:-]*) ;; *) [ "$url" = "$previous" ] || put "$id" >>"$stage/ids" || unwritable ;; esac
  done <"$stage/report"
}
header() { awk -v name="x-pinyon-$1:" 'tolower($1) == name { sub(/^[^ ]* */, ""); sub(/\r$/, ""); print }' "$stage/headers"; }
post() {
  at=${generation:+&generation=$generation} && [ -z "$view" ] || { at="&view=$view" && [ "$lifetime" = 0 ] || at="$at&ttl=${lifetime}s"; }
  code=$(request -D "$stage/headers" -o "$3" -w '%{http_code}' -H 'Content-Type: text/plain' -H 'Expect:' --data-binary @- \
    "$server/repos/inject?$2$at" <"$1") || { [ $? != 23 ] || unwritable; die "cannot reach $server for $1"; }
  [ "$code" = 200 ] || die "$server refuses $1 with status $code: $(header reason)"
  found=$(header generation)
  case $found in '' | *[!0-9]*) die "$server is no pinyon server: its answer names no generation" ;; esac
  [ "${generation:=$found}" = "$found" ] || die "the index went from generation $generation to $found meanwhile: try again"
}
check_repositories() {
  sort -u "$stage/urls" | sed "s/\\\$basearch/$arch/g; s/\\\${basearch}/$arch/g" >"$stage/checks" || unwritable
  while IFS= read -r url; do
    case $url in *'$'*) say "not checked, because of its variables: $url"; continue ;; esac
    request -f -o "$stage/answer" "${url%/}/repodata/repomd.xml" || { [ $? != 23 ] || unwritable; die "no repository answers at $url"; }
  done <"$stage/checks"
}
# yum 3 caches by repository id, never goes back to an older repomd.xml, and believes a cookie that is younger than its configuration:
# both leave its cache where the URL changes, and come back with the rollback. zypper's would hold for ten minutes.
take_caches() {
  for file in "$root/etc/yum.conf" "$root/etc/yum/yum.conf" "$stage/conf"; do
    [ "$file" = "$stage/conf" ] || { resolve "$file" && file=$real; }
    [ ! -f "$file" ] || main_value "$file" cachedir | sed "p; s|/*\$|/\$basearch/\$releasever|"
  done >"$stage/caches"
  put "/var/cache/yum/\$basearch/\$releasever$nl/var/cache/yum$nl/var/cache/zypp/raw" >>"$stage/caches"
  while IFS= read -r file; do
    base=${file%%\$*} pattern=.
    [ "$base" = "$file" ] || { base=${base%/*} && pattern=$(put "${file#"$base"/}" | sed 's/\${*[A-Za-z_]*}*/*/g'); }
    case $base:$pattern in *:*' '* | [!/]* | :*) continue ;; esac
    resolve "$root$base" && is_new "cache $pattern $real" || continue
    put "cache $pattern $real" >>"$stage/list" && cached_files "$real" "$pattern" <"$stage/ids" >>"$stage/cached" || unwritable
  done <"$stage/caches"
  while IFS= read -r file; do ! is_new "$file" || { remember_directory "${file%/*}" && add gone "$file"; }; done <"$stage/cached"
}
switch() {
  put "$seen" >"$stage/seen" && printf '' >"$stage/state.beginning" &&
    printf '%s %s\n' id "$me-$(now)" since "$(date -u +%FT%TZ)" clock "$(now)" lifetime "$lifetime" view "${view:--}" generation "$generation" \
      server "$server" owner "$owner" tool "$(digest "$stage/client.sh")" >"$stage/about" || unwritable
  flush "$stage" "$stage"/* "$stage"/*/* && mv "$stage" "$J/open" && stage='' opened=1 && flush "$J" || unwritable
  each prepare && flush_pending && each replace && each note_directory && flush_pending
  mv "$J/open/state.beginning" "$J/open/state.begun" && flush "$J/open" && opened='' || unwritable
}
prepare() {
  result=$J/open/new/$number pending=$pending$temporary$nl
  case $kind in file | gone | link) exists "$J/open/orig/$number" || ln "$path" "$aside" || return 1 ;; esac
  case $kind in none) cp -a "$result" "$temporary" ;; file) cp -a "$path" "$temporary" && { [ ! -e "$result" ] || cat "$result" >"$temporary"; } ;; esac
}
replace() { case $kind in file | none) mv -f "$temporary" "$path" ;; gone) rm -f "$path" ;; esac }
status() {
  for file in "$root"/etc/yum.conf.??? "$root"/etc/yum/yum.conf.??? "$root"/etc/dnf/dnf.conf.???; do case $file in *.rbk | *.old) put "leftover $file" ;; esac; done
  [ ! -d "$J" ] || [ -x "$J" ] || unwritable; [ -d "$J/open" ] || { put 'open no'; return; }
  for file in "$J"/open/state.*; do put "open yes${nl}state ${file##*.}"; done && cat "$J/open/about"
  is_alive "$(about owner)" && put 'owner-alive yes' || put 'owner-alive no'
  is_copy_sound && put 'tool-copy sound' || put 'tool-copy damaged'; each show
}
show() { case $kind in file) [ -e "$J/open/new/$number" ] && put "changed $path" || put "kept $path" ;; none) put "created $path" ;; gone) put "uncached $path" ;; esac; }
install() {
  case $to:$server in [!/]* | *[!A-Za-z0-9:/._-]*) misused "expected a path from / in --to, a URL in --server, and no odd character: $to, $server" ;; esac
  [ ! -d "$J/open" ] || die 'a transaction is open, within which the tool is not replaced'
  umask 022 && mkdir -p "$root${to%/*}" && copy_self "$root$to.new" &&
    sed "s|^PINYON_SERVER=.*|PINYON_SERVER=\${PINYON_SERVER:-$server}|" "$root$to.new" >"$root$to.tmp" && rm "$root$to.new" &&
    chmod 755 "$root$to.tmp" && flush "$root$to.tmp" && mv -f "$root$to.tmp" "$root$to" || unwritable "$root${to%/*}"
  # The copy that a transaction keeps is tried first: the job may have changed the installed one.
  undo="/bin/sh -c 'test -e /var/lib/pinyon/open && sh /var/lib/pinyon/open/client.sh rollback || exec $to rollback'"
  expire=$(put "$undo" | sed 's/rollback/& --expired/g') service='[Service]\nType=oneshot\nExecStart=%s\n'
  cd "$root/etc" && if [ -d systemd/system ]; then
    cd systemd/system && mkdir -p multi-user.target.wants timers.target.wants &&
      printf "[Unit]\nWants=network-pre.target\nBefore=network-pre.target\n${service}[Install]\nWantedBy=multi-user.target\n" "$undo" >pinyon-rollback.service &&
      printf "$service" "$expire" >pinyon-expire.service &&
      printf '[Timer]\nOnBootSec=60\nOnUnitActiveSec=60\n[Install]\nWantedBy=timers.target\n' >pinyon-expire.timer &&
      ln -sf ../pinyon-rollback.service multi-user.target.wants/ && ln -sf ../pinyon-expire.timer timers.target.wants/ &&
      { [ -n "$root" ] || [ ! -d /run/systemd/system ] || { systemctl daemon-reload && systemctl start pinyon-expire.timer; }; }
  else
    mkdir -p cron.d && put "@reboot root $undo$nl* * * * * root $expire" >cron.d/pinyon
  fi || unwritable "$root/etc"
}
main() {
  (: <&0) 2>/dev/null || exec </dev/null; (: >&1) 2>/dev/null || exec >/dev/null; (: >&2) || exec 2>/dev/null # what is opened takes none of these places
  trap '' PIPE && set +C && umask 077 && outside='' && unset CDPATH && export LC_ALL=C && parse "$@" && look_up $$ && resolve "$root/var/lib/pinyon"
  for file in "$real" "$real"/* "$real"/open/* "$real"/lock/*; do [ ! -L "$file" ] || die "a link, which this tool did not make: $file"; done
  # Where this tool lies out of reach of what lives in the root, it needs no copy, and runs none that it finds in there.
  [ -z "$root" ] || case $(cd "${0%"${0##*/}"}." && pwd -P)/ in "$root"/*) ;; *) outside=1 ;; esac
  J=$real me=$$-$start stage='' opened='' forgotten='' entries=0 seen=$nl lists=$nl generation='' pending=''
  trap finish EXIT && trap 'exit 129' HUP && trap 'exit 130' INT && trap 'exit 143' TERM && "$command" "$@"
}
main "$@"
