#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Text from outside, in logs and on terminals: whatever a name, a host, a terminal, a service, a prompt, a rule
# or a file is called, a line of the log is one line, and what is shown moves, hides and reorders nothing.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens
CLEAN=$LIB/adversary_clean.py
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
	'session optional pam_pat.so'
DRIVE=$W/pamdrive
install -m 755 "${PAT_SANITIZED:-$BUILD}/tests/tools/pamdrive" "$DRIVE" || bail 'no pamdrive'
sed -i 's/^max_tokens.*/max_tokens = 1000/' /etc/security/pat.conf

names=() texts=()
while IFS=$'\t' read -r name text; do
	names+=("$name")
	printf -v text '%b' "$text"
	texts+=("$text")
done < <("$CLEAN" hostile)
ok 'there are hostile texts to try' test ${#texts[@]} -ge 20
not 'what is hostile is found' "$CLEAN" <<<"${texts[15]}"
ok 'what is not, is not' "$CLEAN" <<<'Zoë, küche 日本語 "%n%s" \x1b'
# Not hostile, but not harmless either where it is not quoted.
# shellcheck disable=SC2016
ODD=('%n%s%1$n' '"; id; "' '$(id)' "it's" 'back\slash' '\x1b[2J' '<82>forged: x' '{"a":1}' "$(printf 'x%.0s' {1..99})")

# clean TEXT WHAT: that text can be shown as it is.
clean() {
	local found
	if found=$("$CLEAN" "${@:3}" <<<"$2"); then pass "$1"; else fail "$1" "$(head -n 5 <<<"$found")"; fi
}

# clean_log TEXT COUNT [PATTERN]: so can every line since the mark, of which so many match, and none is two.
clean_log() {
	local lines
	lines=$(log_lines)
	clean "$1" "$lines"
	is "$1: in $2 lines, of one each" "$(grep -cE "${3:-refused token}" <<<"$lines")" "$2"
	is "$1: without a line break among them" "$(grep -cF '\n' <<<"$lines")" 0
}

# --- who, where, from where: of an attempt, by the module and by way of patd

give alice good --service probe
GOOD=$TOKEN ID_OF_GOOD=$ID
FORGED=$("$LIB/forge.py" "$ID")
log_mark
for text in "${texts[@]}" "${ODD[@]}"; do
	"$DRIVE" -r "$text" -t "$text" probe "$text" <<<"$FORGED" >/dev/null 2>&1
done
clean_log 'user, host and terminal, by the module' $((${#texts[@]} + ${#ODD[@]})) 'pam_pat.*refused .*reason=secret'
service probe "$PAT_LINE store=/nowhere/tokens.tdb" 'auth required pam_deny.so' 'account required pam_permit.so'
log_mark
for text in "${texts[@]}" "${ODD[@]}"; do
	"$DRIVE" -r "$text" -t "$text" probe "$text" <<<"$FORGED" >/dev/null 2>&1
done
clean_log 'user, host and terminal, by way of patd' $((${#texts[@]} + ${#ODD[@]})) 'patd.*refused .*reason=secret'
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' 'session optional pam_pat.so'
log_mark
for text in "${texts[@]:0:15}"; do
	"$LIB/peers.py" verify /run/pat/verify bob "$text" "$text" <<<"$FORGED" >/dev/null 2>&1
done
clean "a service's name" "$(log_lines)"
log_mark
printf -v long 'x\x1b%.0s' {1..4000}
"$DRIVE" -r "$long" -t "$long" probe "$long" <<<"$FORGED" >/dev/null 2>&1
clean_log 'thousands of characters' 1 'reason=secret'
ok 'thousands of characters: the line is short' test "$(log_lines | wc -c)" -lt 2100

# --- a token in place of a name, by the module and by way of patd

log_mark
for line in "$PAT_LINE" "$PAT_LINE store=/nowhere/tokens.tdb"; do
	service probe "$line" 'auth required pam_deny.so' 'account required pam_permit.so'
	for text in "$GOOD" "secret-token:$GOOD" "alice $GOOD x" "${GOOD:0:20}-${GOOD:21}"; do
		run "$DRIVE" -r "$text" -t "$text" probe "$text" <<<"$GOOD"
		like 'nobody is let in' "$out" 'auth=auth_err'
	done
done
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' 'session optional pam_pat.so'
is 'a token that is typed as a name is in the log as its id, from the module' \
	"$(log_lines | grep -cE "pam_pat.* user=\"[a-z: -]*lnxpat_$ID_OF_GOOD\.\.\.\" .*tty=\"[a-z: -]*lnxpat_$ID_OF_GOOD\.\.\.\"")" 4
is 'and from patd' \
	"$(log_lines | grep -cE "patd.* user=\"[a-z: -]*lnxpat_$ID_OF_GOOD\.\.\.\" .*tty=\"[a-z: -]*lnxpat_$ID_OF_GOOD\.\.\.\"")" 4
is 'and its secret is not' "$(log_lines | grep -cF -e "${GOOD:22:16}")" 0

# --- what is kept of it, and shown to the owner

# Two events for each, and five are kept.
even=
for text in "${texts[@]}" "${ODD[@]}"; do
	"$DRIVE" -r "$text" probe alice <<<"$GOOD" >/dev/null 2>&1
	"$DRIVE" -r "$text" probe bob <<<"$GOOD" >/dev/null 2>&1
	if [ -z "$even" ]; then
		even=yes
		continue
	fi
	even=
	for what in 'show good' 'show good --json' 'why' 'why --json' 'list' 'list --json'; do
		# shellcheck disable=SC2086
		as alice timeout 20 patctl $what 2>&1
	done
done >"$W/tmp/shown"
clean 'a host, in list, show and why' "$(cat "$W/tmp/shown")"
ok 'a host, in list, show and why: they showed it' test "$(grep -c 'a\\\\x1b\[2Jb\|a\\x1b\[2Jb' "$W/tmp/shown")" -ge 4
as alice patctl show good --json >"$W/tmp/json"
ok 'a host, in JSON: it is JSON' /usr/bin/python3 -m json.tool "$W/tmp/json"
for what in 'check' 'stats' 'stats --json' 'stats --prometheus'; do
	# shellcheck disable=SC2086
	clean "a host, and patstore $what" "$(patstore $what 2>&1)"
done

# --- names and descriptions

for i in "${!texts[@]}"; do
	run patctl create --user alice --service probe -- "${texts[i]}"
	unlike "a name with ${names[i]}: nothing is minted" "$out" lnxpat_
	clean "a name with ${names[i]}: the message" "$out$err"
done
log_mark
for i in "${!texts[@]}"; do
	run patctl create --user alice --service probe --description "${texts[i]}" "described $i"
	unlike "a description with ${names[i]}: nothing is minted" "$out" lnxpat_
	"$LIB/peers.py" call $TOKENS >>"$W/tmp/answers" 2>&1 <<<"{\"method\":\"io.pampat.Tokens.Edit\",\"parameters\":{\"selector\":\"good\",\"user\":\"alice\",\"description\":\"a\\u0000\\u001b\\u202e\\u200bb\"}}"
done
clean 'descriptions: the answers' "$(cat "$W/tmp/answers")"
clean 'descriptions: the log' "$(log_lines)"
is 'no such text is in the list' "$(as alice patctl list --json | grep -c '"name"')" 1

log_mark
for text in "${ODD[@]}"; do
	TOKEN=$(patctl create --user alice --service probe --expires 1d --description "$text" -- "$text" 2>"$W/tmp/said")
	cat "$W/tmp/said"
	"$DRIVE" -t pts/0 probe alice <<<"$TOKEN" 2>&1
	as alice patctl show -- "$text"
	as alice patctl suspend -- "$text" 2>&1
done >"$W/tmp/shown"
clean 'odd names: what is said at a login and in show' "$(cat "$W/tmp/shown")"
clean_log 'odd names: the log' ${#ODD[@]} 'created token'
is 'odd names: nothing of them was run' "$(grep -c 'uid=0(root)' "$W/tmp/shown")" 0
run as alice patctl list --json
is 'odd names: they are kept as they were' "$(/usr/bin/python3 -c '
import json, sys
print(sorted(token["name"] for token in json.loads(sys.argv[1]) if token["name"] != "good") == sorted(sys.argv[2:]))' \
	"$out" "${ODD[@]}")" True
run as alice env TERM=xterm COLUMNS=80 "$LIB/pty.exp" patctl list </dev/null
clean 'odd names: the table on a terminal' "$out" esc

# --- calls by others: methods, parameters, selectors, interfaces

log_mark
# As JSON has it, where it can have it at all; and as it is.
/usr/bin/python3 - "${texts[@]}" >"$W/tmp/calls" <<'END'
import json, os, sys
CALLS = (
    '{"method":"%s"}', '{"method":"io.pampat.Tokens.%s"}',
    '{"method":"io.pampat.Tokens.Get","parameters":{"selector":"%s"}}',
    '{"method":"io.pampat.Tokens.Get","parameters":{"%s":"x"}}',
    '{"method":"io.pampat.Tokens.List","parameters":{"user":"%s"},"more":true}',
    '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"%s"}}')
for text in map(os.fsencode, sys.argv[1:]):
    for form in (json.dumps(text.decode(errors="replace"))[1:-1].encode(), text.replace(b"\n", b"")):
        for call in CALLS:
            sys.stdout.buffer.write(call.encode().replace(b"%s", form) + b"\n")
END
timeout 60 "$LIB/adversary_peers.py" calls $TOKENS <"$W/tmp/calls" >"$W/tmp/replies" 2>"$W/tmp/said"
clean 'errors in JSON' "$(cat "$W/tmp/replies")"
is 'errors in JSON: each call was answered, or closed' "$(wc -l <"$W/tmp/replies")" $((${#texts[@]} * 12))
ok 'errors in JSON: there are many' test "$(grep -c '"error"' "$W/tmp/replies")" -ge 100
ok 'errors in JSON: each is JSON' /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    line == "closed\n" or json.loads(line)' "$W/tmp/replies"
clean 'errors in JSON: the log' "$(log_lines)"
for i in "${!texts[@]}"; do
	for what in show revoke suspend 'edit -e 1d' why 'list --user'; do
		# shellcheck disable=SC2086
		timeout 20 patctl $what "${texts[i]}" 2>&1
	done
done >"$W/tmp/shown"
clean 'a word that names no token: the message' "$(cat "$W/tmp/shown")"

# --- what other modules say to who mints

printf '%s\n' "${texts[@]}" >"$W/tmp/words"
chmod 644 "$W/tmp/words"
cp /etc/pam.d/patd "$W/patd.pam"
{ echo "auth optional pam_echo.so file=$W/tmp/words" && cat "$W/patd.pam"; } >/etc/pam.d/patd
run as alice env TERM=xterm "$LIB/pty.exp" patctl create told --service probe <<<"${PASSWORD[alice]}"
like 'what a module says is shown' "$out" 'a.x1b\[2Jb'
clean 'what a module says' "$out" esc
cp "$W/patd.pam" /etc/pam.d/patd

# --- rules, and names of files

CONF=/etc/security/pat.conf
cp $CONF "$W/pat.conf"
log_mark
for text in "${texts[@]}" "${ODD[@]}"; do
	for line in "$text = 1" "max_tokens = $text" "default_lifetime = $text" "allow_groups = $text" "[$text]" \
		"@$text = sshd" "default_services = @$text" "verify_for = $text"; do
		printf '%s\n' "$line" >"$W/tmp/policy"
		patd --check-config "$W/tmp/policy" 2>&1
	done
	printf 'max_tokens = %s\n' "$text" >$CONF
	timeout 20 patctl create --user bob evil 2>&1
done >"$W/tmp/shown"
cp "$W/pat.conf" $CONF
clean 'faults of the policy' "$(cat "$W/tmp/shown")"
clean 'faults of the policy: the log' "$(log_lines)"
for i in "${!texts[@]}"; do
	file=$W/tmp/file${texts[i]}
	echo 'no_such_key = 1' >"$file"
	patd --check-config "$file" 2>&1
	echo 'max_tokens = 1' >"$file"
	patd --check-config "$file" 2>&1
	patd --listen "$file" 2>&1
	patstore --store "$file" check 2>&1
	patstore "${texts[i]}" 2>&1
	timeout 20 patctl list --socket "$file" 2>&1
	timeout 20 patctl create --user bob -o "$file/no" x 2>&1
done >"$W/tmp/shown"
clean 'names of files' "$(cat "$W/tmp/shown")"

like 'the token is good all the while' "$("$DRIVE" probe alice <<<"$GOOD" 2>/dev/null)" "auth=success .*$ID_OF_GOOD"
end
