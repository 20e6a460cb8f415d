#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# The command line that people and scripts use: every command, its output, its exit status.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

create() {
	run as alice timeout 20 patctl create --password-stdin "$@" <<<"${PASSWORD[alice]}"
}

alice() {
	as alice timeout 20 patctl "$@"
}

# python EXPRESSION: about the JSON in $out, called `it`.
python() {
	/usr/bin/python3 -c 'import json, sys; it = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' \
		"$out" "$1"
}

# --- create

create 'phone, SFTP' --service sshd,vsftpd -s su -d 'the old one' --json
is 'create --json' "$rc" 0
TOKEN=$(python 'it["token"]') ID=$(python 'it["id"]')
like 'has the token' "$TOKEN" '^lnxpat_[0-9A-Za-z]{57}$'
is 'whose id is in it' "$ID" "${TOKEN:7:8}"
is 'and every field, each of its kind' "$(python '" ".join(sorted(it))')" \
	'created_at description expires_at id last_used_at last_used_from last_used_service max_uses name refusals revoked_at services sources status successor suspended_at token uid user uses'
is 'with what was asked for' \
	"$(python '(it["name"], it["description"], it["services"], it["user"], it["uid"], it["status"], it["uses"], it["last_used_at"])')" \
	"('phone, SFTP', 'the old one', ['sshd', 'vsftpd', 'su'], 'alice', $(id -u alice), 'active', 0, None)"

create slip -s ssh
is 'a service that there is not is no error' "$rc ${out:0:7}" '0 lnxpat_'
like 'but is told of, with the one that is near' "$err" "no PAM service 'ssh' here; did you mean 'sshd'"
create nothing-like-it -s frobnicate,sshd
like 'one that is near to none, too' "$err" "no PAM service 'frobnicate' here\."
unlike 'and not those that take tokens' "$err" 'sshd takes no'
run alice create shouted -s SSHHD </dev/null
like 'nor does it matter how it is capitalised' "$err" "did you mean 'sshd'"
run alice create near-to-one-that-never-may -s passwdd,chfnn </dev/null
like 'one that never may take tokens is no guess' "$err" "no PAM service 'passwdd' here\..*'chfnn' here\."
run alice create another-slip -s ssh </dev/null
like 'before the password is asked for' "$err" "did you mean 'sshd'.*password"
service passive 'auth required pam_unix.so'
create passive -s Passive
like 'a service that takes no tokens is told of' "$err" 'Passive takes no tokens here'
create never -s passwd
unlike 'but not one that never may' "$err" 'takes no tokens'
create usual
unlike 'what is for services that take tokens has nothing told of it' "$err" 'no tokens|No service|PAM service'
create group -s @remote
unlike 'nor has a group, of which nobody has all' "$err" 'no tokens|No service|PAM service'
create -q silent -s ssh
is 'with --quiet nothing is' "$rc $err" '0 '
mv /etc/pam.d/sshd "$W/sshd.pam"
create early
like 'where nothing takes the token that one gets unasked, that is told' "$err" 'No service takes it yet'
mv "$W/sshd.pam" /etc/pam.d/sshd
for name in slip nothing-like-it passive usual group silent early; do
	alice revoke -q "$name"
done

create -q quiet
is 'create --quiet says nothing but the token' "$rc $err ${#out}" '0  64'
QUIET=$out

create 'phone, SFTP'
exited 'a name that a live token has' 1
like 'is refused with words' "$err" 'there is a live token "phone, SFTP" already: rotate or revoke it'

usage() {
	exited "$1: exit status 2" 2
	is "$1: nothing on standard output" "$out" ''
	like "$1: a message" "$err" '^(patctl|usage): '
}

for when in 10 -1d 0s 1.5h 5x '' tomorrow 2020-01-01 2027-02-30 2027-13-01 2027-1-1 \
	2020-01-01T00:00:00Z 9999999y '1 d' 1D; do
	create 'bad when' "--expires=$when"
	usage "--expires '$when'"
done
for list in '' ',' 'sshd,,su' 'ss hd' ../sshd /etc .hidden; do
	create 'bad list' "--service=$list"
	usage "--service '$list'"
done
create 'bad group' -s sshd,@remote,@remot,@other
usage 'a group of services that there is not'
like 'is named' "$err" 'no group of services @remot here: see patctl policy$'
create ''
usage 'an empty name'
create "$(printf 'x%.0s' {1..101})"
usage 'a name of 101 characters'
create $'two\nlines'
usage 'a name of two lines'
create $'bell\a'
usage 'a name with a control character'
create $'bad\xff'
usage 'a name that is not UTF-8'
create
usage 'no name'
create two names
usage 'two names'
create ok --no-such-option
usage 'an unknown option'
run alice
usage 'no command'
for option in -d --description= -e --expires= -s --service= -u --user= --socket= ''; do
	for secret in "$TOKEN" "secret-token:$TOKEN"; do
		run alice create "a token after $option" "$option$secret"
		usage "a token as the value of '$option'"
		like 'is refused as such' "$err" 'never put a token on a command line'
		unlike 'and not repeated' "$err" "${TOKEN:15:20}"
	done
done
run alice create 'two words' -d "$TOKEN" -d innocent
usage 'a token as a value that another one replaces'
run patctl create twice --user alice --user root
usage 'a second --user'
run alice list -o id -o name
exited 'a second part of a list is none' 0
run alice explode
usage 'an unknown command'
unlike 'which is near to none' "$err" 'did you mean'

# meant COMMAND... WORD: the last of what was written is taken for a slip for this word.
meant() {
	local word=${!#}
	set -- "${@:1:$#-1}"
	run alice "$@"
	usage "$*"
	like 'says what was perhaps meant' "$err" "did you mean '$word'\\?"
}
meant lsit list
meant rev revoke
meant crate create
meant create ci --expries=1d --expires
meant create ci --exp --expires
meant list --expird --expired
run alice create ci --nmae x
unlike 'what another command takes is no guess' "$err" 'did you mean'
like 'the help that is pointed to is that of the command' "$err" "try 'patctl create --help'"

# --- help

run alice help
is 'help is --help' "$rc $out" "0 $(alice --help)"
run alice help edit
is 'and of a command, too' "$rc $out" "0 $(alice edit --help)"
run alice --quiet help --json edit
is 'wherever options stand' "$rc $out" "0 $(alice edit --help)"
run alice help help
is 'and of itself' "$rc $out" "0 $(alice --help)"
run alice help edti
usage 'help of an unknown command'
run alice help edit list
usage 'help of two'
run alice help "$TOKEN"
usage 'help of a token'
run alice help edit list "$TOKEN"
like 'wherever that stands' "$rc $err" '^2 .*never put a token on a command line'
unlike 'which is not repeated' "$err" "${TOKEN:15:20}"
run alice show
usage 'show of nothing'
run alice revoke
usage 'revoke of nothing'
run alice revoke --all "$ID"
usage 'revoke of all and one'

create "$(printf 'ü%.0s' {1..100})"
exited 'a name of 100 characters, each of two bytes' 0
LONG=${out:7:8}
create 'quotes " and \ and %s'
exited 'a name with quotes, backslash and percent' 0

for when in 30s 15m 12h 90d 8w 6M 1y "$(date -d '+40 days' +%F)" \
	"$(date -u -d '+40 days' +%FT%TZ)" "$(date -d '+40 days' +%FT%T%:z)"; do
	create "when $when" --expires "$when"
	exited "--expires $when" 0
	like "--expires $when: the time is shown, with its zone" "$err" \
		'[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5,8} ([A-Z]+|[+-][0-9]+)'
done
day=$(date -d '+40 days' +%F)
is 'a date is the end of that day' \
	"$(alice show "when $day" --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["expires_at"])')" \
	"$(date -u -d "$day 23:59:59" +%FT%TZ)"

# --- list, show

run alice list --json
is 'list --json is an array' "$(python 'type(it).__name__, len(it)')" "('list', 14)"
is 'without any token' "$(python 'any("token" in token for token in it)')" False
unlike 'nor a secret' "$out" "${TOKEN:15:43}"
run alice list
like 'list has a heading' "$out" '^[A-Z]+ .*NAME'
like 'and a line for each' "$out" "$ID.*phone, SFTP"
lines=$(wc -l <<<"$out")
run alice list --no-legend
is 'list --no-legend has none' "$(wc -l <<<"$out")" $((lines - 1))
run alice show "$ID"
like 'show tells about an id' "$out" 'phone, SFTP'
like 'and its description' "$out" 'the old one'
run alice show quiet --json
is 'show takes a name' "$(python 'it["id"]')" "${QUIET:7:8}"
run alice show "$ID" --json
is 'show --json is an object' "$(python 'it["name"]')" 'phone, SFTP'
run alice show "${ID:0:4}" --json
is 'show takes the first 4 characters of an id' "$(python 'it["id"]')" "$ID"
run alice show "${ID:0:3}"
exited 'and no less' 3
run alice revoke "${ID:0:3}"
exited 'nor does revoke' 3
is 'which ended nothing' "$(field status "$ID")" active
run alice show nosuch
exited 'show of what is not there' 3

# plays NAME: a patd at $W/tmp/NAME, process $PLAYER. Standard input is Python, which sets `answers`: the
# replies to each call, one after the other.
cat >"$W/tmp/play.py" <<'END'
import json, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
listener.settimeout(20)
for answer in answers:
    connection, _ = listener.accept()
    connection.recv(65536)
    for reply in answer:
        connection.sendall(json.dumps(reply, ensure_ascii=False).encode() + b"\0")
    connection.close()
END
plays() {
	cat - "$W/tmp/play.py" >"$W/tmp/$1.py"
	/usr/bin/python3 "$W/tmp/$1.py" "$W/tmp/$1" &
	PLAYER=$!
	wait_for 5 test -S "$W/tmp/$1"
	chmod 666 "$W/tmp/$1"
}

# One that knows many tokens whose ids begin alike. Real ones do so too seldom.
plays ambiguous <<'END'
answers = [[{"error": "io.pampat.Tokens.Ambiguous", "parameters": {
    "message": '"Ab3d" could be any of 2 tokens', "ids": ["Ab3dE9xZ", "Ab3dq\x1b[m"]}}]] * 2
END
for command in show revoke; do
	run alice $command Ab3d --socket "$W/tmp/ambiguous"
	exited "$command of an ambiguous beginning" 3
	is "$command tells which are possible, and says nothing that a terminal obeys" "$err" \
		$'patctl: "Ab3d" could be any of 2 tokens\nwhich of: Ab3dE9xZ, Ab3dq\\x1b[m?'
done
wait $PLAYER

# One with one token, of which much is to be escaped, and then a line for a list that has no end.
plays odd <<'END'
token = {"id": "Ab3dE9xZ", "name": "odd", "description": "\x7f" * 1000 + "\u00fc" * 2000 + "\x7f", "status": "active"}
first = {"parameters": {"token": token}, "continues": True}
whole = [first, {"parameters": {"token": None}}]
answers = [whole, whole, [first, {"error": "io.pampat.Tokens.StoreUnavailable"}]]
END
run alice list --json --socket "$W/tmp/odd"
exited 'list --json of a token that is long when it is escaped' 0
is 'has all of it' "$(python 'it[0]["description"] == "\x7f" * 1000 + "\u00fc" * 2000 + "\x7f"')" True
is 'and nothing but what is printed' "$(tr -d '\n -~' <<<"$out")" ''
run alice list --no-legend -o name,status --socket "$W/tmp/odd"
is 'which has a line in a list' "$out" 'odd  active'
run alice list --socket "$W/tmp/odd"
is 'a list that breaks off is not printed' "$rc $out" '1 '
wait $PLAYER

# --- verify

run alice verify <<<"$QUIET"
is 'verify of a good token' "$rc" 0
like 'says whose' "$out$err" alice
like 'and which' "$out$err" quiet
run as bob patctl verify --json <<<"$QUIET"
is 'verify by whoever holds it' "$(python '(it["user"], it["name"], it["status"])')" \
	"('alice', 'quiet', 'active')"
is 'verify is no use' "$(field uses "${QUIET:7:8}") $(field last_used_at "${QUIET:7:8}")" '0 null'
run alice verify <<<"$("$LIB/forge.py" "${QUIET:7:8}")"
refused 'verify of a wrong secret'
unlike 'tells nothing of the token' "$out$err" 'quiet'
run alice verify <<<'not a token'
refused 'verify of what is none'
run alice verify </dev/null
refused 'verify of nothing'

# at_terminal TOKEN COMMAND...: as alice, who types the token where she is asked for one.
cat >"$W/tmp/terminal.exp" <<'END'
set timeout 10
set secret [gets stdin]
spawn -noecho patctl {*}$argv
expect "Token: " { send -- "$secret\r" } timeout { exit 124 }
expect eof { } timeout { exit 124 }
exit [lindex [wait] 3]
END
at_terminal() {
	run as alice expect -f "$W/tmp/terminal.exp" -- "${@:2}" <<<"$1"
}
at_terminal "$QUIET" verify
exited 'verify at a terminal asks' 0
like 'and tells' "$out" 'quiet'
unlike 'and the token is not shown' "$out" "${QUIET:15:20}"
at_terminal 'not a token' verify
exited 'verify at a terminal of what is none' 2
like 'says so' "$out" 'is no token'
unlike 'and does not show it' "$out" 'not a token'

# --- revoke

at_terminal "$TOKEN" revoke --token-stdin
exited 'revoke --token-stdin at a terminal asks' 0
unlike 'and the token is not shown' "$out" "${TOKEN:15:20}"
is 'and ends it' "$(field status "${TOKEN:7:8}")" revoked
create 'phone, SFTP' --json
TOKEN=$(python 'it["token"]')

log_mark
run alice revoke "$LONG"
exited 'revoke takes an id' 0
logged 'one line says who ended what' \
	"patd\[[0-9]+\]: revoked token id=$LONG name=\".*\" user=\"alice\" uid=$(id -u alice) by=alice\($(id -u alice)\)\$"
run alice revoke "$LONG"
exited 'revoking again is no error' 0
run alice list --json
is 'a revoked token is not in the list' "$(python "'$LONG' in [t['id'] for t in it]")" False
run alice list --all --json
is 'but in the whole list' "$(python "[t['status'] for t in it if t['id'] == '$LONG']")" \
	"['revoked']"
run alice revoke 'when 30s' 'when 15m'
exited 'revoke takes several names' 0
run alice revoke 'when 12h' nosuch
exited 'revoke of one that is there and one that is not' 3
run as bob patctl revoke --token-stdin <<<"$QUIET"
exited 'revoke --token-stdin, whoever calls' 0
is 'ends that token' "$(field status "${QUIET:7:8}")" revoked
run alice verify <<<"$QUIET"
refused 'verify of a revoked token'
run as bob patctl revoke --token-stdin <<<"$("$LIB/forge.py" "${TOKEN:7:8}")"
exited 'revoke --token-stdin of a wrong secret' 3
is 'ends nothing' "$(field status "${TOKEN:7:8}")" active
create quiet
exited 'the name of a revoked token is free again' 0
run alice show quiet --json
is 'and means the live one' "$(python 'it["status"]')" active
run as bob patctl revoke --all
exited 'revoke --all of none' 0
is 'is of nobody else' "$(field status "${TOKEN:7:8}")" active
run alice revoke --all
exited 'revoke --all' 0
run alice list --json
is 'ends all' "$out" '[]'

# --- a token into a file

HOME_OF=/home/alice
create -o "$HOME_OF/token" filed
exited 'create --output' 0
is 'leaves standard output empty' "$out" ''
TOKEN=$(cat "$HOME_OF/token")
like 'and the token in the file' "$TOKEN" '^lnxpat_[0-9A-Za-z]{57}$'
is 'which is the owner'"'"'s alone' "$(stat -c '%a %U' "$HOME_OF/token")" '600 alice'
unlike 'nor is it told' "$err" "${TOKEN:15:20}"
create --json -o "$HOME_OF/token" 'filed again'
is 'with --json there is the rest' "$(python '(it["name"], "token" in it)')" "('filed again', False)"
like 'and the file is replaced' "$(cat "$HOME_OF/token")" "^lnxpat_$(python 'it["id"]')[0-9A-Za-z]{49}$"
is 'and nothing else is left there' "$(find $HOME_OF -name 'token?*')" ''
before=$(alice list --no-legend | wc -l)
as alice mkdir "$HOME_OF/closed" && chmod 500 "$HOME_OF/closed"
as alice ln -s token "$HOME_OF/link"
for file in /nowhere/token /etc/token "$HOME_OF" "$HOME_OF/" '' /dev/null "$HOME_OF/closed/token" "$HOME_OF/link"; do
	create --output="$file" nowhere
	refused "create --output '$file'"
	unlike 'says so before it asks' "$err" 'assword'
done
is 'no token was minted' "$(alice list --no-legend | wc -l)" "$before"
mkdir "$W/tmp/full" && mount -t tmpfs -o size=4k,nr_inodes=20,mode=1777 tmpfs "$W/tmp/full"
head -c 4096 /dev/zero >"$W/tmp/full/rest"
create -o "$W/tmp/full/token" full
exited 'where the disk is full, it is taken back' 1
like 'and said so' "$err" 'revoked again'
is 'and leaves nothing there' "$(ls -A "$W/tmp/full")" rest
is 'nor in force' "$(alice list --no-legend | wc -l)" "$before"
mkdir "$W/little" && mount -t tmpfs -o size=4k,mode=700 tmpfs "$W/little"
patd --listen /run/little --store "$W/little/tokens.tdb" 2>/dev/null &
LITTLE=$!
wait_for 5 test -S /run/little/io.pampat.Tokens
create --socket /run/little/io.pampat.Tokens full
is 'where there is no room for the store, that is what is said' "$rc$out$err" \
	'1patctl: the token store cannot be used: No space left on device'
logged 'and logged, with the name of the store' "the store $W/little/tokens.tdb: No space left on device"
kill $LITTLE

# --- the life of a token

rotate() {
	run as alice timeout 20 patctl rotate --password-stdin "$@" <<<"${PASSWORD[alice]}"
}
resume() {
	run as alice timeout 20 patctl resume --password-stdin "$@" <<<"${PASSWORD[alice]}"
}
status_of() {
	field status "${1:7:8}"
}
create -q worn -d 'a note' -s sshd,sudo --from 192.0.2.0/24,local -n 5
OLD=$out
rotate worn -q
NEW=$out
exited 'rotate' 0
like 'prints a token' "$NEW" '^lnxpat_[0-9A-Za-z]{57}$'
run alice show worn --json
is 'of the same name, scope and limits' \
	"$(python '(it["id"], it["description"], it["services"], it["sources"], it["max_uses"])')" \
	"('${NEW:7:8}', 'a note', ['sshd', 'sudo'], ['192.0.2.0/24', 'local'], 5)"
is 'and ends the one before' "$(status_of "$OLD")" revoked
is 'which says by which' "$(field successor "${OLD:7:8}")" "${NEW:7:8}"
rotate worn -q --overlap 1h -o "$HOME_OF/token"
is 'rotate --overlap --output' "$rc$out$err" 0
is 'lets the one before go on' "$(status_of "$NEW")" active
is 'and the new one is in the file' "$(alice verify <"$HOME_OF/token" | cut -d' ' -f1,3)" 'active worn'
for span in 0h -1h 1 soon ''; do
	rotate worn --overlap="$span"
	usage "--overlap '$span'"
done
run alice rotate worn </dev/null
exited 'rotate without the password' 4
rotate "${OLD:7:8}"
exited 'rotate of what has ended' 1
rotate nosuch
exited 'rotate of what is not there' 3

create -q wide -s sshd,sudo -n 5 -e 30d
for change in '-s sshd' '--uses 3' '--from 192.0.2.0/24' '--from 192.0.2.7' '-e 10d' '--name narrow'; do
	# shellcheck disable=SC2086
	run alice edit "${out:7:8}" $change
	out=$(alice list --json | /usr/bin/python3 -c 'import json, sys
print(*("lnxpat_" + t["id"] for t in json.load(sys.stdin) if t["name"] in ("wide", "narrow")))')
	exited "edit $change" 0
done
ID=${out:7:8}
for change in '-s sudo' '-s sshd,sudo' '-s @remote' '--uses 4' '--from 192.0.2.0/24' '--from local' '-e 20d' '-e never'; do
	# shellcheck disable=SC2086
	run alice edit "$ID" $change
	exited "edit $change, which would widen it" 5
done
is 'and what was left is that' \
	"$(for name in services sources max_uses name; do field $name "$ID"; done | tr '\n' ' ')" \
	'["sshd"] ["192.0.2.7"] 3 narrow '
run alice edit "$ID"
usage 'edit of nothing'
run alice edit "$ID" --name worn
exited 'edit into a name that is taken' 1
run alice edit nosuch -d x
exited 'edit of what is not there' 3

run alice suspend "$ID" worn
exited 'suspend takes several' 0
is 'and they are' "$(field status "$ID")" suspended
run alice list --no-legend -o id,status
like 'and stay in the list' "$out" "$ID suspended"
run alice resume "$ID" </dev/null
exited 'resume without the password' 4
is 'resumes nothing' "$(field status "$ID")" suspended
resume "$ID"
is 'resume with it' "$rc $(field status "$ID")" '0 active'
run alice revoke "$ID"
run alice suspend "$ID"
exited 'suspend of what was revoked' 1
resume "$ID"
exited 'nor does it ever come back' 1

# --- what list selects

alice revoke --all -q
create -q first -e 1d && create -q second -e 5d && create -q third -e 30d && create -q last -e 1y
give alice gone -e 2s
sleep 2.1
names() {
	alice list --no-legend -o name "$@" 2>/dev/null | tr '\n' ' '
}
is 'list' "$(names)" 'first second third last '
is 'list --expired' "$(names --expired)" 'gone '
is 'list --expiring' "$(names --expiring 6d)" 'first second '
run alice list --expiring 6d
exited 'exits 1 if there is one' 1
run alice list --expiring 1h
exited 'and 0 if there is none' 0
is 'list --unused' "$(names --unused 1s)" 'first second third last '
is 'not what is younger' "$(names --unused 1h)" ''
is 'list --sort' "$(names --sort name)" 'first last second third '
is 'list --sort takes any case, and any column' "$(names --sort EXPIRES)" 'first second third last '
run alice list --json --sort name --expiring 40d
is 'JSON is selected and sorted alike' "$(python '[t["name"] for t in it]')" "['first', 'second', 'third']"
exited 'and exits alike' 1
run alice list -o status,id,status
like 'columns come as they are asked for' "$out" $'^STATUS ID       STATUS\nactive'
for wrong in --sort=height --columns=height '--columns=id,' --columns= --expiring=soon --unused=1 -j\ -oid; do
	# shellcheck disable=SC2086
	run alice list $wrong
	usage "list $wrong"
done
# shellcheck disable=SC2046
run alice revoke $(alice list --no-legend -o id)
exited 'what a list shows, revoke accepts' 0
is 'all of it' "$(names)" ''

# --- in which character set

create 'küche 日本' --expires 40d -o "$W/tmp/kitchen" 2>/dev/null
rm -f "$W/tmp/kitchen"
create 'kitchen' --expires 41d -o "$W/tmp/kitchen" 2>/dev/null
rm -f "$W/tmp/kitchen"
in_locale() {
	run as alice env LC_ALL="$1" patctl list --no-legend -o name,status "${@:2}"
}
in_locale C.UTF-8
is 'where the locale is UTF-8, a list is aligned by the width of its characters' "$out" \
	$'küche 日本 active\nkitchen    active'
in_locale C
is 'elsewhere what is not ASCII is escaped' "$out" \
	$'k\\xc3\\xbcche \\xe6\\x97\\xa5\\xe6\\x9c\\xac active\nkitchen                               active'
run as alice env LC_ALL=C.UTF-8 patctl list --json
like 'JSON is ASCII' "$out" 'k\\u00[fF][cC]che'
run as alice env LC_ALL=C.UTF-8 patctl show 'küch'
like 'so it is in messages: as it is in UTF-8' "$err" 'küch'
run as alice env LC_ALL=C patctl show 'küch'
like 'and escaped elsewhere' "$err" 'k\\xc3\\xbcch'

# --- without the library for tables

mkdir "$W/tmp/broken" && : >"$W/tmp/broken/libsmartcols.so.1"
run as alice env LD_LIBRARY_PATH="$W/tmp/broken" patctl list
exited 'a list needs the library that prints tables' 1
like 'and names it where that cannot be loaded' "$err" 'libsmartcols'
is 'with nothing on standard output' "$out" ''
run as alice env LD_LIBRARY_PATH="$W/tmp/broken" patctl list --json
exited 'as JSON it needs none' 0
is 'and has all' "$(python 'len(it)')" 2
run as alice env LD_LIBRARY_PATH="$W/tmp/broken" patctl revoke kitchen
exited 'a token can be revoked without' 0
alice revoke -q 'küche 日本'

# --- many tokens at once

create -q many
MANY=$out
for ((i = 0; i < 400; i++)); do
	echo "$MANY"
	[ $((i % 100)) -gt 0 ] || echo
done >"$W/tmp/many"
run alice verify <"$W/tmp/many"
is 'verify reads more lines than a connection takes requests' "$rc $(sort -u <<<"$out") $(wc -l <<<"$out")" \
	"0 active ${MANY:7:8} many alice 400"
is 'and makes one array of them' "$(alice verify --json <"$W/tmp/many" | /usr/bin/python3 -c '
import json, sys
it = json.load(sys.stdin)
print(len(it), {t["status"] for t in it})')" "400 {'active'}"
run alice verify < <(printf '%s' "  secret-token:$MANY "$'\r')
exited 'verify takes a wrapper, white space, and a line without an end' 0
for ((length = 500; length <= 520; length += 4)); do
	printf "%${length}s\n%s\n" x "$MANY"
done >"$W/tmp/long"
run alice verify <"$W/tmp/long"
is 'a line that is too long is one that is malformed' "$rc $(cut -d' ' -f1 <<<"$out" | sort | uniq -c | tr -s ' \n' ' ')" \
	'2  6 active 6 malformed '
{ printf 'x\0y\n'; echo "$MANY"; } >"$W/tmp/nul"
run alice verify <"$W/tmp/nul"
is 'and so is one with a NUL' "$(cut -d' ' -f1 <<<"$out" | tr '\n' ' ')" 'malformed active '
run alice verify <<<"conf/my env:12:secret-token:$MANY"
is 'a file name before it is shown' "$rc $out" "0 conf/my env:12: active ${MANY:7:8} many alice"
run alice verify --json <<<"C:secret-token:$MANY"
is 'in JSON as well' "$(python 'it["found_at"], it["status"]')" "('C', 'active')"
run alice verify <<<"$("$LIB/forge.py" "${MANY:7:8}")"$'\n'"$MANY"
is 'one that is not known' "$rc $(cut -d' ' -f1 <<<"$out" | tr '\n' ' ')" '3 unknown active '
# shellcheck disable=SC2046
run alice revoke $(for ((i = 0; i < 210; i++)); do echo "${MANY:7:8}"; done)
is 'revoke takes more tokens than a connection takes requests' "$rc $(wc -l <<<"$out")" '0 210'
run as bob patctl revoke --token-stdin <<<"$MANY"
run alice verify <<<"$MANY"
is 'verify of one that has ended' "$rc ${out%% *}" '1 revoked'

# --- why, policy

create -q asked
TOKEN=$out
login_as sudo alice "$TOKEN" >/dev/null
login_as sshd alice "$("$LIB/forge.py" "${TOKEN:7:8}")" >/dev/null
login_as sshd bob "$TOKEN" >/dev/null
run alice why --json
is 'why tells the true reason' \
	"$(python '[(e["id"], e["name"], e["service"], e["reason"]) for e in it if e["name"] == "asked"]')" \
	"[('${TOKEN:7:8}', 'asked', 'sudo', 'service'), ('${TOKEN:7:8}', 'asked', 'sshd', 'other-user')]"
is 'and no more than the id where the secret was wrong' \
	"$(python '[(e["id"], e["name"], e["service"], e["count"]) for e in it if e["reason"] == "secret" and e["id"] == "'"${TOKEN:7:8}"'"]')" \
	"[('${TOKEN:7:8}', None, None, 1)]"
run alice why
like 'of who came with it as somebody else, that they did' "$out" 'used as another user: it belongs to alice'
run as bob patctl why --all
is 'but not to others' "$rc$out" 0
run alice why --user bob
exited 'nor about them' 5
run alice policy --json
is 'policy tells what one may' "$(python '[r["value"] for r in it if r["name"] == "default_services"]')" "['sshd']"

# --- others

alice revoke --all -q
give bob one && give bob two && give carol three
run patctl list --user bob --json
is 'root lists those of a user' "$(python '[t["name"] for t in it]')" "['one', 'two']"
run patctl list --all-users --json
is 'root lists those of everybody' "$(python 'sorted(t["name"] for t in it)')" \
	"['one', 'three', 'two']"
as_they_come=$out
run patctl list --all-users --json --sort user
is 'as they come, and all at once, they are the same' \
	"$(python 'sorted((t["id"], sorted(t.items())) for t in it) == sorted((t["id"], sorted(t.items())) for t in json.loads(sys.argv[1]))' "$as_they_come")" True
is 'down to the layout' "$(sort <<<"$as_they_come")" "$(sort <<<"$out")"
run patctl list --all-users --json --unused 1d
is 'none is an empty array' "$rc$out" '0[]'
damaged=$W/tmp/damaged.tdb
"$BUILD/tests/tools/pour" -n 300 "$damaged" >/dev/null
truncate -s -40000 "$damaged"
patd --listen /run/damaged --store "$damaged" 2>/dev/null &
DAMAGED=$!
wait_for 5 test -S /run/damaged/io.pampat.Tokens
run patctl list --all-users --json --socket /run/damaged/io.pampat.Tokens
is 'a list that is cut short fails' "$rc" 1
is 'and is no JSON' "$(python 'True' 2>/dev/null)" ''
kill $DAMAGED
for command in 'list --user bob' 'list --all-users' 'show one --user bob' 'revoke one --user bob' \
	'revoke --all --user bob' 'create evil --user bob --password-stdin' \
	'rotate one --user bob' 'edit one -d x --user bob' 'suspend one --user bob' 'resume one --user bob' \
	'policy --user bob'; do
	# shellcheck disable=SC2086
	run alice $command <<<"${PASSWORD[alice]}"
	exited "a user may not: $command" 5
done
run alice show one
exited 'and does not find what belongs to another' 3
is 'but is told where to look' "$err" \
	'patctl: there is no token "one": patctl list --all shows those there are'
run patctl show nosuch --user bob
is 'and so is root, for a user' "$rc$err" \
	'3patctl: there is no token "nosuch": patctl list --all --user bob shows those there are'
run patctl revoke one --user bob
exited 'root revokes for a user' 0
run patctl revoke --all --user carol
exited 'root revokes all of a user' 0
run patctl list --all-users --json
is 'and nothing more' "$(python '[t["name"] for t in it]')" "['two']"

# --- help, version, no patd

for option in -h --help; do
	run alice $option
	is "$option" "$rc $err" '0 '
	like "$option names the commands" "$out" 'create.*rotate.*edit.*suspend.*resume.*revoke.*list.*show.*why.*policy.*verify'
done
for option in -V --version; do
	run alice $option
	is "$option" "$rc $err" '0 '
	like "$option names the version" "$out" 'patctl.* [0-9]+\.[0-9]+'
done

mkdir "$W/tmp/played"
run alice list --socket "$W/tmp/none"
exited 'no socket' 6
chmod 755 "$W/tmp/played"
chown bob "$W/tmp/played"
exec_as bob "$LIB/peers.py" impostor "$W/tmp/played/socket" &
wait_for 5 test -S "$W/tmp/played/socket"
run alice create evil --password-stdin --socket "$W/tmp/played/socket" <<<"${PASSWORD[alice]}"
exited 'a patd that is not root gets nothing' 6
kill $!
wait $! 2>/dev/null
unlike 'neither a password nor anything else' "$(cat "$W/tmp/played"/* 2>/dev/null)" '.'
patd_stop
for command in list 'show x' 'revoke x' 'create x --password-stdin'; do
	# shellcheck disable=SC2086
	run alice $command <<<"${PASSWORD[alice]}"
	exited "no patd: $command" 6
done
like 'and says so' "$err" 'patd'
like 'and what root can do' "$err" 'systemctl start patd\.socket'
run alice list --socket "$W/tmp/none"
unlike 'which is of no use for another socket' "$err" systemctl

end
