#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What `make demo` shows is as it should be, and what README shows of it has no secret.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=$(realpath -m "${BUILD:-$SRC/build}")
LIB=$SRC/tests/lib
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$LIB/tap.sh"
W=$TAP_DIR
[ "$(id -u)" -eq 0 ] || skip_all 'needs root'

# recorded FORM FILE
# shellcheck disable=SC2317
recorded() {
	"$LIB/recording.py" "$1" <"$W/shown" >"$2"
}

# It makes a world of its own.
run timeout 120 bash "$SRC/tests/demo" "$BUILD"
[[ $err != *'right to make namespaces'* ]] || skip_all 'needs the right to make namespaces and to mount'
exited 'the demo ends well' 0
like 'each of its steps did what it should' "$out" 'All [0-9]{2} steps did what they should\.$'
printf '%s\n' "$out" >"$W/shown"
like 'it shows tokens' "$out" 'lnxpat_[0-9A-Za-z]{57}'

ok 'it makes a recording' recorded cast "$W/cast"
ok 'which is an asciicast, and goes forward in time' /usr/bin/python3 -c '
import json, sys
header, *events = map(json.loads, open(sys.argv[1]))
times = [time for time, kind, _ in events if kind == "o"]
sys.exit(not (header["version"] == 2 and len(times) == len(events) > 500 and times == sorted(times)))' "$W/cast"
ok 'it makes a picture' recorded svg "$W/svg"
ok 'which is well-formed' /usr/bin/python3 -c '
import sys, xml.dom.minidom
sys.exit(len(xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("text")) < 20)' "$W/svg"
# scenes FILE: the headings that it shows.
scenes() {
	grep -oE '# [A-Z][^<\\]+' "$1"
}

for form in cast svg; do
	unlike "the $form has no token" "$(cat "$W/$form")" 'lnxpat_[0-9A-Za-z]{57}'
	unlike "nor has the one in docs/" "$(cat "$SRC/docs/demo.$form")" 'lnxpat_[0-9A-Za-z]{57}'
	is "which shows what there is today ($form)" "$(scenes "$SRC/docs/demo.$form")" "$(scenes "$W/$form")"
done
done_testing
