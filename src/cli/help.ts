/** What each command is for, by example: shown below its own help. */
const COMMAND_EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  serve: [
    'pinyon serve                          serve what config/pinyon.yaml declares',
    'pinyon serve -c /etc/pinyon.yaml      another configuration',
    'PINYON_LOG=warn pinyon serve          log trouble only, not every request',
  ],
  'check-config': [
    'pinyon check-config -c /etc/pinyon.yaml                   all problems at once, with their lines',
    'pinyon check-config > /dev/null && systemctl restart pinyon',
  ],
  import: [
    'pinyon import /etc/yum.repos.d --releasever 9 --basearch x86_64 > mirrors.yaml',
    'pinyon import /etc/yum.conf /etc/yum.repos.d --releasever 7 --basearch x86_64 --var contentdir=centos',
    'pinyon import /etc/yum.repos.d --releasever 43 --arches x86_64,aarch64',
    'ssh build7 cat /etc/yum.repos.d/epel.repo | pinyon import - --releasever 7 --basearch x86_64',
    'pinyon check-config -c mirrors.yaml   what it made is a whole configuration, or mirrors: to be copied into one',
  ],
  inject: [
    'pinyon inject --index http://mirrors.example.org/repos/yum/all_latest.json /etc/yum.repos.d',
    'CI_MIRRORS_URL=http://mirrors.example.org/repos/views/job-4711/all_latest.json \\',
    '    pinyon inject --strict /etc/yum.conf /etc/yum.repos.d   all of it from mirrors, or nothing is changed',
    'pinyon inject --index all_latest.json --dry-run --diff epel.repo   from a saved index; what would change?',
    'pinyon inject --index mirrors.yaml --root ./image /etc/yum.repos.d   an image that is being built',
    'dnf $(pinyon inject --index "$CI_MIRRORS_URL" --repofrompath check.repos) install podman',
    'pinyon inject --index "$CI_MIRRORS_URL" --json *.repo | jq -r ".files[].unmatched[].id"',
  ],
  doctor: [
    'pinyon doctor                         Node, disk, clock, port, keys, every upstream; exits 1',
    'pinyon doctor -c /etc/pinyon/pinyon.yaml --json | jq \'.findings[] | select(.level != "ok")\'',
  ],
  status: [
    'pinyon status                         exits 1 while the last sync of a mirror has failed',
    "pinyon status --json | jq '.mirrors[] | select(.error)'",
  ],
  sync: [
    'pinyon sync                           every enabled mirror',
    'pinyon sync epel-el9 fedora-f43       these two, side by side',
    'pinyon sync --json | jq -r \'select(.outcome == "published") | .mirror\'',
  ],
  fetch: [
    'pinyon fetch epel-el9                 what jobs use of the current snapshot, before upstream forgets it',
    'pinyon fetch epel-el9 --at-risk       what upstream has forgotten, from any source that still has it',
    "pinyon fetch epel-el9 'python3*' podman-5.2-1.el9.x86_64",
  ],
  snapshots: [
    'pinyon snapshots epel-el9             which states can jobs be pointed at?',
    "pinyon snapshots epel-el9 --json | jq -r '.snapshots[].name'",
  ],
  pin: [
    'pinyon pin epel-el9 2026-11-22-02-13 --why "glibc 2.39-7 breaks builds"',
    'git diff config/pinyon.yaml           the pin is a line of the configuration, and nothing else changed',
  ],
  unpin: ['pinyon unpin epel-el9                 jobs that start from now on see the newest snapshot'],
  rollback: [
    'pinyon rollback epel-el9 --why "broken updates"',
    'pinyon rollback --generation 117 --dry-run   what would be pinned for the whole farm to be as it was then',
  ],
  gc: [
    'pinyon gc --dry-run                   what would go, and what keeps each other snapshot?',
    'pinyon gc --json | jq .blobs',
  ],
  verify: [
    'pinyon verify                         has anything on the disk rotted? It is fetched again where it can be',
    'pinyon verify --dry-run --json | jq .findings',
    'pinyon verify --rebuild               the database is lost or damaged: made anew from inventory.v1 and the blobs. The old one is',
    '                                      moved aside; of who used what nothing is left. Exits 1 when something could not be restored',
  ],
  usage: [
    'pinyon usage                          does anybody still use these mirrors? Those that nobody does come first',
    'pinyon usage epel-el9                 who does, and which of its snapshots',
    "pinyon usage --json | jq -r '.mirrors[] | select(.last_seen == null) | .mirror'",
  ],
  why: [
    'pinyon why /repos/yum/epel-el9/latest/Packages/p/podman-5.2-1.el9.x86_64.rpm',
    'pinyon why --server http://mirrors.example.org http://mirrors.example.org/repos/views/job-4711/all_latest.json',
    'pinyon why --json "$URL" | jq \'.file.sources\'   where are its bytes looked for?',
  ],
  adopt: [
    'pinyon adopt /var/www/html/repos/yum --dry-run   what would be taken in, and what the old tree has lost',
    'pinyon adopt /var/www/html/repos/yum             every mirror, with its packages; again: only what is new',
    'pinyon adopt /var/www/html/repos/yum epel-el7    this one',
  ],
  diff: [
    'pinyon diff epel-el9                  what did the last snapshot change? Exits 3 when nothing differs',
    'pinyon diff epel-el9 2026-11-15-02-13 current',
    "pinyon diff epel-el9 --json | jq '.replaced'   same name and version, other bytes: who signed those?",
  ],
  bisect: [
    "pinyon bisect epel-el9 2026-11-01-02-13 newest --run 'dnf -y --repofrompath=p,$PINYON_BASEURL --repo=p \\",
    "    --nogpgcheck --installroot=$(mktemp -d) install podman'",
    'pinyon bisect epel-el9 2026-11-01-02-13 current --run ./job.sh --json | jq -r .first_bad',
  ],
  remove: [
    'pinyon remove epel-el7               refused while jobs use it, naming who',
    'pinyon remove epel-el7 --dry-run     can it go? Exits 1 when not',
    'pinyon remove epel-el7 --force       URLs of its snapshots are answered for some days more',
  ],
  generations: ['pinyon generations --mirror epel-el9   which sync brought what jobs stumble over?'],
  views: [
    'pinyon views                          what keeps old snapshots, and until when?',
    'pinyon views --end jenkins-build-4711 this job is over, though nobody said so',
    'pinyon views --end-all --client 192.0.2.7   and all of this machine',
    "pinyon views --json | jq '.views[] | select(.generation < 100)'",
  ],
}

/** The text below a command's help. */
export function formatExamples(command: string): string {
  return `\nExamples:\n${(COMMAND_EXAMPLES[command] ?? []).map((line) => `  ${line}\n`).join('')}`
}

/** The text below the program's help. */
export const OVERVIEW = `
Examples:
  pinyon check-config --config /etc/pinyon/pinyon.yaml
  pinyon serve                       serve what config/pinyon.yaml declares
  pinyon sync epel-el9               is there anything new upstream?
  pinyon status --json | jq '.mirrors[] | select(.error)'
  pinyon snapshots epel-el9          which states can jobs be pointed at?
  pinyon diff epel-el9               what did the last snapshot change?
  pinyon usage                       which mirrors does nobody use any more?
  pinyon rollback epel-el9           the newest is broken: one back

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing matched.
Commands other than serve, check-config, doctor, import, inject and adopt ask
the running server through <data_dir>/admin.sock, and work on the data directory
themselves when none runs. With --server URL they ask that server, and need no
configuration file; what changes something needs one of its tokens in
PINYON_TOKEN.
`
