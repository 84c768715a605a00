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
  status: [
    'pinyon status                         exits 1 while the last sync of a mirror has failed',
    "pinyon status --json | jq '.mirrors[] | select(.error)'",
  ],
  sync: [
    'pinyon sync                           every enabled mirror',
    'pinyon sync epel-el9 fedora-f43       these two, side by side',
    'pinyon sync --json | jq -r \'select(.outcome == "published") | .mirror\'',
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
  remove: [
    'pinyon remove epel-el7               refused while jobs use it, naming who',
    'pinyon remove epel-el7 --force       URLs of its snapshots are answered for some days more',
  ],
  generations: ['pinyon generations --mirror epel-el9   which sync brought what jobs stumble over?'],
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
  pinyon sync epel-el9               is there anything new? Exits 1 when it could not be told
  pinyon status --json | jq '.mirrors[] | select(.error)'
  pinyon snapshots epel-el9          which states can jobs be pointed at?
  pinyon rollback epel-el9           the newest is broken: jobs get the one before until unpin

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing matched.
Commands other than serve and check-config ask the running server through <data_dir>/admin.sock, and
work on the data directory themselves when none runs. With --server URL they ask that server, and need no
configuration file; what changes something needs one of its tokens in PINYON_TOKEN.
`
