#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Something else in place of the store, its lock file, its directory, or what is written beside it: refused as
# what it is, nobody is let in by it, nothing is written through it, and with the right thing back all is well.
# The store itself missing, foreign, linked by a name or of another kind is the suite store's.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

DIR=/var/lib/pat
STORE=$DIR/tokens.tdb
LOCK=$STORE.lock
NEW=$STORE.new
service probe "$PAT_LINE" 'auth requisite pam_unix.so nodelay' 'account required pam_unix.so'
give alice ci --service probe,sudo
GOOD=$TOKEN
give alice old --service probe
ENDED=$TOKEN
cp -p $STORE "$W/before"
as alice patctl revoke -q old
echo 'nothing of ours' >"$W/victim"

untouched() {
	is "$1: what lies behind it was not touched" "$(cat "$W/victim")" 'nothing of ours'
}

# refused_as WHAT: $GOOD, by root's service itself and, patd having the same store, by sudo.
refused_as() {
	local began=$EPOCHREALTIME
	log_mark
	run login_as probe alice "$GOOD"
	is "$1: a token is refused as such" "$out" PAM_SYSTEM_ERR
	logged "$1: which is critical" '<82>.*pam_pat\(probe:auth\): .*reason=unavailable'
	run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" id -un' <<<"$GOOD"
	refused "$1: refused at sudo, too"
	run login_as probe alice "${PASSWORD[alice]}"
	is "$1: the password works" "${out%%$'\n'*}" PAM_SUCCESS
	run timeout 20 patctl create --user bob "evil $RANDOM"
	exited "$1: nothing is minted" 1
	run timeout 20 patstore check
	exited "$1: patstore says no" 1
	ok "$1: nobody waited long" awk "BEGIN { exit !($EPOCHREALTIME - $began < 12) }"
	untouched "$1"
}

mended() {
	run login_as probe alice "$GOOD"
	is "$1, and the right thing back: the token works" "${out%%$'\n'*}" PAM_SUCCESS
}

# --- the store

ln $STORE $DIR/second
refused_as 'a store with a second name'
rm $DIR/second
mknod -m 600 $DIR/null c 1 3
mv $STORE "$W/store"
mv $DIR/null $STORE
refused_as 'a device in place of the store'
rm $STORE
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $STORE
refused_as 'a socket in place of the store'
rm $STORE
ln -s "$W/victim" $STORE
refused_as 'a link to a file that is no store'
rm $STORE
cp "$W/store" "$W/tmp/bobs"
chown bob "$W/tmp/bobs"
ln -s "$W/tmp/bobs" $STORE
refused_as "a link to a user's copy"
rm $STORE
mv "$W/store" $STORE
mended 'the store'

# --- the lock file: whoever could hold it, could keep everybody out

for kind in link fifo directory device socket 'file of a user' 'file that others may open' 'dangling link'; do
	rm -rf $LOCK
	case $kind in
	link) ln -s "$W/victim" $LOCK ;;
	'dangling link') ln -s "$W/made-through-it" $LOCK ;;
	fifo) mkfifo -m 600 $LOCK ;;
	directory) mkdir -m 700 $LOCK ;;
	device) mknod -m 600 $LOCK c 1 3 ;;
	socket) /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $LOCK ;;
	'file of a user') install -m 600 -o bob /dev/null $LOCK ;;
	'file that others may open') install -m 644 /dev/null $LOCK ;;
	esac
	refused_as "a lock file that is a $kind"
done
not 'a lock file that is a dangling link: nothing was made through it' test -e "$W/made-through-it"
rm -rf $LOCK
mended 'the lock file'
is 'a lock file that is gone is made again, for root alone' "$(stat -c '%U %a' $LOCK)" 'root 600'

# --- what is written beside the store, where it is made

mv $STORE "$W/store"
for kind in link fifo 'hard link' 'file of a user'; do
	rm -rf $NEW $STORE
	case $kind in
	link) ln -s "$W/victim" $NEW ;;
	fifo) mkfifo $NEW ;;
	'hard link') cp "$W/victim" $DIR/other && ln $DIR/other $NEW ;;
	'file of a user') install -m 666 -o bob "$W/victim" $NEW ;;
	esac
	run timeout 20 patctl create --user bob "made $kind"
	exited "PATH.new that is a $kind: a new store is made all the same" 0
	is "PATH.new that is a $kind: it is root's alone" "$(stat -c '%U %a %F %h' $STORE)" 'root 600 regular file 1'
	untouched "PATH.new that is a $kind"
done
is 'PATH.new that is a hard link: what it was is as it was' "$(cat $DIR/other)" 'nothing of ours'
rm -rf $NEW $STORE $DIR/other
mv "$W/store" $STORE

# --- the directory, and those above it

chmod 1777 /var/lib
not 'above the directory, all may write, each their own: a user cannot take it away' as bob mv $DIR $DIR.away
mended 'a directory under one where all may write, each their own'
chmod 777 /var/lib
as bob mv $DIR $DIR.away
as bob mkdir -m 700 $DIR
as bob cp "$W/tmp/bobs" $STORE
refused_as "a user's directory in its place"
as bob rm -r $DIR
as bob ln -s $DIR.away $DIR
refused_as 'a link to where it went'
as bob rm $DIR
as bob mv $DIR.away $DIR
chmod 755 /var/lib
mended 'the directory'

# --- exchanged while logins go on

rm -f "$W/tmp/bobs"
cp "$W/before" "$DIR/other"
chown bob "$DIR/other"
announced "$W/exchanging" "$LIB/adversary_peers.py" exchange $STORE $DIR/other
EXCHANGING=$!
install -m 755 "$BUILD/tests/tools/pamdrive" "$W/pamdrive"
good='' ended=''
for _ in {1..50}; do
	good+=" $("$W/pamdrive" probe alice <<<"$GOOD" 2>/dev/null | sed 's/^auth=\([a-z_]*\).*/\1/')"
	ended+=" $("$W/pamdrive" probe alice <<<"$ENDED" 2>/dev/null | sed 's/^auth=\([a-z_]*\).*/\1/')"
done
kill $EXCHANGING
wait $EXCHANGING 2>/dev/null
rm -f "$W/now"
[ "$(stat -c %U $STORE)" = root ] || mv $DIR/other $STORE
rm -f $DIR/other
like "a user's old copy, exchanged with the store all the time: both were met" "$good" 'success.*system_err|system_err.*success'
is 'and there is no third answer for what is good' "$(tr ' ' '\n' <<<"$good" | grep -vcE '^(success|system_err)?$')" 0
is 'nor is let in who was revoked since' "$(grep -o success <<<"$ended" | wc -l)" 0
mended 'the store that was exchanged'
ok 'and is whole' patstore check

# What root does is root's will: this is what SECURITY.md does not promise.
cp -p "$W/before" $STORE
run login_as probe alice "$ENDED"
is 'an old copy that root puts back brings back what was good when it was made' "${out%%$'\n'*}" PAM_SUCCESS

end
