#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Tokens that leaked are found, in files of many kinds, and what only looks like one is not; and what
# was found goes through a pipe to patctl. Where gitleaks is installed it is run; if not, and for
# trufflehog, the regular expression of the rule is, by Python: it has nothing in it that RE2, which
# the two use, reads otherwise.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
RULES=$SRC/etc/leaks

# --- what lies about

declare -A TOKENS
mkdir "$W/found" "$W/near"
cd "$W/found" || bail 'no place for the files'

# leak FILE FORMAT: a new token of alice's lies in a file that looks like this.
leak() {
	give alice "in $1"
	TOKENS[$1]=$TOKEN
	mkdir -p "$(dirname "$1")"
	# shellcheck disable=SC2059
	printf "$2\n" "$TOKEN" >"$1"
}
leak .env 'PAT=%s'
leak deploy.sh 'export SSHPASS="%s"'
leak shell_history 'sshpass -p %s ssh host.example'
leak hosts.yml "    ansible_password: '%s'"
leak app.json '{"user": "deploy", "password": "%s"}'
leak log.json '{"message": "login\\n%s\\nfailed"}'
leak fetch.py 'TOKEN = b"%s"'
leak main.c 'static const char token[] = "secret-token:%s";'
leak netrc 'machine host.example login deploy password %s'
leak table.csv 'ci,%s,2027-01-31'
# shellcheck disable=SC2016
leak note.md 'Log in with `%s`, until it ends.'
leak page.html '<code>%s</code>'
leak unit.xml '<property name="password" value="%s"/>'
leak access.log '"GET /login?user=deploy&password=%s&go=1 HTTP/1.1" 200'
leak form.txt 'user=deploy&password%%3D%s%%26go'
leak ci.log $'\e[32m%s\e[0m'
leak bare '%s'
leak windows.ini $'password=%s\r'
leak binary 'before\0%s\0after'
leak deep/down/here/url 'https://deploy:%s@host.example/files/'

cat >"$W/near/short" <<-END
	${TOKEN%?}
	lnxpat_
	lnxpat_Ab3dE9xZ
END
printf '%sx\n' "$TOKEN" >"$W/near/long"
printf '%s_\n' "$TOKEN" >"$W/near/underscore"
printf '%s\n' "${TOKEN:0:30}-${TOKEN:31}" >"$W/near/hyphen"
printf '%s\n' "${TOKEN:0:30}_${TOKEN:31}" >"$W/near/alphabet"
printf '%s %s\n' "${TOKEN:0:30}" "${TOKEN:30}" >"$W/near/space"
printf '%s\n%s\n' "${TOKEN:0:30}" "${TOKEN:30}" >"$W/near/two-lines"
printf 'my%s\n' "$TOKEN" >"$W/near/word"
printf 'my_%s\n' "$TOKEN" >"$W/near/word-underscore"
printf '%s\n' "${TOKEN^^}" >"$W/near/upper-case"
printf '%s\n' "${TOKEN/lnxpat_/lnxpat-}" >"$W/near/other-prefix"
printf '%s\n' "${TOKEN/lnxpat_/github_pat_}" >"$W/near/others-token"
printf '%s\n' "${TOKEN#lnxpat_}" >"$W/near/no-prefix"

# --- the rules

# rule FILE: its regular expression and its keywords, a line each.
rule() {
	/usr/bin/python3 - "$1" <<-'END'
		import re, sys, tomllib
		path = sys.argv[1]
		if path.endswith(".toml"):
		    with open(path, "rb") as file:
		        rules = tomllib.load(file)
		    rule, = rules["rules"]
		    assert rules["extend"]["useDefault"] is True and rule["secretGroup"] == 1 and rule["id"]
		    pattern, keywords = rule["regex"], rule["keywords"]
		else:
		    try:
		        import yaml
		        with open(path) as file:
		            rule, = yaml.safe_load(file)["detectors"]
		        assert rule["name"] and set(rule) == {"name", "keywords", "regex"}
		        pattern, = rule["regex"].values()
		        keywords = rule["keywords"]
		    except ModuleNotFoundError:
		        with open(path) as file:
		            text = file.read()
		        pattern, = re.findall(r"^ +token: '(.*)'$", text, re.M)
		        keywords = re.findall(r"^ +- (\w+)$", text, re.M)
		print(pattern, *keywords, sep="\n")
	END
}

# matches RULE FILE: what the expression of the rule finds in a file that has one of its keywords.
matches() {
	/usr/bin/python3 -c '
import re, sys
pattern, *keywords = sys.argv[2:]
with open(sys.argv[1], encoding="latin-1", newline="") as file:
    text = file.read()
if any(keyword in text.lower() for keyword in keywords):
    for match in re.finditer(pattern, text, re.ASCII):
        print(match[1])' "$2" "${RULE[@]}"
}

for file in gitleaks.toml trufflehog.yaml; do
	mapfile -t RULE < <(rule "$RULES/$file")
	is "$file is a rule, with the keyword" "${RULE[1]-}" lnxpat_
	unlike "$file: nothing that RE2 lacks or reads otherwise" "${RULE[0]}" '\(\?[=!<P]|\\[1-9ZAwdsu]|\*\+|\+\+'
	for name in "${!TOKENS[@]}"; do
		is "$file finds the token in $name" "$(matches "$file" "$name")" "${TOKENS[$name]}"
	done
	for path in "$W"/near/*; do
		is "$file does not mind: ${path##*/}" "$(matches "$file" "$path")" ''
	done
done

text='gitleaks itself finds them with the rule'
if command -v gitleaks >/dev/null; then
	run gitleaks detect --no-git --no-banner --config "$RULES/gitleaks.toml" --source "$W/found" \
		--report-format json --report-path "$W/tmp/report"
	missed=$(/usr/bin/python3 -c '
import json, sys
found = {item["Secret"] for item in json.load(open(sys.argv[1])) if item["RuleID"] == "pam-pat-token"}
print(*(set(sys.argv[2:]) - found))' "$W/tmp/report" "${TOKENS[@]}")
	is "$text" "$missed" ''
	run gitleaks detect --no-git --no-banner --config "$RULES/gitleaks.toml" --source "$W/near" \
		--report-format json --report-path "$W/tmp/report"
	is 'gitleaks itself minds nothing else' "$(grep -c pam-pat-token "$W/tmp/report")" 0
else
	skip "$text" 'gitleaks is not installed: its regular expression was tried by Python'
fi

# --- the pipe

count=${#TOKENS[@]}
give alice ended
ENDED=$TOKEN
patctl revoke -q ended --user alice

# told WHAT: how many of the lines of the last run tell that of an own token.
told() {
	grep -cE "(^|:|[[:space:]])$1 [0-9A-Za-z]{8} in [^ ]+ alice" <<<"$out"
}

pipe() {
	# shellcheck disable=SC2016
	run as bob env -C "$W/found" bash -c "$1"
	is "$1: all are good" "$rc $(told active)" "0 $count"
}
if command -v rg >/dev/null; then
	pipe "rg -uu -a -oIN 'lnxpat_\w{57}' . | patctl verify"
	pipe "rg -uu -a -o 'lnxpat_\w{57}' . | patctl verify"
	like 'with the name of the file' "$out" '\./\.env:'
else
	skip 'rg: all are good' 'needs rg'
fi
pipe "grep -rahoE 'lnxpat_[0-9A-Za-z]{57}' . | patctl verify"
pipe "grep -raoE 'lnxpat_[0-9A-Za-z]{57}' . | patctl verify"

run as bob bash -c "{ grep -rahoE 'lnxpat_[0-9A-Za-z]{57}' .; echo; cat; } | patctl verify" <<<"$ENDED"
is 'one that was revoked makes it 1' "$rc $(told active)" "1 $count"
run as bob bash -c "{ grep -rahoE 'lnxpat_[0-9A-Za-z]{57}' .; cat; } | patctl verify" \
	<<<"$("$LIB/forge.py" "${ENDED:7:8}")"
is 'one that nobody minted makes it 3' "$rc $(told active)" "3 $count"
run as bob bash -c "cat ../near/* | grep -oE 'lnxpat_\w{57}' | patctl verify"
is 'a token that something sticks to is found all the same, and what is none is not' \
	"$rc $(told active) $(wc -l <<<"$out")" '2 4 5'
run as bob bash -c "grep -rahoE 'lnxpat_[0-9A-Za-z]{57}' . | patctl verify --json"
is 'as JSON' "$(/usr/bin/python3 -c '
import json, sys
print(len([token for token in json.load(sys.stdin) if token["status"] == "active"]))' <<<"$out")" "$count"

run as bob bash -c "grep -raoE 'lnxpat_[0-9A-Za-z]{57}' . | patctl revoke --token-stdin"
is 'bob, who found them, ends them all' "$rc" 0
is 'and they are' "$(patctl list --user alice --json)" '[]'
run as bob bash -c "grep -rahoE 'lnxpat_[0-9A-Za-z]{57}' . | patctl verify"
is 'none is good now' "$rc $(told active)" '1 0'

cd /
end
