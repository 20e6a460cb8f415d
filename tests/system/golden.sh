#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: counted
#
# Every command of patctl as a person meets it: each transcript in tests/golden is what a session shows,
# without what differs from run to run (tests/lib/normal.py). After a change that is wanted,
#	PAT_GOLDEN=DIR bash tests/system/golden.sh
# leaves the new transcripts in DIR, which must be under /tmp.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
export TZ=UTC COLUMNS=80

policy() {
	cat >/etc/security/pat.conf <<-END
		default_lifetime = 90d
		max_lifetime = 2y
		max_tokens = 50
		default_services = sshd
		@web = nginx, apache2
	END
}

policy
patd_start

TRANSCRIPT=
TRANSCRIPTS=$W/golden
LAST=$W/last
mkdir -p "$TRANSCRIPTS" "${PAT_GOLDEN:-$TRANSCRIPTS}"

begin() {
	TRANSCRIPT=$TRANSCRIPTS/$1.txt
	: >"$TRANSCRIPT"
}

# written WORD...: the words as somebody would type them.
written() {
	local word plain='^[A-Za-z0-9_@%+=:,./-]+$'
	for word; do
		if [[ $word =~ $plain ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
	done
}

# record SIGN STATUS WORD...: what was typed and, from $LAST, shown.
record() {
	local sign=$1 status=$2
	shift 2
	patctl list --all-users --all --no-legend -q -o id >>"$W/known"
	{
		printf '%s patctl%s\n' "$sign" "$(written "$@")"
		cat "$LAST"
		[ "$status" -eq 0 ] || printf '[exit status %d]\n' "$status"
		echo
	} | "$LIB/normal.py" "$W/ids" "$W/known" >>"$TRANSCRIPT"
}

# alice WORD..., root WORD...: one command, with standard input from the caller's.
alice() {
	local status=0
	as alice env TZ=UTC timeout 20 patctl "$@" >"$LAST" 2>&1 || status=$?
	record '$' "$status" "$@"
}

root() {
	local status=0
	timeout 20 patctl "$@" >"$LAST" 2>&1 || status=$?
	record '#' "$status" "$@"
}

# at_terminal WHEN WORD...: the same on a terminal of 80 columns, that much later.
at_terminal() {
	local status=0 when=$1
	shift
	as alice "$LIB/pty.exp" env TZ=UTC TERM="${TERMINAL:-xterm}" COLUMNS="${WIDE:-80}" \
		${NO_COLOUR:+NO_COLOR=1} faketime -f "$when" patctl "$@" >"$LAST" 2>&1 \
		<<<"${PASSWORD[alice]}" || status=$?
	record '$' "$status" "$@"
}

# id_of NAME: the id of a live token of alice's.
id_of() {
	as alice patctl show "$1" --json | sed -n 's/^  "id": "\(.*\)",/\1/p'
}

same() {
	local name=${TRANSCRIPT##*/}
	[ -z "${PAT_GOLDEN-}" ] || cp "$TRANSCRIPT" "$PAT_GOLDEN/$name"
	ok "what ${name%.txt} shows" diff -u "$SRC/tests/golden/$name" "$TRANSCRIPT"
}

password() {
	echo "${PASSWORD[alice]}"
}

cd /home/alice || exit

begin create
alice create ci --password-stdin < <(password)
alice create backup -s sudo -e 30d -d 'nightly, by cron' --password-stdin < <(password)
alice create runner -s sshd,@web -s sudo --from 192.0.2.0/24,2001:db8::7 -f local --uses 3 --password-stdin \
	< <(password)
alice create quiet -q --password-stdin < <(password)
alice create json --json --uses 1 --password-stdin < <(password)
alice create file --output token --password-stdin < <(password)
alice create 'Zoë, küche' --expires 2y -o token --password-stdin < <(password)
alice create ci --password-stdin < <(password)
alice create wrong --password-stdin <<<'not the password'
alice create none --password-stdin </dev/null
alice create passwd -s passwd --password-stdin < <(password)
alice create long -e 3y --password-stdin < <(password)
alice create never -e never --password-stdin < <(password)
alice create nowhere -o /nowhere/token --password-stdin < <(password)
alice create evil -u bob --password-stdin < <(password)
root create deploy --user alice
root create deploy
same

begin usage
alice
alice --help
for command in create rotate edit suspend resume revoke list show why policy verify doctor; do
	alice "$command" --help
done
alice --version
alice explode
alice create
alice create one two
alice list --overlap 1h
alice revoke
alice revoke --all ci
alice edit ci
alice show --no-such-option ci
alice create x --expires
alice create x --user bob --user root
alice create x -e yesterday
alice create x -e 2020-01-01
alice create x -s 'ss hd'
alice create x -f 192.0.2.7/24
alice create x -f host.example
alice create x -n 0
alice rotate ci --overlap soon
alice list --sort height
alice list -o id,height
alice list --json -o id
alice why --since 2h --all
alice create lnxpat_Ab3dE9xZEXAMPLEexampleEXAMPLEexampleEXAMPLEexampleEXAMPLE
alice list --socket /run/nowhere
same

# What has happened to them, for the transcripts that follow.
TOKEN=$(as alice patctl create used --password-stdin -q < <(password))
login_as sshd alice "$TOKEN" 192.0.2.7 >/dev/null
login_as sshd alice "$TOKEN" 2001:db8:1:2:3:4:5:6 >/dev/null
login_as sudo-i alice "$TOKEN" >/dev/null
ONCE=$(as alice patctl create once --uses 1 --from 192.0.2.7 --password-stdin -q < <(password))
login_as sshd alice "$ONCE" 192.0.2.8 >/dev/null
login_as sshd alice "$ONCE" runner.example >/dev/null
login_as sshd alice "$ONCE" 192.0.2.7 >/dev/null
login_as sshd alice "$ONCE" 192.0.2.7 >/dev/null
BRIEF=$(patctl create brief -e 2s --user alice -q)
BRIEF_ID=${BRIEF:7:8}
# Also a second that is after all of the above.
sleep 2.1
login_as sshd alice "$("$LIB/forge.py" "${TOKEN:7:8}")" 192.0.2.66 >/dev/null

begin list
alice list
alice list --all
alice list --no-legend -q -o id,name
alice list --expired
alice list --sort name -o name,uses,sources,description
alice list --sort expires -o name,expires
alice list --expiring 40d
alice list --expiring 1h
alice list --unused 1h
root list --user bob
root list --all-users -o user,name --sort name
alice list --all-users
same

begin show
alice show used
alice show once
alice show backup --json
alice show "$BRIEF_ID"
alice show nosuch
same

begin why
alice why
alice why --since 1h --json
root why --user bob
root why --user bob --all
same

begin policy
alice policy
alice policy --no-legend
cat >>/etc/security/pat.conf <<-END
	[group alice]
	max_lifetime = 60d
	default_lifetime = 30d
	require_from = yes
END
alice policy
alice create open --password-stdin < <(password)
alice create late -e 90d --from local --password-stdin < <(password)
alice create web -s @web --from 192.0.2.1 --password-stdin < <(password)
echo 'max_tokens = many' >>/etc/security/pat.conf
alice policy
alice create broken --password-stdin < <(password)
policy
same

begin rotate
alice rotate ci --password-stdin < <(password)
alice rotate used --overlap 24h -o token --password-stdin < <(password)
login_as sshd alice "$ONCE" 192.0.2.7 >/dev/null
alice list -a
alice rotate nosuch --password-stdin < <(password)
alice rotate "$BRIEF_ID" --password-stdin < <(password)
same

begin leak
OLD=$(as alice patctl create kept -q --password-stdin < <(password))
as alice patctl rotate kept -q --password-stdin < <(password) >/dev/null
login_as sshd alice "$OLD" 192.0.2.66 >/dev/null
alice show kept
alice why
same

begin edit
alice edit runner --uses 2 --from 192.0.2.7 -s sshd
alice edit runner -d 'the one in the cellar' --name cellar
alice edit backup -e 1d --json
alice edit cellar --uses 5
alice edit cellar -s sshd,sudo
alice edit cellar --from 0.0.0.0/0
alice edit cellar -e 1y
alice edit cellar --name ci
alice edit nosuch -d x
alice edit "$BRIEF_ID" -d x
same

begin suspend
alice suspend ci backup
alice list
alice suspend ci
alice resume ci --password-stdin < <(password)
alice resume backup --password-stdin <<<'not the password'
alice suspend "$BRIEF_ID"
alice suspend nosuch
alice suspend cellar --json
same

begin verify
GOOD=$(as alice patctl create verified -q --password-stdin < <(password))
alice verify <<<"$GOOD"
alice verify --json <<<"$GOOD"
printf '%s\n' "$GOOD" '' "$ONCE" "secret-token:$BRIEF" "$("$LIB/forge.py" "${GOOD:7:8}")" \
	"$(mistyped "$GOOD")" 'not a token' >"$W/found"
alice verify <"$W/found"
alice verify </dev/null
head -n 3 "$W/found" | sed 's|^l|conf/.env:&|' >"$W/searched"
alice verify <"$W/searched"
same

begin revoke
alice revoke ci
alice revoke ci
alice revoke "$(id_of backup)" cellar --json
alice revoke quiet nosuch json
alice revoke --token-stdin <"$W/searched"
alice revoke --token-stdin <"$W/found"
alice list --all
alice revoke --all
alice list
alice list --all -q -o name,status
same

begin terminal
if command -v faketime >/dev/null; then
	as alice patctl create here -q --password-stdin < <(password) >/dev/null
	TOKEN=$(as alice patctl create soon -e 5d -q --password-stdin < <(password))
	login_as sshd alice "$TOKEN" 2001:db8:1234:5678:9abc:def0:1234:5678 >/dev/null
	login_as sudo-i alice "$TOKEN" >/dev/null
	as alice patctl create 'a name of many words, longer than it has to be' -s sshd,sudo,vsftpd \
		-q --password-stdin < <(password) >/dev/null
	as alice patctl create '日本語' -e 1y -q --password-stdin < <(password) >/dev/null
	as alice patctl revoke here -q
	at_terminal +10m create typed -e 30d
	at_terminal +3h list
	at_terminal +3h list --all --no-legend
	WIDE=60 at_terminal +3h list
	WIDE=200 at_terminal +3h list
	NO_COLOUR=1 at_terminal +3h list
	TERMINAL=dumb at_terminal +3h list
	at_terminal +3h show soon
	at_terminal +3h why --since 1d
	at_terminal +3h policy
	same
	most=$(sed 's/\^\[\[[0-9]*m//g' "$TRANSCRIPT" | /usr/bin/python3 -c '
import sys, unicodedata
def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
text = sys.stdin.read().split("\n\n$ ")
print(max(width(line) for part in (text[1], text[2]) for line in part.split("\n")))')
	ok "no line of a list is longer than the terminal ($most)" test "$most" -le 80
else
	skip 'what terminal shows' 'needs faketime'
fi

end
